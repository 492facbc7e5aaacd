//! The audit: whether an account's own numbers, its journal and its payments say the same (invariants 1 to 6, F8).
//!
//! It trusts nothing that a [`Draft`](crate::Draft) worked out, and shares no code with one: it goes through the
//! journal in the order of the commits, from nothing, and works out once more what the account must be.
//!
//! An account moves while it is read, and nothing stops for an audit. So that no movement passes for a difference:
//!
//! - The account is read first. Rows of later commits are left out of every sum; the rest is complete, since rows are
//!   written with their account and never change.
//! - Payments are read next, and rows last: what has succeeded by then has its row.
//! - Stored totals of usage are read after the rows. Those of a day that had not changed when the account was read must be those
//!   of its rows. So must the kept lines of a day that was over then.
//! - What is found is looked for a second time, on a fresh read, and only what both looks find is a difference
//!   ([`Audit::again`]). A payment may open or close between two reads of the first look; the second look reads all of it
//!   after that.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::mem::discriminant;

use jiff::Timestamp;
use jiff::civil::Date;
use rust_decimal::Decimal;

use crate::account::Account;
use crate::card_payment::{CardPaymentState, Repayments};
use crate::dispute::Dispute;
use crate::hold::{HeldSums, Hold};
use crate::id::{Fingerprint, LotId, PaymentId, PaymentKind};
use crate::invoice::{Invoice, InvoiceState, REMINDED_AFTER_DAYS, days_after};
use crate::journal::{EntryDetails, JournalEntry, ReturnedLot, Reversal};
use crate::journal_key::{EntryKind, JournalKey};
use crate::lot::{Draw, Lot};
use crate::money::Money;
use crate::movements::Movements;
use crate::payment::Payment;
use crate::pool::IncludedMinutes;
use crate::refund::{Refund, RefundState};
use crate::statement::Lines;
use crate::time::{Month, day_of};
use crate::usage::UsageRecord;
use crate::usage_report::{Dimension, Figures};

/// So many differences of an account are named; further ones say nothing more.
pub const MAX_FINDINGS: usize = 100;

/// One way in which an account's books do not hold. Amounts are in the account's currency.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Invariant 1: the sum of the amounts is not the balance.
    Sum {
        /// What the journal adds up to.
        journal: Decimal,
        /// What the account has.
        account: Decimal,
    },
    /// Invariant 1: a row's balance does not follow from the row before.
    Balance {
        /// Which row.
        row: Row,
        /// What follows from the row before.
        expected: Decimal,
        /// What it says.
        found: Decimal,
    },
    /// Invariant 1: a row is missing before this one, or two have one sequence number.
    Sequence {
        /// Which row.
        row: Row,
        /// The sequence number that comes next in its commit.
        expected: u32,
    },
    /// Invariant 1: the journal goes on where the account does not.
    Ahead {
        /// The newest row.
        key: JournalKey,
        /// Its commit.
        row: u64,
        /// The account's last commit.
        account: u64,
    },
    /// Invariant 3: a payment that succeeded, or an adjustment, has no row.
    PaymentWithoutRow {
        /// Which.
        payment: PaymentId,
    },
    /// Invariant 3: a row's payment is missing, or did not succeed.
    RowWithoutPayment {
        /// The row.
        key: JournalKey,
        /// What it names.
        payment: PaymentId,
    },
    /// Invariant 3: a payment and its row differ.
    PaymentDiffers {
        /// The row.
        key: JournalKey,
        /// In what.
        what: &'static str,
    },
    /// Invariant 3: the account lists a payment as open that is not.
    ListedNotOpen {
        /// Which.
        payment: PaymentId,
    },
    /// Invariant 3: a payment is open that the account does not list, so that recovery cannot find it.
    OpenNotListed {
        /// Which.
        payment: PaymentId,
    },
    /// F8: a receipt is not the next one.
    Receipt {
        /// Whose.
        payment: PaymentId,
        /// The next number.
        expected: u64,
        /// The one it has.
        found: u64,
    },
    /// F8: a credit note is not the next one.
    CreditNote {
        /// Of which refund.
        refund: PaymentId,
        /// The next number.
        expected: u64,
        /// The one it has.
        found: u64,
    },
    /// F8: the account does not count its credit notes.
    CreditNotes {
        /// Refunds that have one.
        refunds: u64,
        /// By the account.
        account: u64,
    },
    /// F8: the account does not count its receipts as the journal does.
    Receipts {
        /// The last one by the journal.
        journal: u64,
        /// By the account.
        account: u64,
    },
    /// Invariant 6: an invoice is not the next one.
    InvoiceNumber {
        /// Which.
        invoice: PaymentId,
        /// The next number.
        expected: u64,
        /// The one it has.
        found: u64,
    },
    /// Invariant 6: the account does not count its invoices as the journal does.
    Invoices {
        /// The last one by the journal.
        journal: u64,
        /// By the account.
        account: u64,
    },
    /// Invariant 6: the account does not count its void invoices.
    VoidInvoices {
        /// Invoices that are void.
        invoices: u64,
        /// By the account.
        account: u64,
    },
    /// Invariant 4: the account is impossible by itself.
    Unsound {
        /// How.
        problem: String,
    },
    /// Invariant 4: a lot does not have what its rows left in it.
    Lot {
        /// Which.
        lot: LotId,
        /// What the rows left.
        journal: Decimal,
        /// What is in it; nothing, if the account does not have it.
        account: Decimal,
    },
    /// Invariant 4: a lot is not as the row that added it says, or no row did.
    LotTerms {
        /// Which.
        lot: LotId,
    },
    /// Invariant 4: what is owed does not follow from the rows.
    Owed {
        /// By the rows.
        journal: Decimal,
        /// By the account.
        account: Decimal,
    },
    /// Invariants 2 and 5: a row's parts do not fit together, as they did when it was written.
    Altered {
        /// Which.
        key: JournalKey,
        /// What does not fit.
        what: &'static str,
    },
    /// Invariant 6: an invoice's figures do not fit together, as they did when it was written.
    AlteredInvoice {
        /// Which.
        invoice: PaymentId,
        /// What does not fit.
        what: &'static str,
    },
    /// Invariant 6: the rows' post-usage, invoices included, is not what is open.
    PostUsage {
        /// By the rows.
        journal: Decimal,
        /// By the account.
        account: Decimal,
    },
    /// S7: the minutes of the rows are not the pool's use.
    PoolUse {
        /// The month of the calls.
        month: Month,
        /// The pool's number.
        number: u16,
        /// The minutes by the rows.
        journal: i128,
        /// The minutes by the account.
        account: i128,
    },
    /// Usage reports: the stored totals of a day that has not changed since are not those of its rows.
    UsageTotals {
        /// The day (UTC).
        day: Date,
        /// By what they are grouped.
        dimension: Dimension,
        /// The number of calls and their charge by the rows.
        journal: (u64, Decimal),
        /// The same as they are stored; none, if they are not stored whole.
        stored: Option<(u64, Decimal)>,
    },
    /// Statements: the kept lines of a day are not those of its rows.
    DayLines {
        /// The day (UTC) of their posting.
        day: Date,
        /// What the rows come to.
        journal: DaySum,
        /// What the kept lines come to.
        kept: DaySum,
    },
    /// C1: the account's sums of holds are not those of its live holds.
    Held {
        /// What the live holds come to.
        holds: HeldSum,
        /// What the account's sums come to.
        account: HeldSum,
    },
    /// T2: the rows of the day of the account's last change did not move the balance as the account says.
    Movements {
        /// By the rows.
        journal: DayMovements,
        /// By the account.
        account: DayMovements,
    },
    /// T3: a row or payment is in another currency than its account.
    Currency {
        /// The row's key, or the payment's id.
        item: String,
    },
    /// An item cannot be read, or is not there at all.
    Unreadable {
        /// The row's key, the payment's id, or the part of the account.
        item: String,
        /// Why.
        problem: String,
    },
}

/// What holds come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeldSum {
    /// The number of holds.
    pub holds: u32,
    /// The funds that they set aside.
    pub amount: Decimal,
    /// The minutes of pools that they set aside.
    pub minutes: u64,
}

impl HeldSum {
    /// What sums come to.
    fn of(sums: &HeldSums) -> Self {
        let mut total = Self::default();
        for sum in sums.iter() {
            total.holds += sum.holds;
            total.amount += sum.amount.amount();
            total.minutes += sum.minutes.iter().map(|held| held.minutes).sum::<u64>();
        }
        total
    }
}

impl fmt::Display for HeldSum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { holds, amount, minutes } = self;
        write!(f, "{holds} holds of {amount} and {minutes} minutes")
    }
}

/// How the balance moved on a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DayMovements {
    /// The charges for calls, less those that reversals returned.
    pub spent: Decimal,
    /// The amounts of purchases and recharges.
    pub added: Decimal,
    /// The expired amounts.
    pub expired: Decimal,
    /// The amounts of all other rows.
    pub other: Decimal,
}

impl DayMovements {
    /// Those that an account says.
    fn of(movements: &Movements) -> Self {
        let Movements { spent, added, expired, other } = movements;
        Self {
            spent: spent.amount(),
            added: added.amount(),
            expired: expired.amount(),
            other: other.amount(),
        }
    }

    fn add(&mut self, row: &JournalEntry) {
        let amount = row.amount.amount();
        match row.details.kind() {
            EntryKind::Usage | EntryKind::Reversal => self.spent -= amount,
            EntryKind::Purchase | EntryKind::Recharge => self.added += amount,
            EntryKind::Expiry => self.expired -= amount,
            EntryKind::Adjustment
            | EntryKind::Refund
            | EntryKind::Dispute
            | EntryKind::Switch
            | EntryKind::Invoice
            | EntryKind::Unrated
            | EntryKind::Rejected => self.other += amount,
        }
    }
}

impl fmt::Display for DayMovements {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { spent, added, expired, other } = self;
        write!(f, "{spent} spent, {added} added, {expired} expired and {other} other")
    }
}

/// What entries or lines of a day come to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DaySum {
    /// The number of entries.
    pub entries: u64,
    /// Their effect on the balance.
    pub amount: Decimal,
    /// Their effect on what the next invoice asks for.
    pub post_usage: Decimal,
}

impl DaySum {
    /// Adds an entry.
    pub fn add(&mut self, row: &JournalEntry) {
        self.entries += 1;
        self.amount += row.amount.amount();
        self.post_usage += row.post_usage.amount();
    }

    /// What lines come to.
    pub fn of(lines: &Lines) -> Self {
        let sum = lines.sum(|_| true);
        Self { entries: sum.entries, amount: sum.amount.amount(), post_usage: sum.post_usage.amount() }
    }
}

impl fmt::Display for DaySum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { entries, amount, post_usage } = self;
        write!(f, "{entries} entries of {amount}, and {post_usage} for the invoice")
    }
}

/// A journal entry, by version and sequence. Its key is known in a second look; a first one keeps no keys, which are long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its commit.
    pub version: u64,
    /// Its sequence in that commit.
    pub sequence: u32,
    /// What stands there: two keys, if two rows do.
    pub keys: Vec<JournalKey>,
}

impl Finding {
    /// The invariant of ARCHITECTURE.md, or the rule, that does not hold; none where something cannot be read.
    pub fn rule(&self) -> Option<&'static str> {
        match self {
            Self::Sum { .. } | Self::Balance { .. } | Self::Sequence { .. } | Self::Ahead { .. } => {
                Some("invariant 1")
            }
            Self::PaymentWithoutRow { .. }
            | Self::RowWithoutPayment { .. }
            | Self::PaymentDiffers { .. }
            | Self::ListedNotOpen { .. }
            | Self::OpenNotListed { .. } => Some("invariant 3"),
            Self::Unsound { .. } | Self::Lot { .. } | Self::LotTerms { .. } | Self::Owed { .. } => {
                Some("invariant 4")
            }
            Self::Altered { .. } => Some("invariant 5"),
            Self::PostUsage { .. }
            | Self::AlteredInvoice { .. }
            | Self::InvoiceNumber { .. }
            | Self::Invoices { .. }
            | Self::VoidInvoices { .. } => Some("invariant 6"),
            Self::PoolUse { .. } => Some("S7"),
            Self::UsageTotals { .. } => Some("usage reports"),
            Self::DayLines { .. } => Some("statements"),
            Self::Held { .. } => Some("C1"),
            Self::Receipt { .. }
            | Self::Receipts { .. }
            | Self::CreditNote { .. }
            | Self::CreditNotes { .. } => Some("F8"),
            Self::Movements { .. } => Some("T2"),
            Self::Currency { .. } => Some("T3"),
            Self::Unreadable { .. } => None,
        }
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sum { .. } => "sum",
            Self::Balance { .. } => "balance",
            Self::Sequence { .. } => "sequence",
            Self::Ahead { .. } => "ahead",
            Self::PaymentWithoutRow { .. } => "paymentWithoutRow",
            Self::RowWithoutPayment { .. } => "rowWithoutPayment",
            Self::PaymentDiffers { .. } => "paymentDiffers",
            Self::ListedNotOpen { .. } => "listedNotOpen",
            Self::OpenNotListed { .. } => "openNotListed",
            Self::PoolUse { .. } => "poolUse",
            Self::UsageTotals { .. } => "usageTotals",
            Self::DayLines { .. } => "dayLines",
            Self::Held { .. } => "held",
            Self::Movements { .. } => "movements",
            Self::Receipt { .. } => "receipt",
            Self::Receipts { .. } => "receipts",
            Self::CreditNote { .. } => "creditNote",
            Self::CreditNotes { .. } => "creditNotes",
            Self::InvoiceNumber { .. } => "invoiceNumber",
            Self::Invoices { .. } => "invoices",
            Self::VoidInvoices { .. } => "voidInvoices",
            Self::Unsound { .. } => "unsound",
            Self::Lot { .. } => "lot",
            Self::LotTerms { .. } => "lotTerms",
            Self::Owed { .. } => "owed",
            Self::Altered { .. } => "altered",
            Self::AlteredInvoice { .. } => "alteredInvoice",
            Self::PostUsage { .. } => "postUsage",
            Self::Currency { .. } => "currency",
            Self::Unreadable { .. } => "unreadable",
        }
    }

    /// Where to look: a row's key, a payment's or lot's id; the account itself, if it is none of these.
    pub fn key(&self) -> Option<String> {
        match self {
            Self::Balance { row, .. } | Self::Sequence { row, .. } => Some(row.to_string()),
            Self::Ahead { key, .. }
            | Self::RowWithoutPayment { key, .. }
            | Self::PaymentDiffers { key, .. }
            | Self::Altered { key, .. } => Some(key.to_string()),
            Self::PaymentWithoutRow { payment }
            | Self::ListedNotOpen { payment }
            | Self::OpenNotListed { payment }
            | Self::Receipt { payment, .. }
            | Self::CreditNote { refund: payment, .. }
            | Self::InvoiceNumber { invoice: payment, .. }
            | Self::AlteredInvoice { invoice: payment, .. } => Some(payment.to_string()),
            Self::Lot { lot, .. } | Self::LotTerms { lot } => Some(lot.to_string()),
            Self::PoolUse { month, number, .. } => Some(format!("{month}#{number}")),
            Self::UsageTotals { day, dimension, .. } => Some(format!("{}#{day}", dimension.as_str())),
            Self::DayLines { day, .. } => Some(format!("lines#{day}")),
            Self::Held { .. } => Some("hold#".to_owned()),
            Self::Currency { item } | Self::Unreadable { item, .. } => Some(item.clone()),
            Self::Sum { .. }
            | Self::Receipts { .. }
            | Self::CreditNotes { .. }
            | Self::Invoices { .. }
            | Self::VoidInvoices { .. }
            | Self::Unsound { .. }
            | Self::Owed { .. }
            | Self::PostUsage { .. }
            | Self::Movements { .. } => None,
        }
    }

    /// Whether it is the same difference, though its amounts may have moved since.
    fn is_again(&self, other: &Self) -> bool {
        if discriminant(self) != discriminant(other) {
            return false;
        }
        match (self.row(), other.row()) {
            (Some(one), Some(two)) => (one.version, one.sequence) == (two.version, two.sequence),
            // The newest row may be another by now.
            _ => matches!(self, Self::Ahead { .. }) || self.key() == other.key(),
        }
    }

    fn row(&self) -> Option<&Row> {
        match self {
            Self::Balance { row, .. } | Self::Sequence { row, .. } => Some(row),
            _ => None,
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.keys {
            [] => write!(f, "version {}, sequence {}", self.version, self.sequence),
            [key] => write!(f, "{key}"),
            [key, others @ ..] => write!(f, "{key} and {} more", others.len()),
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sum { journal, account } => {
                write!(f, "the journal adds up to {journal}, the balance is {account}")
            }
            Self::Balance { row: Row { version, sequence, .. }, expected, found } => write!(
                f,
                "at version {version}, sequence {sequence}, the row before makes it {expected}, the row says {found}"
            ),
            Self::Sequence { row: Row { version, sequence, .. }, expected } => {
                write!(f, "at version {version}, sequence {sequence} comes where {expected} is next")
            }
            Self::Ahead { row, account, .. } => {
                write!(f, "the row is of version {row}, the account of version {account}")
            }
            Self::PaymentWithoutRow { .. } => write!(f, "the payment succeeded and has no row"),
            Self::RowWithoutPayment { payment, .. } => {
                write!(f, "there is no payment {payment} that succeeded")
            }
            Self::PaymentDiffers { what, .. } => write!(f, "row and payment differ in {what}"),
            Self::ListedNotOpen { .. } => write!(f, "the account lists it as open, which it is not"),
            Self::OpenNotListed { .. } => write!(f, "it is open and the account does not list it"),
            Self::Receipt { expected, found, .. } => {
                write!(f, "its receipt is number {found}, where {expected} is next")
            }
            Self::Receipts { journal, account } => {
                write!(f, "the last receipt is number {journal}, the account counts {account}")
            }
            Self::CreditNote { expected, found, .. } => {
                write!(f, "its credit note is number {found}, where {expected} is next")
            }
            Self::CreditNotes { refunds, account } => {
                write!(f, "{refunds} refunds have a credit note, the account counts {account}")
            }
            Self::InvoiceNumber { expected, found, .. } => {
                write!(f, "it is number {found}, where {expected} is next")
            }
            Self::Invoices { journal, account } => {
                write!(f, "the last invoice is number {journal}, the account counts {account}")
            }
            Self::VoidInvoices { invoices, account } => {
                write!(f, "{invoices} invoices are void, the account counts {account}")
            }
            Self::Lot { journal, account, .. } => {
                write!(f, "its rows leave {journal} in it, the account {account}")
            }
            Self::LotTerms { .. } => write!(f, "it is not as the row that added it says"),
            Self::Owed { journal, account } => {
                write!(f, "the rows leave {journal} owed, the account owes {account}")
            }
            Self::Altered { what, .. } | Self::AlteredInvoice { what, .. } => write!(f, "{what}"),
            Self::PostUsage { journal, account } => {
                write!(f, "the rows leave {journal} to be invoiced, the account {account}")
            }
            Self::PoolUse { journal, account, .. } => {
                write!(f, "the rows used {journal} minutes of it, the account counts {account}")
            }
            Self::UsageTotals { journal: (calls, charge), stored: Some((stored, stored_charge)), .. } => {
                write!(f, "the rows have {calls} calls for {charge}, the totals {stored} for {stored_charge}")
            }
            Self::UsageTotals { journal: (calls, charge), stored: None, .. } => {
                write!(f, "the rows have {calls} calls for {charge}, the totals are not there")
            }
            Self::Held { holds, account } => {
                write!(f, "there are {holds}, and the account counts {account}")
            }
            Self::Movements { journal, account } => {
                write!(f, "the rows of the day come to {journal}, the account says {account}")
            }
            Self::DayLines { journal, kept, .. } => {
                write!(f, "the rows come to {journal}, the kept lines to {kept}")
            }
            Self::Currency { .. } => write!(f, "it is in another currency than the account"),
            Self::Unsound { problem } | Self::Unreadable { problem, .. } => write!(f, "{problem}"),
        }
    }
}

/// What of a row is kept until all of them can be sorted: some 80 bytes.
struct Line {
    version: u64,
    sequence: u32,
    amount: Decimal,
    balance: Decimal,
    /// What it adds to what is owed; a reversal takes from it.
    owes: Decimal,
    /// The place in `Audit::funds` of the lot that it adds, after repaying what is owed (F7).
    adds: Option<usize>,
}

/// An account may have a million of them, and a function little memory.
const _: () = assert!(size_of::<Line>() <= 80);

/// Funds that a row added.
struct Funds {
    lot: LotId,
    at: Timestamp,
    expires_at: Timestamp,
    amount: Decimal,
    /// The payment of a card, which has a receipt (F8).
    receipt_of: Option<PaymentId>,
    /// What was in it once what was owed had been repaid.
    began: Decimal,
}

/// What of a payment is kept.
struct Standing {
    kind: PaymentKind,
    created_at: Timestamp,
    amount: Decimal,
    fingerprint: Fingerprint,
    open: bool,
    settled: bool,
    receipt: Option<u64>,
    /// Whether it has a row.
    posted: bool,
}

/// A refund or a dispute as its payment keeps it.
struct Repayment {
    created_at: Timestamp,
    kind: EntryKind,
    /// Whether the processor's answer to a refund is still awaited.
    open: bool,
    /// Its effect when it began.
    taken: Part,
    /// The effect of its end, if it has ended.
    back: Option<Part>,
    /// A refund's credit note.
    credit_note: Option<(Timestamp, u64)>,
}

/// One entry of a refund or a dispute.
struct Part {
    /// Its effect on the balance and on what the next invoice asks for.
    moves: Decimal,
    /// Whether its row was found.
    posted: bool,
}

impl Part {
    fn of(moves: Decimal) -> Self {
        Self { moves, posted: false }
    }
}

/// An invoice, and whether its row in the journal was found.
struct Claim {
    invoice: Invoice,
    posted: bool,
}

/// The audit of one account.
pub struct Audit<'a> {
    account: &'a Account,
    /// What a first look found; a second one names its rows and finds nothing else.
    suspects: Option<&'a [Finding]>,
    names: HashMap<(u64, u32), Vec<JournalKey>>,
    payments: BTreeMap<PaymentId, Standing>,
    /// Refunds and disputes of payments.
    repayments: BTreeMap<PaymentId, Repayment>,
    invoices: BTreeMap<PaymentId, Claim>,
    /// The commits that closed months with invoices, with the invoices' numbers.
    closings: Vec<(u64, u64, PaymentId)>,
    lines: Vec<Line>,
    funds: Vec<Funds>,
    /// What rows took from each lot.
    taken: BTreeMap<LotId, Decimal>,
    /// What rows used of each pool in this month and last month, by month and number.
    minutes: BTreeMap<(Month, u16), i128>,
    post_usage: Decimal,
    /// How rows of the day of the account's last change moved the balance.
    movements: DayMovements,
    ahead: Option<(u64, JournalKey)>,
    findings: Vec<Finding>,
}

impl<'a> Audit<'a> {
    /// A first look, at an account as it was read before its payments and rows.
    pub fn of(account: &'a Account) -> Self {
        let mut audit = Self {
            account,
            suspects: None,
            names: HashMap::new(),
            payments: BTreeMap::new(),
            repayments: BTreeMap::new(),
            invoices: BTreeMap::new(),
            closings: Vec::new(),
            lines: Vec::new(),
            funds: Vec::new(),
            taken: BTreeMap::new(),
            minutes: BTreeMap::new(),
            post_usage: Decimal::ZERO,
            movements: DayMovements::default(),
            ahead: None,
            findings: Vec::new(),
        };
        if let Some(problem) = account.unsound() {
            audit.find(Finding::Unsound { problem });
        }
        audit
    }

    /// A second look, on a read that began after the first had ended: it finds what both find.
    pub fn again(account: &'a Account, first: &'a [Finding]) -> Self {
        let names = first.iter().filter_map(Finding::row);
        let names = names.map(|row| ((row.version, row.sequence), Vec::new())).collect();
        let mut audit = Self { suspects: Some(first), names, ..Self::of(account) };
        audit.findings.retain(|found| first.iter().any(|other| other.is_again(found)));
        audit
    }

    /// Enters a payment, adjustment or invoice. All of them come before the first row.
    pub fn payment(&mut self, payment: &Payment) {
        if payment.amount().currency() != self.account.currency {
            self.find(Finding::Currency { item: payment.id().to_string() });
        }
        let standing = match payment {
            Payment::Card(payment) => {
                let receipt = match payment.state {
                    CardPaymentState::Succeeded { receipt_number, .. } => Some(receipt_number),
                    _ => None,
                };
                payment.repayments().into_iter().for_each(|repayments| self.enter_repayments(repayments));
                Standing {
                    kind: payment.kind.into(),
                    created_at: payment.created_at,
                    amount: payment.amount.amount(),
                    fingerprint: payment.fingerprint.clone(),
                    open: payment.is_open(),
                    settled: receipt.is_some(),
                    receipt,
                    posted: false,
                }
            }
            Payment::Adjustment(adjustment) => Standing {
                kind: PaymentKind::Adjustment,
                created_at: adjustment.created_at,
                amount: adjustment.amount.amount(),
                fingerprint: adjustment.fingerprint.clone(),
                open: false,
                settled: true,
                receipt: None,
                posted: false,
            },
            Payment::Invoice(invoice) => {
                if let Some(what) = altered_invoice(invoice) {
                    self.find(Finding::AlteredInvoice { invoice: invoice.id(), what });
                }
                self.invoices.insert(invoice.id(), Claim { invoice: invoice.clone(), posted: false });
                return;
            }
        };
        self.payments.insert(payment.id(), standing);
    }

    fn enter_repayments(&mut self, repayments: &Repayments) {
        for refund in &repayments.refunds {
            let amount = refund.amount.amount();
            let repayment = Repayment {
                created_at: refund.created_at,
                kind: EntryKind::Refund,
                open: refund.state == RefundState::Open,
                taken: Part::of(-amount),
                back: refund.is_returned().then(|| Part::of(amount)),
                credit_note: refund.payout().map(|payout| (payout.at, payout.credit_note)),
            };
            self.repayments.insert(refund.id.clone(), repayment);
        }
        for dispute in &repayments.disputes {
            let Some(frozen) = dispute.frozen().map(Money::amount) else { continue };
            let repayment = Repayment {
                created_at: dispute.created_at,
                kind: EntryKind::Dispute,
                open: false,
                taken: Part::of(-frozen),
                back: dispute.lost().map(|lost| Part::of(frozen - lost.amount())),
                credit_note: None,
            };
            self.repayments.insert(dispute.id.clone(), repayment);
        }
    }

    /// Enters a row, in any order.
    pub fn row(&mut self, row: &JournalEntry) {
        if row.amount.currency() != self.account.currency {
            self.find(Finding::Currency { item: row.key.to_string() });
        }
        if let Some(what) = altered(row) {
            self.find(Finding::Altered { key: row.key.clone(), what });
        }
        let is_later = row.version > self.account.version;
        if let Some(payment) = payment_of(&row.details) {
            self.compare_with_payment(row, payment, is_later);
        }
        if let Some((repayment, is_end)) = repayment_of(&row.details) {
            self.compare_with_repayment(row, repayment, is_end, is_later);
        }
        if let EntryDetails::Invoice { month, number: Some(number) } = row.details {
            self.compare_with_invoice(row, month, number, is_later);
        }
        if is_later {
            if self.ahead.as_ref().is_none_or(|(version, _)| *version < row.version) {
                self.ahead = Some((row.version, row.key.clone()));
            }
        } else {
            self.enter(row);
        }
    }

    /// Compares the stored totals of a day with those of its rows, up to the account's version: by each dimension, their sum must
    /// be the day's. The day must not have changed since the totals were stored.
    pub fn usage_totals(
        &mut self,
        day: Date,
        dimension: Dimension,
        journal: &Figures,
        stored: Option<&Figures>,
    ) {
        if stored != Some(journal) {
            let shown = |figures: &Figures| (figures.calls, figures.charge.amount());
            let (journal, stored) = (shown(journal), stored.map(shown));
            self.find(Finding::UsageTotals { day, dimension, journal, stored });
        }
    }

    /// Compares the kept lines of a day with its rows.
    pub fn day_lines(&mut self, day: Date, journal: DaySum, kept: DaySum) {
        if journal != kept {
            self.find(Finding::DayLines { day, journal, kept });
        }
    }

    /// Compares the sums of holds of an account with its holds, as far as they live. Those that have lapsed may be deleted already.
    pub fn holds(&mut self, account: &Account, holds: &[Hold], now: Timestamp) {
        let now = now.max(account.as_of);
        let live = HeldSums::of(holds.iter().filter(|hold| hold.lives_at(now)));
        let counted = account.held.live_at(now);
        if live != counted {
            let (holds, account) = (HeldSum::of(&live), HeldSum::of(&counted));
            self.find(Finding::Held { holds, account });
        }
    }

    /// Enters an item that cannot be read: a row by its key, a payment by its id.
    pub fn unreadable(&mut self, item: String, problem: String) {
        self.find(Finding::Unreadable { item, problem });
    }

    /// How many rows and payments it holds.
    pub fn size(&self) -> usize {
        self.lines.len() + self.payments.len() + self.invoices.len()
    }

    /// Whether rows of later commits were entered: then [`finish`](Self::finish) wants to know how far the
    /// account has come since.
    pub fn is_behind(&self) -> bool {
        self.ahead.is_some()
    }

    /// What does not hold, once all is entered. `latest` is the account's version after the last row was read.
    pub fn finish(mut self, latest: u64) -> Vec<Finding> {
        if let Some((row, key)) = self.ahead.take().filter(|(row, _)| *row > latest) {
            self.find(Finding::Ahead { key, row, account: latest });
        }
        let (sum, owed) = self.replay();
        let balance = self.account.lots.iter().map(|lot| lot.remaining.amount()).sum::<Decimal>()
            - self.account.owed.amount();
        if sum != balance {
            self.find(Finding::Sum { journal: sum, account: balance });
        }
        if owed != self.account.owed.amount() {
            self.find(Finding::Owed { journal: owed, account: self.account.owed.amount() });
        }
        let open = self.account.post_usage.amount.amount();
        if self.post_usage != open {
            self.find(Finding::PostUsage { journal: self.post_usage, account: open });
        }
        if let Some(account) = self.account.movements.as_ref().map(DayMovements::of)
            && self.movements != account
        {
            self.find(Finding::Movements { journal: self.movements, account });
        }
        self.compare_lots();
        self.compare_pools();
        self.compare_payments();
        self.compare_repayments();
        self.compare_invoices();
        self.findings
    }

    fn compare_with_payment(&mut self, row: &JournalEntry, id: &PaymentId, is_later: bool) {
        let payment = self.payments.get_mut(id).map(|payment| {
            payment.posted = true;
            &*payment
        });
        let Some(payment) = payment.filter(|payment| payment.settled) else {
            // The payments were read before a later row was written.
            if !is_later {
                self.find(Finding::RowWithoutPayment { key: row.key.clone(), payment: id.clone() });
            }
            return;
        };
        // The part of an adjustment that the next invoice asks for does not touch the balance.
        let what = if payment.amount != row.amount.amount() - row.post_usage.amount() {
            "amount"
        } else if payment.created_at != row.at {
            "instant"
        } else if payment.fingerprint != row.fingerprint {
            "content"
        } else if payment.kind.as_str() != row.details.kind().as_str() {
            "kind"
        } else {
            return;
        };
        self.find(Finding::PaymentDiffers { key: row.key.clone(), what });
    }

    fn compare_with_repayment(&mut self, row: &JournalEntry, id: &PaymentId, is_end: bool, is_later: bool) {
        let repayment = self.repayments.get_mut(id);
        let part = repayment.and_then(|Repayment { created_at, kind, taken, back, .. }| {
            let part = if is_end { back.as_mut()? } else { taken };
            part.posted = true;
            Some((part.moves, *created_at, *kind))
        });
        let Some((moves, created_at, kind)) = part else {
            // The payments were read before a later row was written.
            if !is_later {
                self.find(Finding::RowWithoutPayment { key: row.key.clone(), payment: id.clone() });
            }
            return;
        };
        let what = if moves != row.amount.amount() - row.post_usage.amount() {
            "amount"
        } else if created_at != row.at {
            "instant"
        } else if kind != row.details.kind() {
            "kind"
        } else {
            return;
        };
        self.find(Finding::PaymentDiffers { key: row.key.clone(), what });
    }

    fn compare_with_invoice(&mut self, row: &JournalEntry, month: Month, number: u64, is_later: bool) {
        let id = PaymentId::of_invoice(month);
        if !is_later {
            self.closings.push((row.version, number, id.clone()));
        }
        let Some(claim) = self.invoices.get_mut(&id) else {
            // The invoices were read before a later row was written.
            if !is_later {
                self.find(Finding::RowWithoutPayment { key: row.key.clone(), payment: id });
            }
            return;
        };
        claim.posted = true;
        let closed = &claim.invoice.closed;
        let what = if closed.amount != -row.post_usage {
            "amount"
        } else if closed.number != number {
            "number"
        } else if closed.issued_at != row.posted_at {
            "instant"
        } else {
            return;
        };
        self.find(Finding::PaymentDiffers { key: row.key.clone(), what });
    }

    fn enter(&mut self, row: &JournalEntry) {
        if let Some(keys) = self.names.get_mut(&(row.version, row.sequence)) {
            keys.push(row.key.clone());
        }
        self.post_usage += row.post_usage.amount();
        if day_of(row.posted_at) == day_of(self.account.as_of) {
            self.movements.add(row);
        }
        for draw in &row.draws {
            *self.taken.entry(draw.lot.clone()).or_default() += draw.amount.amount();
        }
        let (owes, adds) = match &row.details {
            EntryDetails::Funds { payment, expires_at, .. } => {
                let receipt = Some(payment.clone());
                (Decimal::ZERO, Some(self.adds(LotId::of(payment), row.at, *expires_at, row.amount, receipt)))
            }
            EntryDetails::Adjustment { payment, expires_at: Some(expires_at), .. } => {
                (Decimal::ZERO, Some(self.adds(LotId::of(payment), row.at, *expires_at, row.amount, None)))
            }
            EntryDetails::Usage { record, basis, .. } => {
                self.count_minutes(record, basis.included(), 1);
                (-row.amount.amount() - drawn_by(row), None)
            }
            EntryDetails::Adjustment { expires_at: None, .. } => (-row.amount.amount() - drawn_by(row), None),
            EntryDetails::Refund { .. } | EntryDetails::Dispute { .. } => {
                (-row.amount.amount() - drawn_by(row), None)
            }
            EntryDetails::RefundReturned { returned, lot, .. } => self.returns(row, returned, lot.as_ref()),
            EntryDetails::DisputeEnded { returned, .. } => {
                let (owed, lot) = self.returns(row, returned, None);
                (owed - drawn_by(row), lot)
            }
            EntryDetails::Switch => (-row.amount.amount(), None),
            EntryDetails::Reversal(reversal) => self.reverses(row, reversal),
            EntryDetails::Expiry { lot, .. } => {
                *self.taken.entry(lot.clone()).or_default() -= row.amount.amount();
                (Decimal::ZERO, None)
            }
            EntryDetails::Unrated { .. } | EntryDetails::Rejected(_) | EntryDetails::Invoice { .. } => {
                (Decimal::ZERO, None)
            }
        };
        self.lines.push(Line {
            version: row.version,
            sequence: row.sequence,
            amount: row.amount.amount(),
            balance: row.balance.amount(),
            owes,
            adds,
        });
    }

    /// Notes a lot that a row adds; gives its place.
    fn adds(
        &mut self,
        lot: LotId,
        at: Timestamp,
        expires_at: Timestamp,
        amount: Money,
        receipt_of: Option<PaymentId>,
    ) -> usize {
        let amount = amount.amount();
        self.funds.push(Funds { lot, at, expires_at, amount, receipt_of, began: Decimal::ZERO });
        self.funds.len() - 1
    }

    /// What a reversal adds to what is owed, which is less than nothing, and the lot that it adds.
    fn reverses(&mut self, row: &JournalEntry, reversal: &Reversal) -> (Decimal, Option<usize>) {
        self.count_minutes(&reversal.record, &reversal.included, -1);
        self.returns(row, &reversal.returned, reversal.lot.as_ref())
    }

    /// The same of any row that returns funds.
    fn returns(
        &mut self,
        row: &JournalEntry,
        returned: &[Draw],
        lot: Option<&ReturnedLot>,
    ) -> (Decimal, Option<usize>) {
        for draw in returned {
            *self.taken.entry(draw.lot.clone()).or_default() -= draw.amount.amount();
        }
        let repaid = row.amount.amount() - to_lots(returned, lot);
        (-repaid, lot.map(|lot| self.adds(lot.id.clone(), row.posted_at, lot.expires_at, lot.amount, None)))
    }

    fn count_minutes(&mut self, record: &UsageRecord, included: &[IncludedMinutes], sign: i128) {
        let month = Month::of(record.started_at);
        if month >= Month::of(self.account.as_of).previous() {
            for IncludedMinutes { number, minutes, .. } in included {
                *self.minutes.entry((month, *number)).or_default() += sign * i128::from(*minutes);
            }
        }
    }

    /// Goes through the rows in the order of their commits; gives their sum, and what they leave owed.
    fn replay(&mut self) -> (Decimal, Decimal) {
        let mut lines = std::mem::take(&mut self.lines);
        lines.sort_unstable_by_key(|line| (line.version, line.sequence));
        let (mut sum, mut owed, mut receipts) = (Decimal::ZERO, Decimal::ZERO, 0);
        let (mut balance, mut next) = (Decimal::ZERO, (0, 0));
        for line in &lines {
            self.compare_with_row_before(line, balance, next);
            balance = line.balance;
            next = (line.version, line.sequence.saturating_add(1));
            sum += line.amount;
            owed += line.owes;
            if let Some(place) = line.adds {
                let funds = &mut self.funds[place];
                let repaid = funds.amount.min(owed);
                owed -= repaid;
                funds.began = funds.amount - repaid;
                receipts = self.next_receipt(place, receipts);
            }
        }
        if receipts != self.account.receipts {
            self.find(Finding::Receipts { journal: receipts, account: self.account.receipts });
        }
        (sum, owed)
    }

    fn compare_with_row_before(&mut self, line: &Line, balance: Decimal, next: (u64, u32)) {
        let expected = if line.version == next.0 { next.1 } else { 0 };
        if line.sequence != expected {
            let row = self.named(line);
            self.find(Finding::Sequence { row, expected });
        }
        let expected = balance + line.amount;
        if line.balance != expected {
            let row = self.named(line);
            self.find(Finding::Balance { row, expected, found: line.balance });
        }
    }

    fn named(&self, line: &Line) -> Row {
        let keys = self.names.get(&(line.version, line.sequence)).cloned().unwrap_or_default();
        Row { version: line.version, sequence: line.sequence, keys }
    }

    /// The number of the last receipt, with these funds. After a gap it goes on from there, so that one gap is
    /// one finding.
    fn next_receipt(&mut self, place: usize, before: u64) -> u64 {
        let Some(payment) = &self.funds[place].receipt_of else { return before };
        let expected = before + 1;
        // A payment that is missing is found already.
        let found = self.payments.get(payment).and_then(|payment| payment.receipt).unwrap_or(expected);
        if found != expected {
            let payment = payment.clone();
            self.find(Finding::Receipt { payment, expected, found });
        }
        found
    }

    fn compare_lots(&mut self) {
        let account = self.account;
        let mut lots: BTreeMap<&LotId, &Lot> = account.lots.iter().map(|lot| (&lot.id, lot)).collect();
        for funds in std::mem::take(&mut self.funds) {
            let journal = funds.began - self.taken.remove(&funds.lot).unwrap_or_default();
            let lot = lots.remove(&funds.lot);
            let account = lot.map_or(Decimal::ZERO, |lot| lot.remaining.amount());
            if journal != account {
                self.find(Finding::Lot { lot: funds.lot.clone(), journal, account });
            }
            let terms = |lot: &Lot| (lot.amount.amount(), lot.purchased_at, lot.expires_at);
            if lot.is_some_and(|lot| terms(lot) != (funds.amount, funds.at, funds.expires_at)) {
                self.find(Finding::LotTerms { lot: funds.lot });
            }
        }
        // No row added these.
        for lot in lots.into_keys() {
            self.find(Finding::LotTerms { lot: lot.clone() });
        }
        for (lot, taken) in std::mem::take(&mut self.taken) {
            self.find(Finding::Lot { lot, journal: -taken, account: Decimal::ZERO });
        }
    }

    fn compare_pools(&mut self) {
        let mut counted: BTreeMap<_, _> = std::mem::take(&mut self.minutes);
        let account =
            self.account.pool_use.iter().map(|used| ((used.month, used.number), i128::from(used.minutes)));
        let this_and_last = Month::of(self.account.as_of).previous();
        for ((month, number), account) in account.filter(|((month, _), _)| *month >= this_and_last) {
            let journal = counted.remove(&(month, number)).unwrap_or_default();
            if journal != account {
                self.find(Finding::PoolUse { month, number, journal, account });
            }
        }
        for ((month, number), journal) in counted.into_iter().filter(|(_, minutes)| *minutes != 0) {
            self.find(Finding::PoolUse { month, number, journal, account: 0 });
        }
    }

    fn compare_payments(&mut self) {
        let account = self.account;
        for open in &account.open_payments {
            let payment = self.payments.get(&open.id);
            if payment.is_none_or(|payment| !payment.open || payment.kind != open.kind.into()) {
                self.find(Finding::ListedNotOpen { payment: open.id.clone() });
            }
        }
        for (id, payment) in std::mem::take(&mut self.payments) {
            if payment.open && account.open_payments.iter().all(|open| open.id != id) {
                self.find(Finding::OpenNotListed { payment: id });
            } else if payment.settled && !payment.posted {
                self.find(Finding::PaymentWithoutRow { payment: id });
            }
        }
    }

    /// Compares refunds and disputes with their rows, the list of open refunds, and the numbers of credit notes.
    fn compare_repayments(&mut self) {
        let account = self.account;
        for open in &account.open_refunds {
            if self.repayments.get(&open.id).is_none_or(|repayment| !repayment.open) {
                self.find(Finding::ListedNotOpen { payment: open.id.clone() });
            }
        }
        let mut credit_notes = Vec::new();
        for (id, Repayment { open, taken, back, credit_note, .. }) in std::mem::take(&mut self.repayments) {
            credit_notes.extend(credit_note.map(|(at, number)| (number, at, id.clone())));
            if open && account.open_refunds.iter().all(|listed| listed.id != id) {
                self.find(Finding::OpenNotListed { payment: id.clone() });
            }
            if !taken.posted || back.is_some_and(|back| !back.posted) {
                self.find(Finding::PaymentWithoutRow { payment: id });
            }
        }
        credit_notes.sort_unstable();
        let (mut last, mut before, mut by_now) = (0, 0, 0);
        for (found, at, refund) in credit_notes {
            let expected = last + 1;
            if found != expected {
                self.find(Finding::CreditNote { refund, expected, found });
            }
            // After a gap it goes on from there, so that one gap is one finding.
            last = found;
            // A credit note that was given since the account was read has a later instant, or the same one.
            before += u64::from(at < account.as_of);
            by_now += u64::from(at <= account.as_of);
        }
        if !(before..=by_now).contains(&account.credit_notes) {
            self.find(Finding::CreditNotes { refunds: by_now, account: account.credit_notes });
        }
    }

    /// Compares the numbers of invoices, and the list of those of which people are still to be reminded.
    fn compare_invoices(&mut self) {
        let account = self.account;
        let mut closings = std::mem::take(&mut self.closings);
        closings.sort_unstable();
        let mut last = 0;
        for (_, found, invoice) in closings {
            let expected = last + 1;
            if found != expected {
                self.find(Finding::InvoiceNumber { invoice, expected, found });
            }
            // After a gap it goes on from there, so that one gap is one finding.
            last = found;
        }
        if last != account.invoices {
            self.find(Finding::Invoices { journal: last, account: account.invoices });
        }
        let invoices = std::mem::take(&mut self.invoices);
        for unpaid in &account.unpaid {
            let id = PaymentId::of_invoice(unpaid.month);
            let is_open = |claim: &Claim| {
                let Invoice { closed, state, .. } = &claim.invoice;
                *state == InvoiceState::Open
                    && (closed.number, closed.amount, closed.due_at)
                        == (unpaid.number, unpaid.amount, unpaid.due_at)
            };
            if !invoices.get(&id).is_some_and(is_open) {
                self.find(Finding::ListedNotOpen { payment: id });
            }
        }
        let voided_at = invoices.values().filter_map(|claim| match &claim.invoice.state {
            InvoiceState::Void(voided) => Some(voided.at),
            InvoiceState::Open | InvoiceState::Paid(_) => None,
        });
        // An invoice that was cancelled since the account was read has a later instant, or the same one.
        let (mut before, mut by_now) = (0, 0);
        for at in voided_at {
            before += u64::from(at < account.as_of);
            by_now += u64::from(at <= account.as_of);
        }
        if !(before..=by_now).contains(&account.void_invoices) {
            self.find(Finding::VoidInvoices { invoices: by_now, account: account.void_invoices });
        }
        let [.., last_reminder] = REMINDED_AFTER_DAYS;
        for (id, Claim { invoice, posted }) in invoices {
            let is_listed = account.unpaid.iter().any(|unpaid| unpaid.month == invoice.closed.month);
            let was_reminded = days_after(invoice.closed.due_at, last_reminder) <= account.as_of;
            if !posted {
                self.find(Finding::PaymentWithoutRow { payment: id });
            } else if invoice.state == InvoiceState::Open && !is_listed && !was_reminded {
                self.find(Finding::OpenNotListed { payment: id });
            }
        }
    }

    fn find(&mut self, finding: Finding) {
        let stands = self.suspects.is_none_or(|first| first.iter().any(|other| other.is_again(&finding)));
        if stands && self.findings.len() < MAX_FINDINGS {
            self.findings.push(finding);
        }
    }
}

/// The payment or adjustment that a row posts.
fn payment_of(details: &EntryDetails) -> Option<&PaymentId> {
    match details {
        EntryDetails::Funds { payment, .. } | EntryDetails::Adjustment { payment, .. } => Some(payment),
        EntryDetails::Usage { .. }
        | EntryDetails::Unrated { .. }
        | EntryDetails::Rejected(_)
        | EntryDetails::Reversal(_)
        | EntryDetails::Refund { .. }
        | EntryDetails::RefundReturned { .. }
        | EntryDetails::Dispute { .. }
        | EntryDetails::DisputeEnded { .. }
        | EntryDetails::Switch
        | EntryDetails::Expiry { .. }
        | EntryDetails::Invoice { .. } => None,
    }
}

/// The refund or dispute that a row is about, and whether the row is its end.
fn repayment_of(details: &EntryDetails) -> Option<(&PaymentId, bool)> {
    match details {
        EntryDetails::Refund { refund, .. } => Some((refund, false)),
        EntryDetails::RefundReturned { refund, .. } => Some((refund, true)),
        EntryDetails::Dispute { dispute, .. } => Some((dispute, false)),
        EntryDetails::DisputeEnded { dispute, .. } => Some((dispute, true)),
        _ => None,
    }
}

fn drawn_by(row: &JournalEntry) -> Decimal {
    row.draws.iter().map(|draw| draw.amount.amount()).sum()
}

/// The funds that a row returned to lots, and to a new one.
fn to_lots(returned: &[Draw], lot: Option<&ReturnedLot>) -> Decimal {
    let returned = returned.iter().map(|draw| draw.amount.amount());
    returned.chain(lot.map(|lot| lot.amount.amount())).sum()
}

/// What of an invoice does not fit the rest of it, if anything: it keeps a copy of what it says, which never changes.
fn altered_invoice(invoice: &Invoice) -> Option<&'static str> {
    let closed = &invoice.closed;
    if closed.carried_in + closed.charges != closed.amount + closed.carried_over {
        Some("its amounts do not add up")
    } else if !closed.amount.is_positive() || closed.amount.minor_units().is_none() {
        Some("its amount is not one of whole minor units above zero")
    } else if closed.issued_at < closed.month.end() || closed.due_at < closed.issued_at {
        Some("its dates are not in order")
    } else {
        None
    }
}

/// What of a row does not fit the rest of it, if anything: rows never change.
fn altered(row: &JournalEntry) -> Option<&'static str> {
    let (key, fingerprint) = key_and_fingerprint_of(row);
    if key != row.key {
        Some("its key is not what it is about")
    } else if fingerprint != row.fingerprint {
        Some("its fingerprint is of something else")
    } else if !adds_up(row) {
        Some("its amounts do not add up")
    } else {
        None
    }
}

/// The key and the fingerprint that follow from what a row is about.
fn key_and_fingerprint_of(row: &JournalEntry) -> (JournalKey, Fingerprint) {
    match &row.details {
        EntryDetails::Usage { record, .. } | EntryDetails::Unrated { record } => {
            let is_later =
                matches!(row.details, EntryDetails::Usage { .. }) && row.key == record.key().rated();
            let key = if is_later { record.key().rated() } else { record.key() };
            // A record that says no currency was taken in the account's, which is the row's.
            (key, record.fingerprint(row.amount.currency()))
        }
        EntryDetails::Reversal(reversal) => {
            (reversal.record.key().reversal(), Fingerprint::of([reversal.of.as_str()]))
        }
        EntryDetails::Rejected(rejection) => (rejection.key(), Fingerprint::of([rejection.text.as_str()])),
        EntryDetails::Funds { kind, payment, .. } => {
            (JournalKey::payment(row.at, (*kind).into(), payment), row.fingerprint.clone())
        }
        EntryDetails::Adjustment { payment, .. } => {
            (JournalKey::payment(row.at, EntryKind::Adjustment, payment), row.fingerprint.clone())
        }
        EntryDetails::Refund { refund, .. } => {
            (JournalKey::payment(row.at, EntryKind::Refund, refund), Refund::fingerprint(refund))
        }
        EntryDetails::RefundReturned { refund, .. } => (
            JournalKey::payment(row.at, EntryKind::Refund, refund).refund_return(),
            Refund::fingerprint(refund),
        ),
        EntryDetails::Dispute { dispute, .. } => {
            (JournalKey::payment(row.at, EntryKind::Dispute, dispute), Dispute::fingerprint(dispute))
        }
        EntryDetails::DisputeEnded { dispute, .. } => (
            JournalKey::payment(row.at, EntryKind::Dispute, dispute).dispute_end(),
            Dispute::fingerprint(dispute),
        ),
        EntryDetails::Expiry { lot, returned_by } => {
            let key =
                returned_by.as_ref().map_or_else(|| JournalKey::expiry(row.at, lot), |key| key.forfeit(lot));
            (key, Fingerprint::of([lot.as_str()]))
        }
        EntryDetails::Switch => {
            let version_before = row.version.saturating_sub(1);
            (JournalKey::switch(row.at, version_before), Fingerprint::of(["switch"]))
        }
        EntryDetails::Invoice { month, .. } => {
            (JournalKey::invoice(*month), Fingerprint::of([month.to_string().as_str()]))
        }
    }
}

/// Whether a row's amounts fit one another.
fn adds_up(row: &JournalEntry) -> bool {
    let (amount, post_usage, drawn) = (row.amount.amount(), row.post_usage.amount(), drawn_by(row));
    let moves_nothing = amount.is_zero() && drawn.is_zero();
    match &row.details {
        EntryDetails::Usage { charge, .. } => {
            post_usage >= Decimal::ZERO && post_usage - amount == charge.amount() && drawn <= -amount
        }
        EntryDetails::Reversal(reversal) => {
            let charge = reversal.charge.map_or(Decimal::ZERO, |charge| charge.amount());
            let is_of_record = [reversal.record.key(), reversal.record.key().rated()].contains(&reversal.of);
            let uncredited = reversal.on_void_invoice.amount();
            let is_whole = amount - post_usage + uncredited == charge
                && to_lots(&reversal.returned, reversal.lot.as_ref()) <= amount;
            is_of_record
                && is_whole
                && amount >= Decimal::ZERO
                && post_usage <= Decimal::ZERO
                && uncredited >= Decimal::ZERO
                && drawn.is_zero()
        }
        EntryDetails::Unrated { .. } | EntryDetails::Rejected(_) => moves_nothing && post_usage.is_zero(),
        EntryDetails::Funds { .. } | EntryDetails::Adjustment { expires_at: Some(_), .. } => {
            amount > Decimal::ZERO && drawn.is_zero() && post_usage.is_zero()
        }
        EntryDetails::Adjustment { expires_at: None, .. } => {
            let is_owed = post_usage.is_zero() && amount < Decimal::ZERO && drawn <= -amount;
            is_owed || post_usage > Decimal::ZERO && drawn == -amount
        }
        EntryDetails::Refund { .. } => {
            amount <= Decimal::ZERO
                && post_usage >= Decimal::ZERO
                && amount < post_usage
                && drawn <= -amount
                && (post_usage.is_zero() || drawn == -amount)
        }
        EntryDetails::RefundReturned { returned, lot, .. } => {
            amount >= Decimal::ZERO
                && post_usage <= Decimal::ZERO
                && post_usage < amount
                && to_lots(returned, lot.as_ref()) <= amount
                && drawn.is_zero()
        }
        EntryDetails::Dispute { .. } => drawn == -amount && post_usage.is_zero(),
        EntryDetails::DisputeEnded { lost, returned, .. } => {
            let gives = amount >= Decimal::ZERO && post_usage.is_zero() && drawn.is_zero();
            let takes = amount <= Decimal::ZERO && post_usage >= Decimal::ZERO && drawn <= -amount;
            let is_one = gives || takes && (post_usage.is_zero() || drawn == -amount);
            is_one && !lost.is_negative() && to_lots(returned, None) <= amount.max(Decimal::ZERO)
        }
        EntryDetails::Expiry { .. } => amount < Decimal::ZERO && drawn.is_zero() && post_usage.is_zero(),
        EntryDetails::Switch => amount > Decimal::ZERO && amount == post_usage && drawn.is_zero(),
        // Entries of earlier versions may ask for less than nothing.
        EntryDetails::Invoice { number, .. } => {
            moves_nothing && (number.is_none() || post_usage < Decimal::ZERO)
        }
    }
}
