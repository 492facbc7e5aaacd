//! Accounts as answers show them.

use domain::account::{self, BillingModel};
use domain::money::Money;
use domain::pool;
use domain::profile::{self, Profile, SettingGroup};
use domain::recharge::{self, Policy, Recharge, State};
use domain::settings;
use domain::time::Month;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::funds::Lot;
use crate::instant::Instant;

/// An organization's account.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// The account's id, which the operator chose.
    #[schema(example = "contoso")]
    pub account_id: String,
    /// The organization's name.
    pub name: String,
    /// The currency's code in ISO 4217.
    #[schema(example = "EUR")]
    pub currency: String,
    /// The language of mails and receipts.
    #[schema(example = "en")]
    pub locale: String,
    /// The billing model: `prepaid` or `postUsage`.
    #[schema(example = "prepaid")]
    pub billing_model: String,
    /// Of a `postUsage` account, how far the switch is:
    ///
    /// - `pending`: it was asked for, and auto-recharge is still on. The account lives as a prepaid one, and auto-recharge goes on.
    ///   Turn auto-recharge off, or remove the card, to complete the switch.
    /// - `complete`: funds that are left pay first, and the rest is invoiced each month.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub switch: Option<String>,
    /// `active` or `depleted`. An account is `depleted` when nothing is available; then no paid call may start.
    #[schema(example = "active")]
    pub status: String,
    /// The unspent funds less the owed amount.
    #[schema(example = "87.6500")]
    pub balance: String,
    /// The balance without funds that have expired.
    #[schema(example = "87.6500")]
    pub available: String,
    /// The part of the funds that is held for calls in progress.
    #[schema(example = "0.0000")]
    pub held: String,
    /// The part of charges for finished calls that no lot covered.
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
    /// The second card. Auto-recharge charges it once if the first card is declined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backup: Option<Card>,
    /// The recipients of mails.
    pub notification_emails: Vec<String>,
    /// The PO number, which is printed on receipts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub po_number: Option<String>,
    /// The recipients are warned when the available balance falls to this amount.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub low_balance_amount: Option<String>,
    /// The month's charges that the next invoice will ask for.
    pub post_usage: PostUsage,
    /// An invoice is due this many days after it was issued.
    #[schema(example = 30)]
    pub payment_term_days: u16,
    /// The pools of included minutes, in the order in which calls use them.
    pub pools: Vec<Pool>,
    /// The spending limits, and the margin of calls.
    pub limits: Limits,
    /// The last change of each group of settings.
    #[serde(default, skip_serializing_if = "SettingsChanged::is_empty")]
    pub settings_changed: SettingsChanged,
    /// The purchases and recharges that have no outcome yet.
    pub open_purchases: Vec<String>,
    /// Stands for the settings as they are here. Send it as `If-Match` with a change of settings, and the change is refused with 412 if
    /// they have been changed since.
    pub settings_version: String,
    /// The account's version, which grows by one with every change.
    pub version: u64,
    /// The instant at which the account was created.
    pub created_at: Instant,
}

/// The last change of each group of settings. A group without a change since the account was created is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SettingsChanged {
    /// Auto-recharge's settings. That it was resumed is no change.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_recharge: Option<LastChange>,
    /// The cards.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_method: Option<LastChange>,
    /// `notificationEmails` and `lowBalanceAmount`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notifications: Option<LastChange>,
    /// The spending limits, and the margin of calls.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<LastChange>,
    /// The billing model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub billing_model: Option<LastChange>,
    /// The pools.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pools: Option<LastChange>,
    /// `name`, `locale`, `poNumber` and `paymentTermDays`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub other: Option<LastChange>,
}

/// A change of settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LastChange {
    /// The instant of the change.
    pub at: Instant,
    /// The author: the subject of the token.
    #[schema(example = "ada")]
    pub by: String,
    /// The author's name, if the token had one. An e-mail address is not kept as a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "Ada Lovelace")]
    pub by_name: Option<String>,
}

impl SettingsChanged {
    fn show(profile: &Profile) -> Self {
        let last = |group: SettingGroup| {
            let change = profile.last_changes.get(&group)?;
            let profile::Author { subject, name } = &change.by;
            Some(LastChange { at: change.at.into(), by: subject.clone(), by_name: name.clone() })
        };
        Self {
            auto_recharge: last(SettingGroup::AutoRecharge),
            payment_method: last(SettingGroup::PaymentMethod),
            notifications: last(SettingGroup::Notifications),
            limits: last(SettingGroup::Limits),
            billing_model: last(SettingGroup::BillingModel),
            pools: last(SettingGroup::Pools),
            other: last(SettingGroup::Other),
        }
    }

    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Spending limits, and the margin of calls.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Limits {
    /// How much the calls of each user may cost in a calendar month (UTC).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_user_monthly: Option<String>,
    /// How much the calls of the account may cost in a day (UTC).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub per_day: Option<String>,
    /// What was charged today (UTC) towards the limit of a day, if there is one. What is held counts besides.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spent_today: Option<String>,
    /// How many seconds of what is held a call is not granted.
    #[schema(example = 2)]
    pub margin_seconds: u32,
    /// The operator's limits of one purchase and of the amounts of auto-recharge.
    pub purchase: PurchaseLimits,
    /// Auto-recharge pauses beyond this many recharge amounts in a day (UTC).
    #[schema(example = 10)]
    pub recharges_per_day: u32,
}

/// How much of the limits is used.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LimitsUse {
    /// The limits.
    pub limits: Limits,
    /// The month, in UTC, that a limit of users counts.
    #[schema(example = "2026-11")]
    pub month: String,
    /// The users who have spent most of their limit in the month, at most 100, if users have a limit.
    pub users: Vec<UserSpending>,
}

/// What a user has spent of the limit of a month.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserSpending {
    /// The user.
    pub user_id: String,
    /// What was charged in the month since the limit counts.
    pub spent: String,
    /// What is held for the user's calls in progress.
    pub held: String,
    /// Whether nothing of the limit is left.
    pub reached: bool,
}

/// The smallest and the largest purchase.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PurchaseLimits {
    /// The smallest.
    #[schema(example = "50.0000")]
    pub minimum: String,
    /// The largest.
    #[schema(example = "100000.0000")]
    pub maximum: String,
}

impl Limits {
    /// The limits as they stand at `now`.
    pub fn show(account: &account::Account, now: Timestamp, policy: &Policy) -> Self {
        let (limits, currency) = (&account.limits, account.currency);
        Self {
            purchase: PurchaseLimits {
                minimum: policy.limits.smallest(currency).to_string(),
                maximum: policy.limits.largest(currency).to_string(),
            },
            recharges_per_day: policy.a_day,
            per_user_monthly: limits.per_user_monthly.map(|limit| limit.amount.to_string()),
            per_day: limits.per_day.map(|day| day.limit.amount.to_string()),
            spent_today: limits.per_day.map(|day| day.spent_on(now).to_string()),
            margin_seconds: limits.margin_seconds,
        }
    }
}

/// The settings and the state of auto-recharge.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AutoRecharge {
    /// Whether auto-recharge is on.
    pub enabled: bool,
    /// The card is charged when the available balance is at or below this amount.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trigger_amount: Option<String>,
    /// The amount of one charge, or of which one charge is a multiple.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recharge_amount: Option<String>,
    /// The most that is charged in a calendar month (UTC).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monthly_limit: Option<String>,
    /// - `off`.
    /// - `armed`: the card is charged at the trigger amount.
    /// - `charging`: a charge is open.
    /// - `waiting`: a charge was declined, and is tried again at `until`.
    /// - `needsAction`: the card's owner must confirm the charge at the recharge's `nextAction.url`.
    /// - `limited`: no charge fits a limit. The limit is checked again at `until`.
    /// - `paused`: a safeguard holds it back until it is resumed.
    /// - `stopped`: charges were declined for good or too often. It stays so until the card or the settings change, or it is
    ///   resumed.
    #[schema(example = "armed")]
    pub state: String,
    /// Why auto-recharge is held back: the card processor's decline code; `monthly`, `maximum` or `lots` for a limit; `runaway`, `refund` or `dispute` for a safeguard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
    /// The instant until which it is held back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Instant>,
    /// The last decline. It is left out once a charge has succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_failure: Option<RechargeFailure>,
}

/// A recharge that was declined.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RechargeFailure {
    /// The instant at which the decline became known.
    pub at: Instant,
    /// The card processor's decline code.
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

/// The funds that expire next.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NextExpiry {
    /// The unspent amount.
    pub amount: String,
    /// The instant at which they expire.
    pub expires_at: Instant,
}

/// A card, without its number.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Card {
    /// The brand, such as `visa` or `mastercard`.
    pub brand: String,
    /// The last four digits of the card's number.
    pub last4: String,
    /// The month of expiry, 1 to 12.
    pub exp_month: u8,
    /// The year of expiry, with four digits.
    pub exp_year: u16,
}

/// A pool of included minutes.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Pool {
    /// The pool's id: plan and country, and a number where several pools have both. A charge names the pool by it.
    #[schema(example = "MCOPSTN1/FR")]
    pub pool_id: String,
    /// The plan, as records name it.
    pub plan: String,
    /// The country of the plan's users, ISO 3166-1 alpha-2.
    pub country: String,
    /// The minutes of one licence in a month.
    pub minutes_per_licence: u32,
    /// The number of licences.
    pub licences: u32,
    /// Whether the pool is listed no more. It has no licences, and is shown until its last minutes can no longer be used.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub removed: bool,
    /// The services that the pool includes.
    pub services: Vec<String>,
    /// The countries of the destinations that the pool includes, ISO 3166-1 alpha-2. If it is empty, all of them.
    pub countries: Vec<String>,
    /// The use of this month and of last month.
    pub months: Vec<PoolMonth>,
}

/// The use of a pool in a month.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PoolMonth {
    /// The month in which the calls started, in UTC.
    #[schema(example = "2026-11")]
    pub month: String,
    /// The minutes of the pool: its largest size in the month so far.
    pub minutes: u64,
    /// The minutes used.
    pub used: u64,
}

impl Pool {
    fn show(pool: &pool::Pool, account: &account::Account, now: Timestamp) -> Self {
        let this_month = Month::of(now);
        let months = [this_month, this_month.previous()].map(|month| PoolMonth {
            month: month.to_string(),
            minutes: pool.size_in(month),
            used: pool::minutes_used(&account.pool_use, pool.number, month),
        });
        Self {
            pool_id: pool.id.clone(),
            plan: pool.terms.plan.clone(),
            country: pool.terms.country.clone(),
            minutes_per_licence: pool.terms.minutes_per_licence,
            licences: pool.terms.licences,
            removed: pool.is_removed,
            services: pool.terms.services.iter().map(|service| service.as_str().to_owned()).collect(),
            countries: pool.terms.countries.clone(),
            months: months.into(),
        }
    }
}

/// The charges of a month that no funds covered.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct PostUsage {
    /// The month, in UTC.
    #[schema(example = "2026-11")]
    pub month: String,
    /// The sum of the charges, with what the month before carried over.
    pub amount: String,
}

impl From<&account::PostUsage> for PostUsage {
    fn from(open: &account::PostUsage) -> Self {
        Self { month: open.month.to_string(), amount: open.amount.to_string() }
    }
}

impl Account {
    /// The account as it stands at `now`, with the operator's limits of its card payments.
    pub fn show(account: &account::Account, profile: &Profile, now: Timestamp, policy: &Policy) -> Self {
        let now = now.max(account.as_of);
        Self {
            account_id: account.id.to_string(),
            name: profile.name.clone(),
            currency: account.currency.code().to_owned(),
            locale: profile.locale.as_str().to_owned(),
            billing_model: account.billing_model.as_str().to_owned(),
            switch: switch_state(account.billing_model).map(str::to_owned),
            status: account.status(now).as_str().to_owned(),
            balance: account.balance().to_string(),
            available: account.available(now).to_string(),
            held: account.held(now).to_string(),
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
            post_usage: (&account.post_usage).into(),
            payment_term_days: account.payment_term_days,
            pools: profile.pools.list.iter().map(|pool| Pool::show(pool, account, now)).collect(),
            limits: Limits::show(account, now, policy),
            settings_changed: SettingsChanged::show(profile),
            open_purchases: account.open_payments.iter().map(|open| open.id.to_string()).collect(),
            settings_version: settings::fingerprint(account, profile).as_str().to_owned(),
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

/// How far the switch to paying after use is.
fn switch_state(billing_model: BillingModel) -> Option<&'static str> {
    match billing_model {
        BillingModel::Prepaid => None,
        BillingModel::Switching => Some("pending"),
        BillingModel::PostUsage => Some("complete"),
    }
}

/// What the switch to paying after use would do, or has done.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SwitchPreview {
    /// The billing model now: `prepaid` or `postUsage`.
    pub billing_model: String,
    /// How far the switch is now, if it was asked for: `pending` or `complete`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub switch: Option<String>,
    /// How far the switch would be if it were asked for now: `pending` while auto-recharge is on, else `complete`.
    pub becomes: String,
    /// Whether auto-recharge is on, which holds the switch up.
    pub held_up_by_auto_recharge: bool,
    /// The funds that are left. Calls use them first, and what is unused at its expiry is lost.
    pub funds: String,
    /// The lots with funds, oldest expiry first.
    pub lots: Vec<Lot>,
    /// The owed amount, which the first invoice will ask for.
    pub owed: String,
}

impl SwitchPreview {
    /// The preview for an account as it stands at `now`.
    pub fn show(account: &account::Account, now: Timestamp) -> Self {
        let now = now.max(account.as_of);
        let is_held_up = account.recharge.enabled();
        let live = || account.lots.iter().filter(|lot| lot.usable_at(now));
        let funds = live().fold(Money::zero(account.currency), |sum, lot| sum + lot.remaining);
        Self {
            billing_model: account.billing_model.as_str().to_owned(),
            switch: switch_state(account.billing_model).map(str::to_owned),
            becomes: if is_held_up { "pending" } else { "complete" }.to_owned(),
            held_up_by_auto_recharge: is_held_up,
            funds: funds.to_string(),
            lots: live().map(Lot::from).collect(),
            owed: account.owed.to_string(),
        }
    }
}

/// Where a card is entered.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct CardPage {
    /// The card processor's own page.
    pub url: String,
}

/// What the settings of auto-recharge would do at once.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RechargePreview {
    /// The amount that the card would be charged at once, if it would be.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "100.0000")]
    pub charges_now: Option<String>,
    /// What would hold back a charge that is wanted: `monthly`, `maximum`, `lots` or `runaway`, as `autoRecharge.why` has it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held_back_by: Option<String>,
    /// If auto-recharge would still be `waiting`, `paused` or `stopped`: the amount that the card would be charged at once if it then
    /// began anew, by being resumed or with a new card.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charges_if_resumed: Option<String>,
}

/// The catalogue of usual plans.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Plans {
    /// A plan's pools, in the order in which calls use them.
    pub plans: Vec<Plan>,
}

/// The minutes that one licence of a plan includes.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The plan, as records name it.
    #[schema(example = "MCOPSTN1")]
    pub plan: String,
    /// Its name for people.
    pub name: String,
    /// The users' countries, ISO 3166-1 alpha-2. If it is empty: those that the plan names in no other entry of the same
    /// destinations.
    pub user_countries: Vec<String>,
    /// The minutes of one licence in a month.
    pub minutes_per_licence: u32,
    /// The services that it includes.
    pub services: Vec<String>,
    /// `domestic` for the user's own country, `international` for all countries, or a list of countries, separated by spaces.
    pub destinations: String,
}

/// One page of accounts.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct Accounts {
    /// Accounts in the order of their ids.
    pub accounts: Vec<Account>,
    /// The `cursor` of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
