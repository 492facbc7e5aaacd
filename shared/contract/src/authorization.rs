//! Answers to switches.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::rate::Rate;

/// Whether a call may start or go on, and how long it may last.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Authorization {
    /// Whether it may.
    pub allowed: bool,
    /// Why it may not: `insufficientFunds`, `limitReached`, `noRate` or `tooManyHolds`. Further reasons may come.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "insufficientFunds")]
    pub reason: Option<String>,
    /// The SIP status for the caller's side, if it may not.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 402)]
    pub sip_status: Option<u16>,
    /// The hold, if one was taken. The call's usage record names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold_id: Option<String>,
    /// The service that the call is rated as.
    #[schema(example = "userOut")]
    pub service: String,
    /// How many seconds the call may last in all: 0 if it may not start. A refused extension leaves what was granted.
    pub max_duration_seconds: u32,
    /// The rate of the call, if it has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate: Option<Rate>,
    /// The currency's code in ISO 4217.
    #[schema(example = "EUR")]
    pub currency: String,
    /// The available balance, to be announced. For an emergency call it is as it was last seen, since that answer waits for nothing.
    #[schema(example = "87.6500")]
    pub available: String,
}
