//! A function's settings: environment variables, which `infra/template.yaml` sets.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use domain::purchase::PurchaseLimits;
use lambda_runtime::Error;
use payments::{Processor, Sandbox};
use rates::PublishedRates;
use store::{Store, Tables};

/// The store that the settings name.
///
/// # Errors
///
/// The name of a table is missing.
pub async fn store_from_env() -> Result<Arc<Store>, Error> {
    let tables = Tables::from_env().map_err(missing)?;
    Ok(Store::new(store::client_from_env().await, tables).into())
}

/// The card processor: the sandbox, over the table that the settings name. There is no other yet.
///
/// # Errors
///
/// `SANDBOX_TABLE` or `AUTHENTICATION_PAGE` is missing.
pub async fn processor_from_env() -> Result<Arc<dyn Processor>, Error> {
    Ok(Arc::new(Sandbox::from_env(store::client_from_env().await).map_err(missing)?))
}

/// The operator's limits of purchases, which `PURCHASE_LIMITS` changes (F2).
///
/// # Errors
///
/// The setting is no list of limits.
pub fn limits_from_env() -> Result<PurchaseLimits, Error> {
    Ok(PurchaseLimits::parse(&std::env::var("PURCHASE_LIMITS").unwrap_or_default())?)
}

/// Begins to read the published rates from the file that `RATES_FILE` names. A relative path starts where Lambda has
/// unpacked the zip.
///
/// # Errors
///
/// The setting is missing, or the file cannot be opened.
pub fn rates_from_env() -> Result<PublishedRates, Error> {
    let zip = std::env::var_os("LAMBDA_TASK_ROOT").unwrap_or_default();
    // Joining keeps an absolute path as it is.
    Ok(PublishedRates::reading(File::open(Path::new(&zip).join(setting("RATES_FILE")?))?))
}

/// The value of a setting that must be there.
///
/// # Errors
///
/// It is missing.
pub fn setting(name: &str) -> Result<String, Error> {
    std::env::var(name).map_err(|_| missing(name))
}

fn missing(setting: &str) -> Error {
    format!("the setting {setting} is missing").into()
}
