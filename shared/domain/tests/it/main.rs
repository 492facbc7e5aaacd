//! The domain from outside, three ways: scenarios named by their rule (`scenarios`, `recharge`, `rejected`); random histories
//! (`history`) held against a second, naive wallet (`property`, `model`); in both, what must hold after every commit
//! whatever led to it (`books`); and the audit, which must find whatever is altered in what they leave (`audit`), and of a single
//! row each part that does not fit the rest (`altered`).

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod altered;
mod audit;
mod books;
mod given;
mod history;
mod model;
mod names;
mod property;
mod rates;
mod recharge;
mod rejected;
mod scenarios;
mod settings;
