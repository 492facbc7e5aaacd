//! What every function's `main` does before its first event: logs, settings, rates.

use std::sync::{Arc, LazyLock};

use domain::RateTable;
use domain::purchase::PurchaseLimits;
use domain::rate::RateFileError;
use payments::{Processor, Sandbox};
use store::{Store, Tables};

use crate::problem::Problem;

/// One JSON object a line, as Lambda's log groups are searched; `RUST_LOG` sets the level.
pub fn start_logs() {
    let level = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt().json().with_env_filter(level).with_current_span(false).init();
}

/// The store that the settings name.
pub async fn store_from_env() -> Result<Arc<Store>, lambda_runtime::Error> {
    let tables = Tables::from_env().map_err(missing)?;
    Ok(Store::new(store::client_from_env().await, tables).into())
}

/// The card processor: the sandbox, over the table that the settings name. There is no other yet.
pub async fn processor_from_env() -> Result<Arc<dyn Processor>, lambda_runtime::Error> {
    Ok(Arc::new(Sandbox::from_env(store::client_from_env().await).map_err(missing)?))
}

/// The operator's limits of purchases, which `PURCHASE_LIMITS` changes (F2).
pub fn limits_from_env() -> Result<PurchaseLimits, lambda_runtime::Error> {
    Ok(PurchaseLimits::parse(&std::env::var("PURCHASE_LIMITS").unwrap_or_default())?)
}

/// The value of a setting that must be there.
pub fn setting(name: &str) -> Result<String, lambda_runtime::Error> {
    std::env::var(name).map_err(|_| missing(name))
}

fn missing(setting: &str) -> lambda_runtime::Error {
    format!("the setting {setting} is missing").into()
}

type Loader = Box<dyn FnOnce() -> Result<RateTable, RateFileError> + Send>;

/// The published rates, read once, on a thread of their own: a world-wide file must not slow a start.
#[derive(Clone)]
pub struct PublishedRates(Arc<LazyLock<Result<RateTable, RateFileError>, Loader>>);

impl PublishedRates {
    /// Begins to read a rate file's text.
    pub fn reading(file: impl Into<String>) -> Self {
        let file = file.into();
        let loader: Loader = Box::new(move || RateTable::parse(&file));
        let rates = Self(Arc::new(LazyLock::new(loader)));
        let in_background = rates.clone();
        std::thread::spawn(move || LazyLock::force(&in_background.0).is_ok());
        rates
    }

    /// Begins to read the file that the setting `RATES_FILE` names.
    pub fn from_env() -> Result<Self, lambda_runtime::Error> {
        let path = setting("RATES_FILE")?;
        Ok(Self::reading(std::fs::read_to_string(path)?))
    }

    /// The rates, once they are read; a file that cannot be used rates nothing.
    pub fn get(&self) -> Result<&RateTable, Problem> {
        LazyLock::force(&self.0).as_ref().map_err(|problem| Problem::Unavailable(problem.to_string()))
    }
}
