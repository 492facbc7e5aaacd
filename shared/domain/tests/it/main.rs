//! Tests of the domain through its public API. Scenarios are named after their rule (`scenarios`, `recharge`, `rejected`). Random
//! histories (`history`) are compared with a second, naive implementation (`property`, `model`). Both check the invariants after
//! every commit (`books`). The audit must find every damage to the books of a history (`audit`), and every part of a single
//! journal entry that does not agree with the others (`altered`). Refunds and disputes have scenarios and random histories of their own (`repayments`). Statements of any days add up (`statement`).

#![expect(clippy::unwrap_used, reason = "a failed unwrap fails the test at its line")]

mod altered;
mod audit;
mod authorization;
mod books;
mod given;
mod history;
mod invoices;
mod model;
mod names;
mod property;
mod rates;
mod recharge;
mod rejected;
mod repayments;
mod scenarios;
mod settings;
mod statement;
mod usage_report;
