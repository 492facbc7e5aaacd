//! A function's settings: environment variables, which `infra/template.yaml` sets.

use std::path::Path;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use domain::purchase::PurchaseLimits;
use domain::recharge::Policy;
use lambda_runtime::Error;
use payments::{Portal, Processor, Sandbox};
use rates::PublishedRates;
use store::{Store, Tables};

use crate::aws;

/// The store over the tables that the settings name.
///
/// # Errors
///
/// `ACCOUNTS_TABLE`, `JOURNAL_TABLE` or `PAYMENTS_TABLE` is missing.
pub async fn store_from_env() -> Result<Arc<Store>, Error> {
    let tables = Tables::from_env().map_err(missing)?;
    Ok(Store::new(Client::new(aws::config().await), tables).into())
}

/// The card processor. It is the sandbox, over the table that `SANDBOX_TABLE` names; there is no other yet.
///
/// # Errors
///
/// `SANDBOX_TABLE`, `AUTHENTICATION_PAGE` or `CARD_PAGE` is missing.
pub async fn processor_from_env() -> Result<Arc<dyn Processor>, Error> {
    Ok(Arc::new(Sandbox::from_env(Client::new(aws::config().await)).map_err(missing)?))
}

/// The portal, at the URL that `PORTAL_URL` names.
///
/// # Errors
///
/// `PORTAL_URL` is missing.
pub fn portal_from_env() -> Result<Portal, Error> {
    Ok(Portal::new(&setting("PORTAL_URL")?))
}

/// The limits of purchases (F2): the defaults, with those of the setting `PURCHASE_LIMITS` in their place, if it is there.
///
/// # Errors
///
/// The setting is not a list of limits.
pub fn limits_from_env() -> Result<PurchaseLimits, Error> {
    Ok(PurchaseLimits::parse(&std::env::var("PURCHASE_LIMITS").unwrap_or_default())?)
}

/// What the operator allows of auto-recharge (F2, R6): the limits of purchases, and the recharge amounts of a day, which
/// `RECHARGES_A_DAY` sets if it is there.
///
/// # Errors
///
/// A setting cannot be read.
pub fn policy_from_env() -> Result<Policy, Error> {
    let a_day = std::env::var("RECHARGES_A_DAY").ok().map(|number| number.parse());
    let a_day = a_day.transpose().map_err(|_| "RECHARGES_A_DAY: expected a number")?;
    let usual = Policy::default();
    Ok(Policy { limits: limits_from_env()?, a_day: a_day.unwrap_or(usual.a_day) })
}

/// Opens the rate file that `RATES_FILE` names. A relative path starts at `LAMBDA_TASK_ROOT`, the folder into which Lambda has
/// unpacked the zip.
///
/// # Errors
///
/// `RATES_FILE` is missing, or the file cannot be opened. If the file cannot be used, [`PublishedRates::get`] returns the error.
pub fn rates_from_env() -> Result<PublishedRates, Error> {
    let zip = std::env::var_os("LAMBDA_TASK_ROOT").unwrap_or_default();
    // Joining keeps an absolute path as it is.
    Ok(PublishedRates::open(&Path::new(&zip).join(setting("RATES_FILE")?))?)
}

/// The value of a setting that must be there.
///
/// # Errors
///
/// The environment variable is missing or not Unicode.
pub fn setting(name: &str) -> Result<String, Error> {
    std::env::var(name).map_err(|_| missing(name))
}

fn missing(setting: &str) -> Error {
    format!("the setting {setting} is missing").into()
}
