//! Events: the events of a commit. They are written with the account in the same transaction, so none is lost and none is
//! invented, and `publish` forwards them from the table's stream. Some are kept with their journal entries too, so that a
//! period can be published again.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{LotId, MessageId, PaymentId, PaymentKind};
use crate::money::Money;
use crate::profile::SettingGroup;
use crate::recharge::state::{Limit, Safeguard};
use crate::rejected_record::RejectionStatus;
use crate::time::Month;

/// One thing that happened to an account. Readers must expect kinds and fields they do not know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all_fields = "camelCase")]
pub enum EventDetails {
    /// A purchase, recharge or positive adjustment arrived (N1, N7).
    FundsAdded {
        /// What added them.
        kind: PaymentKind,
        /// Its id.
        payment_id: PaymentId,
        /// How much.
        amount: Money,
        /// When they expire.
        expires_at: Timestamp,
        /// The receipt, where a card was charged (F8).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        receipt_number: Option<u64>,
        /// Of a recharge: how many times the recharge amount it is, so that it lifts the balance above the trigger
        /// (R3).
        #[serde(default, skip_serializing_if = "Option::is_none")]
        recharge_amounts: Option<u32>,
    },
    /// A purchase's card said no, or the purchase was abandoned (F4).
    PaymentDeclined {
        /// Its id.
        payment_id: PaymentId,
        /// How much was asked for.
        amount: Money,
        /// Why.
        reason: String,
    },
    /// What is available is at or below the trigger, and no recharge is open (R2). Every commit that leaves it
    /// so says it.
    BalanceLow {
        /// What is available now.
        available: Money,
    },
    /// What is available went from above zero to zero or below (N3): said once per crossing.
    BalanceDepleted {
        /// What is available now.
        available: Money,
    },
    /// What is available went to the warning amount or below (N4): said once per crossing.
    BalanceWarning {
        /// What is available now.
        available: Money,
        /// The warning amount.
        amount: Money,
    },
    /// Lots with unused funds are about to expire (E3, N5): one event for all lots that a sweep warns of.
    FundsExpiring(Expiring),
    /// Saved cards expire at the end of a month (N13): said once for each month.
    CardExpiring {
        /// The month (UTC).
        month: Month,
    },
    /// The unused funds of lots were booked as forfeited (E1, N6): one event for all lots of a commit.
    FundsExpired(Expired),
    /// Auto-recharge could not charge the card (R4, N2).
    RechargeFailed {
        /// The recharge.
        payment_id: PaymentId,
        /// How much was asked for.
        amount: Money,
        /// Why: the card processor's code.
        reason: String,
        /// When it is tried again; never, if it is not said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_at: Option<Timestamp>,
    },
    /// The card wants its owner to confirm a recharge (R4, N2).
    RechargeNeedsAction {
        /// The recharge.
        payment_id: PaymentId,
        /// How much is asked for.
        amount: Money,
        /// Where the owner can confirm.
        url: String,
    },
    /// No recharge fits a limit (R3, N10).
    RechargeLimited {
        /// Which.
        why: Limit,
        /// When it is looked at again.
        until: Timestamp,
    },
    /// A safeguard paused auto-recharge, until an administrator resumes it (R6, F9, N10).
    RechargePaused {
        /// Which.
        why: Safeguard,
    },
    /// Auto-recharge has stopped: declined for good, or too often (R4, N10).
    RechargeStopped {
        /// The last decline.
        reason: String,
        /// The recharge that was declined. Events of earlier versions do not say it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        payment_id: Option<PaymentId>,
        /// How much was asked for. Events of earlier versions do not say it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        amount: Option<Money>,
    },
    /// Funds went back to the card of a purchase or recharge (F9). It has a credit note.
    FundsRefunded {
        /// The purchase or recharge.
        payment_id: PaymentId,
        /// The refund.
        refund_id: PaymentId,
        /// How much.
        amount: Money,
        /// The number of the credit note. An account's credit notes are numbered without gaps.
        credit_note_number: u64,
        /// The part that the lot no longer had.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        beyond_lot: Option<Money>,
        /// Whether auto-recharge is paused, until an administrator resumes it.
        recharge_paused: bool,
    },
    /// A refund failed, and its funds are back (F9).
    RefundReturned {
        /// The purchase or recharge.
        payment_id: PaymentId,
        /// The refund.
        refund_id: PaymentId,
        /// How much.
        amount: Money,
        /// The number of its credit note, if it has one: it holds no more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        credit_note_number: Option<u64>,
        /// Why it failed: the card processor's code.
        reason: String,
        /// Whether auto-recharge is paused, until an administrator resumes it.
        recharge_paused: bool,
    },
    /// The bank of a card asks about a purchase or recharge, and no funds have moved (F9).
    DisputeInquiry {
        /// The purchase or recharge.
        payment_id: PaymentId,
        /// The dispute.
        dispute_id: PaymentId,
        /// The amount that it is about.
        amount: Money,
        /// Why: the card processor's code.
        reason: String,
    },
    /// A purchase or recharge is disputed (F9).
    DisputeOpened {
        /// The purchase or recharge.
        payment_id: PaymentId,
        /// The dispute.
        dispute_id: PaymentId,
        /// The disputed amount.
        amount: Money,
        /// The amount that left the lot: at most the disputed amount.
        frozen: Money,
        /// Why: the card processor's code.
        reason: String,
        /// Whether auto-recharge is paused, until an administrator resumes it.
        recharge_paused: bool,
    },
    /// A dispute is over (F9).
    DisputeEnded {
        /// The purchase or recharge.
        payment_id: PaymentId,
        /// The dispute.
        dispute_id: PaymentId,
        /// The disputed amount.
        amount: Money,
        /// How much the card has for good: nothing if the dispute was won.
        lost: Money,
        /// The part that returned of the funds that had left the lot.
        returned: Money,
        /// The part of the lost amount that the lot could not give.
        beyond_lot: Money,
        /// Whether auto-recharge is paused, until an administrator resumes it.
        recharge_paused: bool,
    },
    /// A usage record that came through the queue was refused (S3). It is kept in the journal, as it was sent:
    /// its transaction has the same message and index.
    UsageRejected {
        /// The message it came in, by the queue's name for it.
        message_id: MessageId,
        /// Its place in the message, from 0.
        index: u32,
        /// Its id, if that could be read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        record_id: Option<String>,
        /// How it was refused, as the API answers it.
        status: RejectionStatus,
        /// The field that was wrong.
        field: String,
        /// What was expected of it.
        problem: String,
    },
    /// The switch to paying after use was asked for, and waits until auto-recharge is off (S8, N12).
    SwitchPending,
    /// The switch to paying after use is complete (S8, N12).
    SwitchCompleted {
        /// What was owed, and is left to the next invoice.
        owed: Money,
        /// The funds that are available, and are used first.
        funds: Money,
    },
    /// A month was closed with an invoice (S8, N12).
    InvoiceIssued {
        /// The invoice.
        invoice_id: PaymentId,
        /// Its number. An account's invoices are numbered without gaps.
        number: u64,
        /// The month (UTC) that it asks for.
        month: Month,
        /// How much it asks for.
        amount: Money,
        /// When it is due.
        due_at: Timestamp,
    },
    /// An invoice is overdue (N12): said 14 and 30 days after it was due.
    InvoiceOverdue {
        /// The invoice.
        invoice_id: PaymentId,
        /// Its number.
        number: u64,
        /// The month (UTC) that it asks for.
        month: Month,
        /// How much it asks for.
        amount: Money,
        /// When it was due.
        due_at: Timestamp,
        /// The days after which this reminder is given: 14 or 30.
        days: u16,
    },
    /// The operator marked an invoice as paid (S8).
    InvoicePaid {
        /// The invoice.
        invoice_id: PaymentId,
        /// Its number.
        number: u64,
        /// How much it asked for.
        amount: Money,
        /// When it was paid.
        paid_at: Timestamp,
    },
    /// The operator cancelled an invoice (S8).
    InvoiceVoided {
        /// The invoice.
        invoice_id: PaymentId,
        /// Its number.
        number: u64,
        /// How much it asked for.
        amount: Money,
        /// Why.
        reason: String,
    },
    /// Calls used 80 % or all of a pool's minutes (N8): said once for each share, pool and month.
    PoolUsed(PoolShare),
    /// Somebody changed the account's settings (N9).
    SettingsChanged {
        /// Which fields, by their names in the API.
        fields: Vec<Setting>,
        /// Who: the token's subject.
        by: String,
        /// Recipients that were none before.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        added_recipients: Vec<String>,
        /// Recipients that are none any more: they are told, too.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        removed_recipients: Vec<String>,
        /// What was changed as it is now, of the settings that people are told of.
        #[serde(default, skip_serializing_if = "NewValues::is_empty")]
        new: NewValues,
    },
}

/// The use of a pool of included minutes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PoolShare {
    /// The pool: plan and country, such as `MCOPSTN1/FR`.
    pub pool: String,
    /// The month (UTC) of the calls.
    pub month: Month,
    /// The share that is used, in percent: 80 or 100.
    pub share: u8,
    /// The minutes used.
    pub used: u64,
    /// The pool's minutes in the month.
    pub size: u64,
}

/// Lots that are about to expire.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", from = "ReadExpiring")]
#[schemars(!from)]
pub struct Expiring {
    /// Their unused funds, in all.
    pub amount: Money,
    /// The warning that is due for the lot that expires first, in days before its expiry: 60, 30 or 7.
    pub days: u16,
    /// Each lot, oldest expiry first; at least one.
    pub lots: Vec<UnusedFunds>,
}

/// Lots that have expired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", from = "ReadExpired")]
#[schemars(!from)]
pub struct Expired {
    /// What was forfeited, in all.
    pub amount: Money,
    /// Each lot, oldest expiry first; at least one.
    pub lots: Vec<UnusedFunds>,
}

/// The unused funds of a lot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnusedFunds {
    /// The lot.
    pub lot_id: LotId,
    /// How much is unused.
    pub amount: Money,
    /// When the lot expires, or has expired.
    pub expires_at: Timestamp,
}

/// [`Expiring`] as it is stored: earlier versions told of each lot by itself.
#[derive(Deserialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
enum ReadExpiring {
    Lots { amount: Money, days: u16, lots: Vec<UnusedFunds> },
    Lot { lot_id: LotId, amount: Money, expires_at: Timestamp, days: u16 },
}

impl From<ReadExpiring> for Expiring {
    fn from(read: ReadExpiring) -> Self {
        match read {
            ReadExpiring::Lots { amount, days, lots } => Self { amount, days, lots },
            ReadExpiring::Lot { lot_id, amount, expires_at, days } => {
                Self { amount, days, lots: vec![UnusedFunds { lot_id, amount, expires_at }] }
            }
        }
    }
}

/// [`Expired`] as it is stored: earlier versions told of each lot by itself.
#[derive(Deserialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
enum ReadExpired {
    Lots { amount: Money, lots: Vec<UnusedFunds> },
    Lot { lot_id: LotId, amount: Money, expired_at: Timestamp },
}

impl From<ReadExpired> for Expired {
    fn from(read: ReadExpired) -> Self {
        match read {
            ReadExpired::Lots { amount, lots } => Self { amount, lots },
            ReadExpired::Lot { lot_id, amount, expired_at } => {
                Self { amount, lots: vec![UnusedFunds { lot_id, amount, expires_at: expired_at }] }
            }
        }
    }
}

/// A setting of an account, by its name in the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Setting {
    /// The organization's name.
    Name,
    /// Language.
    Locale,
    /// Recipients of mails.
    NotificationEmails,
    /// PO number.
    PoNumber,
    /// The warning amount.
    LowBalanceAmount,
    /// The saved cards.
    PaymentMethod,
    /// Auto-recharge, or that it was resumed.
    AutoRecharge,
    /// The pools of included minutes.
    Pools,
    /// The billing model.
    BillingModel,
    /// The number of days after which an invoice is due.
    PaymentTermDays,
    /// The spending limits, and the margin of calls.
    Limits,
}

impl Setting {
    /// The group that it is shown in.
    pub fn group(self) -> SettingGroup {
        match self {
            Self::AutoRecharge => SettingGroup::AutoRecharge,
            Self::PaymentMethod => SettingGroup::PaymentMethod,
            Self::NotificationEmails | Self::LowBalanceAmount => SettingGroup::Notifications,
            Self::Limits => SettingGroup::Limits,
            Self::BillingModel => SettingGroup::BillingModel,
            Self::Pools => SettingGroup::Pools,
            Self::Name | Self::Locale | Self::PoNumber | Self::PaymentTermDays => SettingGroup::Other,
        }
    }
}

/// Changed settings as they are now; those that were not changed are left out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct NewValues {
    /// All recipients of mails.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub notification_emails: Option<Vec<String>>,
    /// The saved cards.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payment_method: Option<NewCards>,
    /// Auto-recharge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_recharge: Option<NewAutoRecharge>,
}

impl NewValues {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The saved cards.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewCards {
    /// The card, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card: Option<ShownCard>,
    /// The backup, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub backup: Option<ShownCard>,
}

/// What people know a card by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ShownCard {
    /// `visa`, `mastercard`, …
    pub brand: String,
    /// Its last four digits.
    pub last4: String,
}

/// Auto-recharge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct NewAutoRecharge {
    /// Whether it is on.
    pub enabled: bool,
    /// Whether somebody resumed it, with the settings that it had.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub resumed: bool,
    /// The amount of one recharge.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recharge_amount: Option<Money>,
    /// A recharge begins when the available balance is at or below this amount.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger_amount: Option<Money>,
    /// At most so much in a calendar month.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub monthly_limit: Option<Money>,
}

/// An event as it is published: the `detail` of an event on the bus.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// `account#version#number`: the same event always has the same, however often it is delivered.
    pub id: String,
    /// Whose.
    pub account_id: String,
    /// The account's version with the commit that tells it.
    pub version: u64,
    /// The instant of that commit.
    pub at: Timestamp,
    /// The id under which our logs have its cause, such as one request of the API: for diagnosis only. An event that is published
    /// again has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<String>,
    /// Whether it is published again for readers of the bus only, so that nobody gets a mail.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub republished: bool,
    /// What happened.
    #[serde(flatten)]
    pub details: EventDetails,
}

impl Event {
    /// What events on the bus say of where they come from.
    pub const SOURCE: &str = "communications-credits";

    /// The id of the event with this number among those of a commit.
    pub fn id(account: &str, version: u64, number: u32) -> String {
        format!("{account}#{version}#{number}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_named_by_account_version_and_number() {
        assert_eq!(Event::id("contoso", 7, 2), "contoso#7#2");
    }

    #[test]
    fn what_earlier_versions_told_of_one_lot_can_be_read() {
        let lot = UnusedFunds {
            lot_id: LotId::parse("pur_1").unwrap(),
            amount: serde_json::from_str(r#"{"amount":"8.5000","currency":"EUR"}"#).unwrap(),
            expires_at: "2027-11-22T08:00:00Z".parse().unwrap(),
        };
        let amount = lot.amount;
        for (old, new) in [
            (
                r#"{"type":"FundsExpired","lotId":"pur_1","amount":{"amount":"8.5000","currency":"EUR"},
                    "expiredAt":"2027-11-22T08:00:00Z"}"#,
                EventDetails::FundsExpired(Expired { amount, lots: vec![lot.clone()] }),
            ),
            (
                r#"{"type":"FundsExpiring","lotId":"pur_1","amount":{"amount":"8.5000","currency":"EUR"},
                    "expiresAt":"2027-11-22T08:00:00Z","days":30}"#,
                EventDetails::FundsExpiring(Expiring { amount, days: 30, lots: vec![lot.clone()] }),
            ),
        ] {
            assert_eq!(serde_json::from_str::<EventDetails>(old).unwrap(), new);
            let written = serde_json::to_string(&new).unwrap();
            assert_eq!(serde_json::from_str::<EventDetails>(&written).unwrap(), new, "{written}");
        }
        let stopped: EventDetails =
            serde_json::from_str(r#"{"type":"RechargeStopped","reason":"lost_card"}"#).unwrap();
        assert!(matches!(stopped, EventDetails::RechargeStopped { payment_id: None, amount: None, .. }));
    }
}
