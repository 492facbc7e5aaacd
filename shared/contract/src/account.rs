//! Accounts as answers show them.

use domain::account;
use domain::profile::{self, Profile};
use domain::recharge::{self, Recharge, State};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::instant::Instant;

/// An organization's wallet.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// Chosen by the operator.
    #[schema(example = "contoso")]
    pub account_id: String,
    /// The organization's name.
    pub name: String,
    /// ISO 4217.
    #[schema(example = "EUR")]
    pub currency: String,
    /// Language of what is sent to it.
    #[schema(example = "en")]
    pub locale: String,
    /// How it pays: `prepaid` or `postUsage`.
    #[schema(example = "prepaid")]
    pub billing_model: String,
    /// `active`, or `depleted`: nothing is available, so no paid call may start.
    #[schema(example = "active")]
    pub status: String,
    /// Unspent funds less what is owed.
    #[schema(example = "87.6500")]
    pub balance: String,
    /// The balance without funds that have expired.
    #[schema(example = "87.6500")]
    pub available: String,
    /// What finished calls cost beyond the funds there were.
    #[schema(example = "0.0000")]
    pub owed: String,
    /// The funds that expire next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_expiry: Option<NextExpiry>,
    /// The saved card.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_method: Option<Card>,
    /// Auto-recharge.
    pub auto_recharge: AutoRecharge,
    /// A second card, which auto-recharge charges once when the first is declined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backup: Option<Card>,
    /// Who is told.
    pub notification_emails: Vec<String>,
    /// Printed on receipts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub po_number: Option<String>,
    /// People are warned when what is available falls to this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub low_balance_amount: Option<String>,
    /// Charges of the month that the next invoice asks for.
    pub post_usage: PostUsage,
    /// One more with every change.
    pub version: u64,
    /// When it was created.
    pub created_at: Instant,
}

/// How funds are bought by themselves, and how far that is.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AutoRecharge {
    /// On or off.
    pub enabled: bool,
    /// When what is available is at or below this, the card is charged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger_amount: Option<String>,
    /// What is charged at a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recharge_amount: Option<String>,
    /// At most so much in a calendar month (UTC).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monthly_limit: Option<String>,
    /// `off`; `armed`: it charges at the trigger; `charging`: a charge is open; `waiting`: declined, and tried again at
    /// `until`; `needsAction`: the card wants its owner, at the recharge's `nextAction.url`; `limited`: no charge fits a limit, and it is looked at again
    /// at `until`; `paused`: by a safeguard, until it is resumed; `stopped`: declined for good or too often, until
    /// the card or the settings change or it is resumed.
    #[schema(example = "armed")]
    pub state: String,
    /// Why, where it is held back: the card processor's decline code; `monthly`, `maximum` or `lots`; `runaway`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// Until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Instant>,
    /// The last decline, until a charge succeeds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<RechargeFailure>,
}

/// A recharge that was declined.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RechargeFailure {
    /// When that became known.
    pub at: Instant,
    /// The card processor's code.
    pub reason: String,
}

impl From<&Recharge> for AutoRecharge {
    fn from(recharge: &Recharge) -> Self {
        let amounts = recharge.amounts.as_ref();
        let declined = || recharge.last_failure.as_ref().map(|failure| failure.reason.clone());
        let (state, why, until) = match recharge.state {
            State::Off => ("off", None, None),
            State::Armed => ("armed", None, None),
            State::Charging { .. } => ("charging", None, None),
            State::Waiting { until, .. } => ("waiting", declined(), Some(until)),
            State::NeedsAction { .. } => {
                ("needsAction", Some(recharge::AUTHENTICATION_REQUIRED.to_owned()), None)
            }
            State::Limited { until, why } => ("limited", Some(why.as_str().to_owned()), Some(until)),
            State::Paused { why } => ("paused", Some(why.as_str().to_owned()), None),
            State::Stopped => ("stopped", declined(), None),
        };
        Self {
            enabled: recharge.enabled(),
            trigger_amount: amounts.map(|amounts| amounts.trigger.to_string()),
            recharge_amount: amounts.map(|amounts| amounts.amount.to_string()),
            monthly_limit: amounts.and_then(|amounts| amounts.monthly_limit).map(|limit| limit.to_string()),
            state: state.to_owned(),
            why,
            until: until.map(Instant::from),
            last_failure: recharge
                .last_failure
                .as_ref()
                .map(|failure| RechargeFailure { at: failure.at.into(), reason: failure.reason.clone() }),
        }
    }
}

/// Funds that expire next.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NextExpiry {
    /// How much of them is unspent.
    pub amount: String,
    /// When.
    pub expires_at: Instant,
}

/// What is shown of a card.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Card {
    /// `visa`, `mastercard`, …
    pub brand: String,
    /// Last four digits.
    pub last4: String,
    /// 1 to 12.
    pub exp_month: u8,
    /// Four digits.
    pub exp_year: u16,
}

/// A month's charges.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PostUsage {
    /// In UTC.
    #[schema(example = "2026-11")]
    pub month: String,
    /// Their sum.
    pub amount: String,
}

impl Account {
    /// The account as it stands at `now`.
    pub fn show(account: &account::Account, profile: &Profile, now: Timestamp) -> Self {
        let now = now.max(account.as_of);
        Self {
            account_id: account.id.to_string(),
            name: profile.name.clone(),
            currency: account.currency.code().to_owned(),
            locale: profile.locale.as_str().to_owned(),
            billing_model: account.billing_model.as_str().to_owned(),
            status: account.status(now).as_str().to_owned(),
            balance: account.balance().to_string(),
            available: account.available(now).to_string(),
            owed: account.owed.to_string(),
            next_expiry: account.next_expiry(now).map(|lot| NextExpiry {
                amount: lot.remaining.to_string(),
                expires_at: lot.expires_at.into(),
            }),
            payment_method: profile.payment_method.as_ref().map(|method| (&method.card).into()),
            auto_recharge: AutoRecharge::from(&account.recharge),
            backup: profile.backup.as_ref().map(|method| (&method.card).into()),
            notification_emails: profile.notification_emails.clone(),
            po_number: profile.po_number.clone(),
            low_balance_amount: account.warning.map(|warning| warning.amount.to_string()),
            post_usage: PostUsage {
                month: account.post_usage.month.to_string(),
                amount: account.post_usage.amount.to_string(),
            },
            version: account.version,
            created_at: account.created_at.into(),
        }
    }
}

impl From<&profile::Card> for Card {
    fn from(card: &profile::Card) -> Self {
        Self {
            brand: card.brand.clone(),
            last4: card.last4.clone(),
            exp_month: card.exp_month,
            exp_year: card.exp_year,
        }
    }
}

/// One page of accounts.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Accounts {
    /// By id.
    pub accounts: Vec<Account>,
    /// The `cursor` of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
