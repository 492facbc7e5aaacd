//! A notice: an event that people get a mail about. Other events have no mail.

use domain::event::{Expired, Expiring, NewValues, PoolShare, Setting, UnusedFunds};
use domain::profile::{Author, Card, CardUse};
use domain::recharge::{Limit, Safeguard};
use domain::time::Month;
use domain::{BillingModel, EventDetails, Money, PaymentId, PaymentKind, Profile};
use jiff::Timestamp;

/// The types of the events that can have a mail: those for which [`Notice::of`] gives a notice.
pub const EVENTS: [&str; 21] = [
    "FundsAdded",
    "BalanceDepleted",
    "BalanceWarning",
    "FundsExpiring",
    "FundsExpired",
    "CardExpiring",
    "RechargeFailed",
    "RechargeNeedsAction",
    "RechargeLimited",
    "RechargePaused",
    "RechargeStopped",
    "FundsRefunded",
    "RefundReturned",
    "DisputeOpened",
    "DisputeEnded",
    "PoolUsed",
    "SwitchPending",
    "SwitchCompleted",
    "InvoiceIssued",
    "InvoiceOverdue",
    "SettingsChanged",
];

/// The subject of a mail, with the parts of the event that the mail needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice<'a> {
    /// A person's purchase, or auto-recharge, added funds (N7, N1).
    FundsAdded {
        /// Whether it was auto-recharge.
        by_recharge: bool,
        /// Its id.
        payment: &'a PaymentId,
        /// How much.
        amount: Money,
        /// When they expire.
        expires_at: Timestamp,
        /// Its receipt (F8).
        receipt_number: Option<u64>,
        /// The multiple of the recharge amount that it is, if it is more than one (R3).
        times: Option<u32>,
    },
    /// Auto-recharge could not charge the card (N2).
    RechargeFailed {
        /// The recharge.
        payment: &'a PaymentId,
        /// How much was asked for.
        amount: Money,
        /// The card processor's code.
        reason: &'a str,
        /// When it is tried again.
        retry_at: Timestamp,
    },
    /// The card's owner is to confirm a recharge (N2).
    RechargeNeedsAction {
        /// The recharge.
        payment: &'a PaymentId,
        /// How much is asked for.
        amount: Money,
    },
    /// The balance reached zero (N3).
    BalanceDepleted {
        /// What is available.
        available: Money,
    },
    /// The balance reached the warning amount (N4).
    BalanceWarning {
        /// What is available.
        available: Money,
        /// The warning amount.
        amount: Money,
    },
    /// Funds are about to expire (N5).
    FundsExpiring {
        /// How much, in all.
        amount: Money,
        /// The lots, oldest expiry first.
        lots: &'a [UnusedFunds],
    },
    /// Funds have expired (N6).
    FundsExpired {
        /// How much, in all.
        amount: Money,
        /// The lots, oldest expiry first.
        lots: &'a [UnusedFunds],
    },
    /// Funds went back to a card (F9).
    FundsRefunded {
        /// The purchase or recharge.
        payment: &'a PaymentId,
        /// How much.
        amount: Money,
        /// The credit note.
        credit_note_number: u64,
        /// The part that the lot no longer had.
        beyond_lot: Option<Money>,
        /// Whether auto-recharge is paused.
        recharge_paused: bool,
    },
    /// A refund failed, and its funds are back (F9).
    RefundReturned {
        /// The purchase or recharge.
        payment: &'a PaymentId,
        /// How much.
        amount: Money,
        /// The credit note that holds no more, if there is one.
        credit_note_number: Option<u64>,
        /// Whether auto-recharge is paused.
        recharge_paused: bool,
    },
    /// A purchase or recharge is disputed (F9).
    DisputeOpened {
        /// The purchase or recharge.
        payment: &'a PaymentId,
        /// How much is disputed.
        amount: Money,
        /// The amount that left the lot.
        frozen: Money,
        /// Whether auto-recharge is paused.
        recharge_paused: bool,
    },
    /// A dispute is over (F9).
    DisputeEnded(Decided<'a>),
    /// Saved cards expire at the end of this month (N13).
    CardExpiring(Month),
    /// Calls used 80 % or all of a pool of included minutes (N8).
    PoolUsed(&'a PoolShare),
    /// The switch to paying after use waits until auto-recharge is off (N12).
    SwitchPending,
    /// The switch to paying after use is complete (N12).
    SwitchCompleted {
        /// What was owed, and is on the next invoice.
        owed: Money,
        /// The funds that are used first.
        funds: Money,
    },
    /// An invoice is ready (N12).
    InvoiceIssued(Claim),
    /// An invoice is overdue (N12).
    InvoiceOverdue(Claim),
    /// Auto-recharge, payment method or recipients were changed (N9).
    SettingsChanged {
        /// The settings that were changed, of these three.
        changed: Changed,
        /// By whom.
        by: &'a str,
        /// New recipients.
        added: &'a [String],
        /// Removed recipients.
        removed: &'a [String],
        /// The new values.
        new: &'a NewValues,
    },
    /// Too many charges in a day paused auto-recharge (R6, N10).
    RechargePaused,
    /// No recharge fits a limit (N10).
    RechargeLimited {
        /// Which.
        why: Limit,
        /// When it is looked at again.
        until: Timestamp,
    },
    /// Auto-recharge has stopped (N10).
    RechargeStopped {
        /// The last decline.
        reason: &'a str,
        /// The recharge that was declined, if the event says it.
        payment: Option<&'a PaymentId>,
        /// How much was asked for, if the event says it.
        amount: Option<Money>,
    },
}

/// The decision of a bank on a dispute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decided<'a> {
    /// The purchase or recharge.
    pub payment: &'a PaymentId,
    /// How much was disputed.
    pub amount: Money,
    /// How much the card has for good.
    pub lost: Money,
    /// The part that returned of the funds that had left the lot.
    pub returned: Money,
    /// The part of the lost amount that the lot could not give.
    pub beyond_lot: Money,
    /// Whether auto-recharge is paused.
    pub recharge_paused: bool,
}

/// The saved cards whose last month this is.
pub(crate) fn ending_cards(profile: &Profile, month: Month) -> impl Iterator<Item = (CardUse, &Card)> {
    let cards = [(CardUse::Main, &profile.payment_method), (CardUse::Backup, &profile.backup)];
    let cards = cards.into_iter().filter_map(|(usage, method)| Some((usage, &method.as_ref()?.card)));
    cards.filter(move |(_, card)| card.last_month() == Some(month))
}

/// What an invoice asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Its number.
    pub number: u64,
    /// Its month.
    pub month: Month,
    /// How much it asks for.
    pub amount: Money,
    /// When it is due, or was.
    pub due_at: Timestamp,
}

/// The reader of a mail, as a recipient of the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    /// A recipient before and after.
    Recipient,
    /// A new recipient.
    Added,
    /// A removed recipient.
    Removed,
}

/// The changed settings that have a mail; at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Changed {
    /// The saved cards.
    pub payment_method: bool,
    /// Auto-recharge, or that it was resumed.
    pub auto_recharge: bool,
    /// The recipients of mails.
    pub recipients: bool,
}

impl Changed {
    /// The settings among these that have a mail.
    fn of(settings: &[Setting]) -> Option<Self> {
        let has = |setting| settings.contains(&setting);
        let changed = Self {
            payment_method: has(Setting::PaymentMethod),
            auto_recharge: has(Setting::AutoRecharge),
            recipients: has(Setting::NotificationEmails),
        };
        (changed.payment_method || changed.auto_recharge || changed.recipients).then_some(changed)
    }
}

impl<'a> Notice<'a> {
    /// The notice of an event, if people get a mail about it. One cause is one mail, and amounts below a minor unit are worth none.
    pub fn of(event: &'a EventDetails) -> Option<Self> {
        Some(match event {
            EventDetails::FundsAdded {
                kind,
                payment_id,
                amount,
                expires_at,
                receipt_number,
                recharge_amounts,
            } => Self::FundsAdded {
                by_recharge: match kind {
                    PaymentKind::Recharge => true,
                    PaymentKind::Purchase => false,
                    PaymentKind::Adjustment => return None,
                },
                payment: payment_id,
                amount: *amount,
                expires_at: *expires_at,
                receipt_number: *receipt_number,
                times: recharge_amounts.filter(|times| *times > 1),
            },
            EventDetails::RechargeFailed { payment_id, amount, reason, retry_at: Some(retry_at) } => {
                Self::RechargeFailed { payment: payment_id, amount: *amount, reason, retry_at: *retry_at }
            }
            EventDetails::RechargeNeedsAction { payment_id, amount, .. } => {
                Self::RechargeNeedsAction { payment: payment_id, amount: *amount }
            }
            EventDetails::BalanceDepleted { available } => Self::BalanceDepleted { available: *available },
            EventDetails::BalanceWarning { available, amount } if available.is_positive() => {
                Self::BalanceWarning { available: *available, amount: *amount }
            }
            EventDetails::FundsExpiring(Expiring { amount, lots, .. }) if is_worth_a_mail(*amount, lots) => {
                Self::FundsExpiring { amount: *amount, lots }
            }
            EventDetails::FundsExpired(Expired { amount, lots }) if is_worth_a_mail(*amount, lots) => {
                Self::FundsExpired { amount: *amount, lots }
            }
            EventDetails::CardExpiring { month } => Self::CardExpiring(*month),
            EventDetails::PoolUsed(share) => Self::PoolUsed(share),
            EventDetails::SwitchPending => Self::SwitchPending,
            EventDetails::SwitchCompleted { owed, funds } => {
                Self::SwitchCompleted { owed: *owed, funds: *funds }
            }
            EventDetails::InvoiceIssued { number, month, amount, due_at, .. } => {
                let (number, month, amount, due_at) = (*number, *month, *amount, *due_at);
                Self::InvoiceIssued(Claim { number, month, amount, due_at })
            }
            EventDetails::InvoiceOverdue { number, month, amount, due_at, .. } => {
                let (number, month, amount, due_at) = (*number, *month, *amount, *due_at);
                Self::InvoiceOverdue(Claim { number, month, amount, due_at })
            }
            EventDetails::SettingsChanged { fields, by, added_recipients, removed_recipients, new } => {
                Self::SettingsChanged {
                    changed: Changed::of(fields)?,
                    by,
                    added: added_recipients,
                    removed: removed_recipients,
                    new,
                }
            }
            EventDetails::FundsRefunded { .. }
            | EventDetails::RefundReturned { .. }
            | EventDetails::DisputeOpened { .. }
            | EventDetails::DisputeEnded { .. } => return Self::of_repayment(event),
            EventDetails::RechargePaused { why: Safeguard::Runaway } => Self::RechargePaused,
            EventDetails::RechargeLimited { why, until } => {
                Self::RechargeLimited { why: *why, until: *until }
            }
            EventDetails::RechargeStopped { reason, payment_id, amount } => {
                Self::RechargeStopped { reason, payment: payment_id.as_ref(), amount: *amount }
            }
            // A decline without a retry stops auto-recharge, whose mail says so (N10). A warning at zero or below has the mail of
            // a balance of zero (N3). A person who buys has the answer on the screen, and a low balance is auto-recharge's. The
            // operator ends an invoice, and tells the organization. An inquiry of a bank is the operator's to answer, and the mail of a
            // refund or a dispute says that it paused auto-recharge.
            EventDetails::RechargeFailed { retry_at: None, .. }
            | EventDetails::BalanceWarning { .. }
            | EventDetails::FundsExpiring(_)
            | EventDetails::FundsExpired(_)
            | EventDetails::PaymentDeclined { .. }
            | EventDetails::BalanceLow { .. }
            | EventDetails::InvoicePaid { .. }
            | EventDetails::InvoiceVoided { .. }
            | EventDetails::RechargePaused { why: Safeguard::Refund | Safeguard::Dispute }
            | EventDetails::DisputeInquiry { .. }
            | EventDetails::UsageRejected { .. } => {
                return None;
            }
        })
    }

    /// The notice of a refund or a dispute.
    fn of_repayment(event: &'a EventDetails) -> Option<Self> {
        Some(match event {
            EventDetails::FundsRefunded {
                payment_id,
                amount,
                credit_note_number,
                beyond_lot,
                recharge_paused,
                ..
            } => Self::FundsRefunded {
                payment: payment_id,
                amount: *amount,
                credit_note_number: *credit_note_number,
                beyond_lot: *beyond_lot,
                recharge_paused: *recharge_paused,
            },
            EventDetails::RefundReturned {
                payment_id, amount, credit_note_number, recharge_paused, ..
            } => Self::RefundReturned {
                payment: payment_id,
                amount: *amount,
                credit_note_number: *credit_note_number,
                recharge_paused: *recharge_paused,
            },
            EventDetails::DisputeOpened { payment_id, amount, frozen, recharge_paused, .. } => {
                Self::DisputeOpened {
                    payment: payment_id,
                    amount: *amount,
                    frozen: *frozen,
                    recharge_paused: *recharge_paused,
                }
            }
            EventDetails::DisputeEnded {
                payment_id,
                amount,
                lost,
                returned,
                beyond_lot,
                recharge_paused,
                ..
            } => Self::DisputeEnded(Decided {
                payment: payment_id,
                amount: *amount,
                lost: *lost,
                returned: *returned,
                beyond_lot: *beyond_lot,
                recharge_paused: *recharge_paused,
            }),
            _ => return None,
        })
    }

    /// Whether there is nothing to tell any more: the cards that expire have been replaced.
    pub fn is_moot(&self, profile: &Profile) -> bool {
        match *self {
            Self::CardExpiring(month) => ending_cards(profile, month).next().is_none(),
            _ => false,
        }
    }

    /// The payment whose card the mail names.
    pub fn payment(&self) -> Option<&'a PaymentId> {
        match *self {
            Self::FundsAdded { payment, .. }
            | Self::RechargeFailed { payment, .. }
            | Self::RechargeNeedsAction { payment, .. }
            | Self::FundsRefunded { payment, .. }
            | Self::RefundReturned { payment, .. }
            | Self::DisputeOpened { payment, .. }
            | Self::DisputeEnded(Decided { payment, .. }) => Some(payment),
            Self::RechargeStopped { payment, .. } => payment,
            _ => None,
        }
    }

    /// The readers: the account's recipients, and those who were removed. Addresses are the same in upper and lower case.
    pub fn readers(&self, recipients: &'a [String]) -> Vec<(&'a str, Reader)> {
        let (added, removed) = match *self {
            Self::SettingsChanged { added, removed, .. } => (added, removed),
            _ => (&[][..], &[][..]),
        };
        let is_among = |list: &[String], address: &str| {
            list.iter().any(|one| one.to_lowercase() == address.to_lowercase())
        };
        let current = recipients.iter().map(|address| {
            let is_new = is_among(added, address) && !is_among(removed, address);
            (address.as_str(), if is_new { Reader::Added } else { Reader::Recipient })
        });
        let gone = removed.iter().filter(|address| !is_among(recipients, address));
        current.chain(gone.map(|address| (address.as_str(), Reader::Removed))).collect()
    }

    /// The page where the reader can act, by the address of the portal, the account's id and how the account pays.
    pub(crate) fn page(&self, portal: &str, account: &str, billing: BillingModel) -> String {
        let overview = format!("{portal}/accounts/{account}");
        let page = match *self {
            Self::FundsAdded { payment, .. }
            | Self::RechargeNeedsAction { payment, .. }
            | Self::FundsRefunded { payment, .. }
            | Self::RefundReturned { payment, .. }
            | Self::DisputeOpened { payment, .. }
            | Self::DisputeEnded(Decided { payment, .. }) => {
                return format!("{overview}/purchases/{payment}");
            }
            Self::PoolUsed(_) => return format!("{portal}/rates?account={account}"),
            // Funds can no longer be bought.
            Self::BalanceDepleted { .. } | Self::BalanceWarning { .. }
                if billing == BillingModel::PostUsage =>
            {
                return overview;
            }
            Self::RechargeFailed { .. }
            | Self::CardExpiring(_)
            | Self::SettingsChanged { by: Author::CARD_PROCESSOR, .. } => "payment-method",
            Self::BalanceDepleted { .. } | Self::BalanceWarning { .. } => "funds/add",
            Self::FundsExpiring { .. } | Self::FundsExpired { .. } => "funds",
            Self::SettingsChanged { changed, .. } => match changed {
                Changed { payment_method: true, auto_recharge: false, recipients: false } => "payment-method",
                Changed { payment_method: false, auto_recharge: true, recipients: false } => "auto-recharge",
                Changed { payment_method: false, auto_recharge: false, recipients: true } => "notifications",
                Changed { .. } => return overview,
            },
            Self::RechargePaused
            | Self::RechargeLimited { .. }
            | Self::RechargeStopped { .. }
            | Self::SwitchPending => "auto-recharge",
            Self::SwitchCompleted { .. } => "post-usage",
            Self::InvoiceIssued(_) | Self::InvoiceOverdue(_) => "receipts",
        };
        format!("{overview}/{page}")
    }
}

/// Whether unused funds of this amount are worth a mail.
fn is_worth_a_mail(amount: Money, lots: &[UnusedFunds]) -> bool {
    amount.reaches_minor_unit() && !lots.is_empty()
}
