//! Every JSON answer of the API is read as its type in `contract` and written again. Both must be the same, so that a typed
//! client reads every field.

use contract::{
    Account, Accounts, Authorization, BalanceAt, Balances, Caller, CardPage, Debits, Invoice, Invoices,
    LimitsUse, Lots, Plans, ProblemBody, Purchase, Purchases, RateFound, RatedNow, Rates, RechargePreview,
    Reversals, Statement, SwitchPreview, Transaction, Transactions, UnratedRecords, UsageReport,
};
use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// Checks an answer of the API. Texts, and answers of the host itself, have no type.
///
/// # Panics
///
/// If the answer differs from what its type writes.
pub(crate) fn check(method: &Method, path: &str, status: u16, body: &Value) {
    let Some(path) = path.strip_prefix("/v1/") else { return };
    // The one-machine host refuses other web sites with the code `webSite`, before the request reaches the API.
    if !body.is_object() || body["code"] == "webSite" {
        return;
    }
    let is_post = *method == Method::POST;
    let parts: Vec<_> = path.split('?').next().unwrap_or_default().split('/').collect();
    let check = match parts.as_slice() {
        _ if status >= 400 => same::<ProblemBody>,
        ["accounts"] if !is_post => same::<Accounts>,
        ["accounts", _, "auto-recharge", "preview"] => same::<RechargePreview>,
        ["accounts", _, "payment-method", "setup"] => same::<CardPage>,
        ["accounts", _, "limits"] if *method == Method::GET => same::<LimitsUse>,
        ["accounts"]
        | ["accounts", _]
        | ["accounts", _, "pools" | "limits"]
        | ["accounts", _, "payment-method" | "auto-recharge", ..] => same::<Account>,
        ["accounts", _, "lots"] => same::<Lots>,
        ["accounts", _, "balance"] => same::<BalanceAt>,
        ["accounts", _, "balances"] => same::<Balances>,
        ["accounts", _, "statement"] => same::<Statement>,
        ["accounts", _, "invoices"] => same::<Invoices>,
        ["accounts", _, "invoices", ..] => same::<Invoice>,
        ["accounts", _, "purchases"] if !is_post => same::<Purchases>,
        ["accounts", _, "purchases", ..] => same::<Purchase>,
        ["accounts", _, "transactions"] => same::<Transactions>,
        ["accounts", _, "usage"] => same::<UsageReport>,
        ["accounts", _, "adjustments"] | ["accounts", _, "usage", ..] => same::<Transaction>,
        ["caller"] => same::<Caller>,
        ["accounts", _, "authorizations", ..] => same::<Authorization>,
        ["accounts", _, "debits"] => same::<Debits>,
        ["accounts", _, "reversals"] => same::<Reversals>,
        ["accounts", _, "billing-model", "preview"] => same::<SwitchPreview>,
        ["plans"] => same::<Plans>,
        ["unrated", "rate"] => same::<RatedNow>,
        ["unrated"] => same::<UnratedRecords>,
        ["rates"] => same::<RateFound>,
        ["rates", "list"] => same::<Rates>,
        _ => panic!("{path}: an answer without a type"),
    };
    check(path, body);
}

fn same<T: DeserializeOwned + Serialize>(path: &str, body: &Value) {
    let read: T =
        serde_json::from_value(body.clone()).unwrap_or_else(|error| panic!("{path}: {error}: {body}"));
    let written = serde_json::to_value(&read).expect("an answer can be written");
    assert_eq!(&written, body, "{path}");
}
