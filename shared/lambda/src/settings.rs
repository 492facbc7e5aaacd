//! A function's settings: environment variables, which `infra/template.yaml` sets.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use domain::purchase::{ChargedAmounts, PurchaseLimits};
use domain::recharge::Policy;
use lambda_runtime::Error;
use payments::stripe_range::charged_by_stripe;
use payments::{Portal, Processor, Sandbox, Stripe};
use rates::PublishedRates;
use store::{Store, Tables};
use stripe::{KeySource, Limits, NoKey, SecretKey};

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

/// The card processor that is chosen by the setting `CARD_PROCESSOR`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Choice {
    Sandbox,
    Stripe,
}

impl Choice {
    fn from_env() -> Result<Self, Error> {
        match std::env::var("CARD_PROCESSOR").as_deref() {
            Err(_) | Ok("sandbox") => Ok(Self::Sandbox),
            Ok("stripe") => Ok(Self::Stripe),
            Ok(other) => Err(format!("CARD_PROCESSOR: expected sandbox or stripe, not {other:?}").into()),
        }
    }
}

/// The card processor that `CARD_PROCESSOR` names: the sandbox, over the table that `SANDBOX_TABLE` names, or Stripe, with the key in
/// the secret that `STRIPE_SECRET_ARN` names.
///
/// # Errors
///
/// `CARD_PROCESSOR` names another one, or a setting of the processor is missing.
pub async fn processor_from_env() -> Result<Arc<dyn Processor>, Error> {
    match Choice::from_env()? {
        Choice::Sandbox => {
            Ok(Arc::new(Sandbox::from_env(Client::new(aws::config().await)).map_err(missing)?))
        }
        Choice::Stripe => {
            let key = Arc::new(KeyInSecret(setting("STRIPE_SECRET_ARN")?));
            Ok(Arc::new(Stripe::new(stripe::Client::new(STRIPE, key, Limits::default()))))
        }
    }
}

/// The address of Stripe's API.
const STRIPE: &str = "https://api.stripe.com";

/// A key in a secret of Secrets Manager.
struct KeyInSecret(String);

#[async_trait]
impl KeySource for KeyInSecret {
    async fn read(&self) -> Result<SecretKey, NoKey> {
        Ok(SecretKey::new(&aws::secret(&self.0).await.map_err(NoKey)?))
    }
}

/// The portal, at the URL that `PORTAL_URL` names.
///
/// # Errors
///
/// `PORTAL_URL` is missing.
pub fn portal_from_env() -> Result<Portal, Error> {
    Ok(Portal::new(&setting("PORTAL_URL")?))
}

/// The limits of purchases (F2): the defaults, with those of the setting `PURCHASE_LIMITS` in their place, if it is there. They keep
/// to what the card processor charges.
///
/// # Errors
///
/// The setting is not a list of limits, or allows an amount that the card processor does not charge.
pub fn limits_from_env() -> Result<PurchaseLimits, Error> {
    let limits = PurchaseLimits::parse(&std::env::var("PURCHASE_LIMITS").unwrap_or_default())?;
    Ok(match charged_from_env()? {
        None => limits,
        Some(charged) => limits.within(charged)?,
    })
}

/// The amounts that the card processor charges and pays back, which `CARD_PROCESSOR` names. `None` if it counts every minor unit.
///
/// # Errors
///
/// `CARD_PROCESSOR` names another processor.
pub fn charged_from_env() -> Result<Option<ChargedAmounts>, Error> {
    Ok(match Choice::from_env()? {
        Choice::Sandbox => None,
        Choice::Stripe => Some(charged_by_stripe),
    })
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
