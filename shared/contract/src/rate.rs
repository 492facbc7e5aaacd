//! Published rates as answers show them.

use domain::{Currency, Service, rate};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::instant::Instant;

/// A published rate.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rate {
    /// The E.164 digits that a number begins with.
    pub prefix: String,
    /// The destination of the prefix.
    pub destination: String,
    /// The country's code in ISO 3166-1 alpha-2; empty where there is none.
    pub country: String,
    /// The price of 60 seconds.
    #[schema(example = "0.0190")]
    pub per_minute: String,
    /// The price of the connection.
    pub connection_fee: String,
    /// The fewest seconds that are billed.
    pub first_increment: u32,
    /// The seconds that are billed at a time after the first increment.
    pub next_increment: u32,
    /// The instant since which the rate is in force.
    pub effective_from: Instant,
}

/// The rates of a number.
#[derive(Clone, Debug, Default, Serialize, Deserialize, ToSchema)]
pub struct RateFound {
    /// The rate in force now, if the request names a service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// The rates in force now of every service that has one, if the request names no service.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rates: Vec<ListedRate>,
}

/// A published rate with its service and currency.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct ListedRate {
    /// The service.
    #[schema(example = "userOut")]
    pub service: String,
    /// The currency's code in ISO 4217.
    pub currency: String,
    /// The rate.
    #[serde(flatten)]
    pub rate: Rate,
}

/// One page of the published rates.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Rates {
    /// Rates by service, currency, prefix and `effectiveFrom`.
    pub rates: Vec<ListedRate>,
    /// The `cursor` of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

impl ListedRate {
    /// A rate of this service in this currency.
    pub fn new(service: Service, currency: Currency, rate: rate::Rate<'_>) -> Self {
        Self { service: service.as_str().to_owned(), currency: currency.to_string(), rate: rate.into() }
    }
}

impl From<rate::Rate<'_>> for Rate {
    fn from(rate: rate::Rate<'_>) -> Self {
        Self {
            prefix: rate.prefix.to_string(),
            destination: rate.destination.to_owned(),
            country: rate.country.to_owned(),
            per_minute: rate.per_minute.to_string(),
            connection_fee: rate.connection_fee.to_string(),
            first_increment: rate.first_increment,
            next_increment: rate.next_increment,
            effective_from: rate.effective_from.into(),
        }
    }
}
