//! The caller as an answer shows it.

use domain::account;
use domain::profile::Profile;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The holder of a token.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Caller {
    /// The token's `sub`, which is the author of the caller's changes.
    pub subject: String,
    /// The person's name, if the token has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The roles: `operator`, `admin`, `viewer`, `platform`.
    pub roles: Vec<String>,
    /// The accounts that the token names, by id.
    pub accounts: Vec<CallerAccount>,
}

/// An account that a caller reaches.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct CallerAccount {
    /// The account's id.
    pub account_id: String,
    /// The organization's name.
    pub name: String,
    /// The currency's code in ISO 4217.
    pub currency: String,
    /// `active` or `depleted`.
    pub status: String,
    /// The balance without funds that have expired.
    pub available: String,
}

impl CallerAccount {
    /// The account as it stands at `now`.
    pub fn show(account: &account::Account, profile: &Profile, now: Timestamp) -> Self {
        let now = now.max(account.as_of);
        Self {
            account_id: account.id.to_string(),
            name: profile.name.clone(),
            currency: account.currency.code().to_owned(),
            status: account.status(now).as_str().to_owned(),
            available: account.available(now).to_string(),
        }
    }
}
