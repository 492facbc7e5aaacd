//! Accounts, lots, purchases and transactions as the API shows them. Amounts are decimal strings with every
//! decimal the ledger keeps; instants are RFC 3339 in UTC. Clients must expect new fields and values.

use domain::account::{self, BillingModel, Status};
use domain::card_payment::{CardPayment, CardPaymentState};
use domain::journal::{EntryDetails, JournalEntry};
use domain::journal_key::EntryKind;
use domain::profile::{self, Locale, Profile};
use domain::recharge::{self, Recharge, State};
use domain::rejection::{self, Refusal};
use domain::{Lot, Money, PaymentKind, UsageRecord, rate};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::code::{Code, FieldError};
use crate::instant::Instant;

/// An organization's wallet.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Account {
    /// Chosen by the operator.
    #[schema(example = "contoso")]
    account_id: String,
    /// The organization's name.
    name: String,
    /// ISO 4217.
    #[schema(example = "EUR")]
    currency: &'static str,
    /// Language of what is sent to it.
    #[schema(value_type = String, example = "en")]
    locale: Locale,
    /// How it pays: `prepaid` or `postUsage`.
    #[schema(value_type = String, example = "prepaid")]
    billing_model: BillingModel,
    /// `active`, or `depleted`: nothing is available, so no paid call may start.
    #[schema(value_type = String, example = "active")]
    status: Status,
    /// Unspent funds less what is owed.
    #[schema(example = "87.6500")]
    balance: String,
    /// The balance without funds that have expired.
    #[schema(example = "87.6500")]
    available: String,
    /// What finished calls cost beyond the funds there were.
    #[schema(example = "0.0000")]
    owed: String,
    /// The funds that expire next.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_expiry: Option<NextExpiry>,
    /// The saved card.
    #[serde(skip_serializing_if = "Option::is_none")]
    payment_method: Option<Card>,
    /// Auto-recharge.
    auto_recharge: AutoRecharge,
    /// A second card, which auto-recharge charges once when the first is declined.
    #[serde(skip_serializing_if = "Option::is_none")]
    backup: Option<Card>,
    /// Who is told.
    notification_emails: Vec<String>,
    /// Printed on receipts.
    #[serde(skip_serializing_if = "Option::is_none")]
    po_number: Option<String>,
    /// People are warned when what is available falls to this.
    #[serde(skip_serializing_if = "Option::is_none")]
    low_balance_amount: Option<String>,
    /// Charges of the month that the next invoice asks for.
    post_usage: PostUsage,
    /// One more with every change.
    version: u64,
    /// When it was created.
    created_at: Instant,
}

/// How funds are bought by themselves, and how far that is.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AutoRecharge {
    /// On or off.
    enabled: bool,
    /// When what is available is at or below this, the card is charged.
    #[serde(skip_serializing_if = "Option::is_none")]
    trigger_amount: Option<String>,
    /// What is charged at a time.
    #[serde(skip_serializing_if = "Option::is_none")]
    recharge_amount: Option<String>,
    /// At most so much in a calendar month (UTC).
    #[serde(skip_serializing_if = "Option::is_none")]
    monthly_limit: Option<String>,
    /// `off`; `armed`: it charges at the trigger; `charging`: a charge is open; `waiting`: declined, and tried again at
    /// `until`; `needsAction`: the card wants its owner, at the recharge's `nextAction.url`; `limited`: no charge fits a limit, and it is looked at again
    /// at `until`; `paused`: by a safeguard, until it is resumed; `stopped`: declined for good or too often, until
    /// the card or the settings change or it is resumed.
    #[schema(example = "armed")]
    state: &'static str,
    /// Why, where it is held back: the card processor's decline code; `monthly`, `maximum` or `lots`; `runaway`.
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    /// Until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<Instant>,
    /// The last decline, until a charge succeeds.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_failure: Option<RechargeFailure>,
}

/// A recharge that was declined.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct RechargeFailure {
    /// When that became known.
    at: Instant,
    /// The card processor's code.
    reason: String,
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
            state,
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
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct NextExpiry {
    /// How much of them is unspent.
    amount: String,
    /// When.
    expires_at: Instant,
}

/// What is shown of a card.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Card {
    /// `visa`, `mastercard`, …
    brand: String,
    /// Last four digits.
    last4: String,
    /// 1 to 12.
    exp_month: u8,
    /// Four digits.
    exp_year: u16,
}

/// A month's charges.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct PostUsage {
    /// In UTC.
    #[schema(example = "2026-11")]
    month: String,
    /// Their sum.
    amount: String,
}

impl Account {
    /// As it stands at `now`.
    pub fn show(account: &account::Account, profile: &Profile, now: Timestamp) -> Self {
        let now = now.max(account.as_of);
        Self {
            account_id: account.id.to_string(),
            name: profile.name.clone(),
            currency: account.currency.code(),
            locale: profile.locale,
            billing_model: account.billing_model,
            status: account.status(now),
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
#[derive(Debug, Serialize, ToSchema)]
pub struct Accounts {
    /// By id.
    pub accounts: Vec<Account>,
    /// The `cursor` of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Funds that arrived at one instant and expire together.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Lot)]
pub struct LotView {
    /// The id of what added them.
    lot_id: String,
    /// The purchase or recharge, unless the operator added them.
    #[serde(skip_serializing_if = "Option::is_none")]
    purchase_id: Option<String>,
    /// When they were asked for.
    purchased_at: Instant,
    /// Usable strictly before this instant.
    expires_at: Instant,
    /// What there was.
    amount: String,
    /// What is unspent.
    remaining: String,
}

impl From<&Lot> for LotView {
    fn from(lot: &Lot) -> Self {
        Self {
            lot_id: lot.id.to_string(),
            purchase_id: lot.id.purchase().map(|id| id.to_string()),
            purchased_at: lot.purchased_at.into(),
            expires_at: lot.expires_at.into(),
            amount: lot.amount.to_string(),
            remaining: lot.remaining.to_string(),
        }
    }
}

/// An account's lots.
#[derive(Debug, Serialize, ToSchema)]
pub struct Lots {
    /// Oldest expiry first: those with funds, also expired ones until they are booked.
    pub lots: Vec<LotView>,
}

/// How far a purchase is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum PurchaseStatus {
    /// The outcome is not known yet; it resolves by itself.
    Pending,
    /// The card wants its owner, at `nextAction.url`.
    NeedsAction,
    /// The card was charged and the funds added.
    Succeeded,
    /// Nothing was charged.
    Declined,
}

/// Funds bought by a person or by auto-recharge.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Purchase {
    /// The same account and `Idempotency-Key` always give the same.
    purchase_id: String,
    /// `purchase` or `recharge`.
    #[schema(value_type = String, example = "purchase")]
    kind: PaymentKind,
    /// How far it is.
    pub status: PurchaseStatus,
    /// What is charged.
    amount: String,
    /// ISO 4217.
    currency: &'static str,
    /// When it was asked for.
    created_at: Instant,
    /// When the funds expire.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Instant>,
    /// Why the card said no: `card_declined`, `expired_card`, `insufficient_funds`,
    /// `authentication_required`, …, or `abandoned`: it was never charged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decline_reason: Option<String>,
    /// Receipts are numbered without gaps within the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt_number: Option<u64>,
    /// The card.
    #[serde(skip_serializing_if = "Option::is_none")]
    card: Option<Card>,
    /// The account's PO number at that moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    po_number: Option<String>,
    /// Of a recharge: how many times the recharge amount it is, so that it lifts the balance above the trigger amount.
    #[serde(skip_serializing_if = "Option::is_none")]
    recharge_amounts: Option<u32>,
    /// Where the person can act.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_action: Option<NextAction>,
}

/// Where the card's owner can act.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct NextAction {
    /// A page of the card processor.
    url: String,
}

impl From<&CardPayment> for Purchase {
    fn from(payment: &CardPayment) -> Self {
        let mut shown = Self {
            purchase_id: payment.id.to_string(),
            kind: payment.kind.into(),
            status: PurchaseStatus::Pending,
            amount: payment.amount.to_string(),
            currency: payment.amount.currency().code(),
            created_at: payment.created_at.into(),
            expires_at: None,
            decline_reason: None,
            receipt_number: None,
            card: Some((&payment.method.card).into()),
            po_number: payment.po_number.clone(),
            recharge_amounts: payment.recharge_amounts,
            next_action: None,
        };
        match &payment.state {
            CardPaymentState::Open { .. } => {}
            CardPaymentState::NeedsAction { url, .. } => {
                shown.status = PurchaseStatus::NeedsAction;
                shown.next_action = Some(NextAction { url: url.clone() });
            }
            CardPaymentState::Declined { reason } => {
                shown.status = PurchaseStatus::Declined;
                shown.decline_reason = Some(reason.clone());
            }
            CardPaymentState::Succeeded { receipt_number, .. } => {
                shown.status = PurchaseStatus::Succeeded;
                shown.expires_at = Some(Lot::expiry_of_purchase(payment.created_at).into());
                shown.receipt_number = Some(*receipt_number);
            }
        }
        shown
    }
}

/// One page of purchases and recharges.
#[derive(Debug, Serialize, ToSchema)]
pub struct Purchases {
    /// Newest first.
    pub purchases: Vec<Purchase>,
    /// The `cursor` of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Why a record cost what it did.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(tag = "rule", rename_all = "camelCase")]
pub enum Why {
    /// From the published rates: connection fee + price per minute x billed seconds / 60.
    #[serde(rename_all = "camelCase")]
    Rated {
        /// The E.164 prefix that matched.
        prefix: String,
        /// Its destination.
        destination: String,
        /// Price of 60 seconds.
        per_minute: String,
        /// Price of the connection.
        connection_fee: String,
        /// Seconds billed: the duration, rounded up to the increments.
        billed_seconds: u64,
        /// First and following increment in seconds.
        #[schema(example = "60/60")]
        increments: String,
        /// Since when the rate is in force.
        effective_from: Instant,
    },
    /// It arrived with its charge.
    AsRated,
    /// A call of zero seconds is free.
    ZeroDuration,
}

impl From<&rate::RatingBasis> for Why {
    fn from(basis: &rate::RatingBasis) -> Self {
        match basis.clone() {
            rate::RatingBasis::Rated {
                prefix,
                destination,
                per_minute,
                connection_fee,
                billed_seconds,
                increments,
                effective_from,
            } => Self::Rated {
                prefix,
                destination,
                per_minute: per_minute.to_string(),
                connection_fee: connection_fee.to_string(),
                billed_seconds,
                increments,
                effective_from: effective_from.into(),
            },
            rate::RatingBasis::AsRated => Self::AsRated,
            rate::RatingBasis::ZeroDuration => Self::ZeroDuration,
        }
    }
}

/// What a transaction took from a lot.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LotDraw {
    /// Which.
    pub lot_id: String,
    /// How much.
    pub amount: String,
}

/// A record that came through the queue and was refused, with what is needed to correct it and send it again.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Rejection {
    /// `invalid` or `conflict`.
    #[schema(value_type = String, example = "invalid")]
    pub status: Refusal,
    /// The field, and what was expected of it.
    pub problem: FieldError,
    /// The message it came in, …
    pub message_id: String,
    /// … and its place there, from 0.
    pub index: u32,
    /// The record as it was sent: its first 1,024 characters, and `…` for the rest.
    pub record: String,
}

impl From<&rejection::Rejection> for Rejection {
    fn from(rejection: &rejection::Rejection) -> Self {
        let rejection::Rejection { message, index, refusal, field, detail, text, .. } = rejection;
        Self {
            status: *refusal,
            problem: FieldError::new(field, Code::of_record(*refusal), detail),
            message_id: message.id.to_string(),
            index: *index,
            record: text.clone(),
        }
    }
}

/// One row of the journal.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Transaction {
    /// Unique within the account.
    pub transaction_id: String,
    /// When it happened.
    pub at: Instant,
    /// When it was committed.
    pub posted_at: Instant,
    /// The account's version with its commit, …
    pub version: u64,
    /// … and its place there, from 0: together the order in which balances follow from each other.
    pub place: u32,
    /// What it is.
    #[schema(value_type = String, example = "usage")]
    pub kind: EntryKind,
    /// What it did to the balance.
    pub amount: String,
    /// The balance after it, in the order of commits. A listing is by `at`, so a late record stands among
    /// earlier rows.
    pub balance: String,
    /// The usage record's id, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub record_id: Option<String>,
    /// … its revision, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revision: Option<u32>,
    /// … the call it belongs to, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call_id: Option<String>,
    /// … and whose usage it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// What was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<&'static str>,
    /// What the rate goes by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// How long it lasted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_seconds: Option<u32>,
    /// Who pays within the organization.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost_centre: Option<String>,
    /// What the call cost, however it was paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charge: Option<String>,
    /// Why it cost that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<Why>,
    /// Which lots paid.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lots: Vec<LotDraw>,
    /// The part that the next invoice asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub post_usage: Option<String>,
    /// Why an adjustment was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// By whom.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// A record from the queue that was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejection: Option<Rejection>,
    /// The purchase or recharge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purchase_id: Option<String>,
    /// The lot that was added or forfeited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lot_id: Option<String>,
}

impl From<&JournalEntry> for Transaction {
    fn from(entry: &JournalEntry) -> Self {
        let shown = Self {
            transaction_id: entry.key.to_string(),
            at: entry.at.into(),
            posted_at: entry.posted_at.into(),
            version: entry.version,
            place: entry.sequence,
            kind: entry.details.kind(),
            amount: entry.amount.to_string(),
            balance: entry.balance.to_string(),
            record_id: None,
            revision: None,
            call_id: None,
            user_id: None,
            service: None,
            number: None,
            duration_seconds: None,
            cost_centre: None,
            charge: None,
            why: None,
            lots: (entry.draws.iter())
                .map(|draw| LotDraw { lot_id: draw.lot.to_string(), amount: draw.amount.to_string() })
                .collect(),
            post_usage: shown_unless_zero(entry.post_usage),
            reason: None,
            author: None,
            rejection: None,
            purchase_id: None,
            lot_id: None,
        };
        shown.with_details(&entry.details)
    }
}

impl Transaction {
    fn with_details(self, details: &EntryDetails) -> Self {
        match details {
            EntryDetails::Usage { record, charge, basis } => {
                Self { charge: Some(charge.to_string()), why: Some(basis.into()), ..self.with_record(record) }
            }
            EntryDetails::Unrated { record } => self.with_record(record),
            EntryDetails::Rejected(rejection) => {
                Self { record_id: rejection.record_id.clone(), rejection: Some(rejection.into()), ..self }
            }
            EntryDetails::Funds { payment, .. } => {
                Self { purchase_id: Some(payment.to_string()), lot_id: Some(payment.to_string()), ..self }
            }
            EntryDetails::Adjustment { payment, reason, author, expires_at } => Self {
                reason: Some(reason.clone()),
                author: Some(author.clone()),
                lot_id: expires_at.map(|_| payment.to_string()),
                ..self
            },
            EntryDetails::Expiry { lot } => Self { lot_id: Some(lot.to_string()), ..self },
            EntryDetails::Invoice { .. } => self,
        }
    }

    fn with_record(self, record: &UsageRecord) -> Self {
        Self {
            record_id: Some(record.id.to_string()),
            revision: Some(record.revision),
            call_id: record.call_id.clone(),
            user_id: record.user_id.clone(),
            service: Some(record.service.as_str()),
            number: Some(record.number.as_str().to_owned()),
            duration_seconds: Some(record.duration_seconds),
            cost_centre: record.cost_centre.clone(),
            ..self
        }
    }
}

/// One page of transactions.
#[derive(Debug, Serialize, ToSchema)]
pub struct Transactions {
    /// Newest first.
    pub transactions: Vec<Transaction>,
    /// The `cursor` of the next page. With `kind` a page may be short or empty: go on until there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

fn shown_unless_zero(money: Money) -> Option<String> {
    (!money.is_zero()).then(|| money.to_string())
}
