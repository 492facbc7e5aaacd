//! The invariants that hold after every commit. They are checked on the commits alone, without knowledge of how a decision is
//! made.

use std::collections::{HashMap, HashSet};

use domain::account::DayEnd;
use domain::change::Change;
use domain::event::{Expiring, UnusedFunds};
use domain::invoice::{Invoice, InvoiceState};
use domain::journal::EntryDetails;
use domain::time::{LATE_RECORDS, key_text};
use domain::{
    Account, BillingModel, EventDetails, JournalEntry, JournalKey, LotId, Money, Payment, PaymentId,
};
use jiff::Timestamp;
use rust_decimal::Decimal;

use crate::given::{card_holder, hours};

/// The journal of one account, its payments and the state of its notices, since its first commit.
pub(crate) struct Books {
    pub(crate) rows: Vec<JournalEntry>,
    /// The stored ends of days, oldest first.
    pub(crate) day_ends: Vec<DayEnd>,
    opening: (Decimal, Decimal),
    keys: HashSet<JournalKey>,
    forfeited: HashSet<LotId>,
    warned: HashMap<LotId, u16>,
    pub(crate) payments: HashMap<PaymentId, Payment>,
    receipts: u64,
    invoices: u64,
    /// What the month before carried over.
    carried: Decimal,
    was_above_zero: bool,
}

impl Books {
    pub(crate) fn of(account: &Account) -> Self {
        Self {
            rows: Vec::new(),
            day_ends: Vec::new(),
            opening: (balance(account), account.post_usage.amount.amount()),
            keys: HashSet::new(),
            forfeited: HashSet::new(),
            warned: HashMap::new(),
            payments: HashMap::new(),
            receipts: account.receipts,
            invoices: account.invoices,
            carried: account.post_usage.carried.amount(),
            was_above_zero: !account.depletion_told,
        }
    }

    /// Enters a commit that was decided on `before`. Panics if an invariant does not hold.
    pub(crate) fn enter(&mut self, before: &Account, change: &Change) {
        let after = &change.account;
        assert_eq!(after.version, before.version + 1, "versions increase by one");
        assert!(after.as_of >= before.as_of, "T1: the account never goes back");
        sound(after);
        self.rows_follow(before, change);
        self.day_ends.extend(change.day_end.clone());
        lots_lose_what_rows_draw(before, change);
        self.forfeits_once(before, change);
        self.sums_agree(after);
        self.receipts_have_no_gaps(change);
        self.warnings_in_order(change);
        self.depletion_told_once(change);
        self.payment_moves_on(before, change);
        self.invoices_have_no_gaps(before, change);
    }

    /// Invariant 1: each balance follows from the entry before, within and across commits, and no key is used twice.
    fn rows_follow(&mut self, before: &Account, change: &Change) {
        let mut last = self.rows.last().map_or(self.opening.0, |row| row.balance.amount());
        for (place, row) in change.entries.iter().enumerate() {
            last += row.amount.amount();
            assert_eq!(row.balance.amount(), last, "the balance follows from the row before: {row:?}");
            assert_eq!((row.version, row.sequence as usize), (change.account.version, place));
            assert_eq!(row.posted_at, change.account.as_of);
            assert!(
                row.key.as_str().starts_with(&key_text(row.at)),
                "a key begins with its instant: {row:?}"
            );
            assert!(self.keys.insert(row.key.clone()), "a key is used once: {}", row.key);
            for amount in [row.amount, row.balance, row.post_usage] {
                assert!(
                    !amount.is_zero() || !amount.to_string().starts_with('-'),
                    "there is no negative zero: {row:?}"
                );
            }
            post_usage_is_sound(before, row);
        }
        self.rows.extend(change.entries.iter().cloned());
    }

    fn forfeits_once(&mut self, before: &Account, change: &Change) {
        for row in &change.entries {
            let EntryDetails::Expiry { lot: id, .. } = &row.details else { continue };
            let lot = before.lots.iter().find(|lot| lot.id == *id).expect("a forfeited lot existed");
            assert_eq!(row.at, lot.expires_at, "E1: dated at its expiry");
            assert_eq!(row.amount, -lot.remaining, "E1: all its unused funds");
            assert!(row.posted_at >= lot.expires_at + LATE_RECORDS, "E1: not before the 72 h are over");
            assert!(self.forfeited.insert(id.clone()), "E1: {id} is forfeited once");
            let lots = change.events.iter().filter_map(|event| match event {
                EventDetails::FundsExpired(expired) => Some(&expired.lots),
                _ => None,
            });
            let told = lots.flatten().filter(|told| told.lot_id == *id && told.amount == lot.remaining);
            assert_eq!(told.count(), 1, "N6: one event for each lot");
        }
    }

    /// Invariants 1, 4 and 6, over the whole journal.
    fn sums_agree(&self, after: &Account) {
        let sum = |part: fn(&JournalEntry) -> Money| {
            self.rows.iter().map(|row| part(row).amount()).sum::<Decimal>()
        };
        let open = after.post_usage.amount.amount();
        assert_eq!(
            self.opening.0 + sum(|row| row.amount),
            balance(after),
            "the journal's sum is the balance"
        );
        assert_eq!(after.balance().amount(), balance(after), "the lots less the owed amount are the balance");
        assert_eq!(self.opening.1 + sum(|row| row.post_usage), open, "entries give the open post-usage");
    }

    fn receipts_have_no_gaps(&mut self, change: &Change) {
        for event in &change.events {
            if let EventDetails::FundsAdded { receipt_number: Some(number), .. } = event {
                self.receipts += 1;
                assert_eq!(*number, self.receipts, "F8: receipts are numbered without gaps");
            }
        }
        assert_eq!(change.account.receipts, self.receipts);
    }

    /// Completes the invoice of a closed month, as the store does.
    fn invoices_have_no_gaps(&mut self, before: &Account, change: &Change) {
        if let Some(closed) = &change.closed {
            self.invoices += 1;
            assert_eq!(closed.number, self.invoices, "S8: invoices are numbered without gaps");
            let total = closed.carried_in + closed.charges;
            assert_eq!(total, closed.amount + closed.carried_over, "S8: the figures lead to the next");
            assert_eq!(closed.carried_in.amount(), self.carried, "S8: what the month before carried over");
            let half = Decimal::new(5, closed.amount.currency().minor_digits() + 1);
            assert!(closed.carried_over.amount().abs() <= half, "T3: only rounding is carried over");
            let invoice = Invoice::of(&change.account.id, closed, &card_holder());
            let written = self.payments.insert(invoice.id(), invoice.into());
            assert_eq!(written, None, "S8: one invoice a month");
        }
        if change.account.post_usage.month != before.post_usage.month {
            let asked = change.closed.as_ref().map_or(Decimal::ZERO, |closed| closed.amount.amount());
            self.carried = before.post_usage.amount.amount() - asked;
        }
        assert_eq!(change.account.invoices, self.invoices);
        for unpaid in &change.account.unpaid {
            // An invoice from before these books began is not among their payments.
            let Some(payment) = self.payments.get(&PaymentId::of_invoice(unpaid.month)) else { continue };
            let Payment::Invoice(invoice) = payment else { panic!("the id is an invoice's: {payment:?}") };
            assert_eq!(invoice.state, InvoiceState::Open, "N12: nobody is reminded of other invoices");
            assert_eq!((invoice.closed.number, invoice.closed.amount), (unpaid.number, unpaid.amount));
        }
    }

    fn warnings_in_order(&mut self, change: &Change) {
        let after = &change.account;
        for event in &change.events {
            let EventDetails::FundsExpiring(Expiring { amount, days, lots }) = event else { continue };
            assert_eq!(
                *amount,
                lots.iter().fold(Money::zero(amount.currency()), |sum, lot| sum + lot.amount)
            );
            let of_lots = lots.iter().map(|lot| warning_days(lot.expires_at, after.as_of));
            assert_eq!(of_lots.min(), Some(*days), "E3: the event gives the most urgent warning");
            for UnusedFunds { lot_id, amount, expires_at } in lots {
                let days = warning_days(*expires_at, after.as_of);
                let before = self.warned.insert(lot_id.clone(), days);
                assert!(before.is_none_or(|before| days < before), "E3: {lot_id}: {days} after {before:?}");
                assert!(after.as_of < *expires_at, "E3: before the expiry");
                let lot = after.lots.iter().find(|lot| lot.id == *lot_id);
                let lot = lot.expect("only lots with funds are warned of");
                assert_eq!((lot.remaining, lot.expires_at), (*amount, *expires_at));
            }
        }
        let warnings = change.events.iter().filter(|event| matches!(event, EventDetails::FundsExpiring(_)));
        assert!(warnings.count() <= 1, "E3: one event for all lots");
    }

    fn depletion_told_once(&mut self, change: &Change) {
        let available = change.account.available(change.account.as_of);
        let told: Vec<_> = change
            .events
            .iter()
            .filter(|event| matches!(event, EventDetails::BalanceDepleted { .. }))
            .collect();
        let crosses = self.was_above_zero && !available.is_positive();
        let expected = crosses.then_some(EventDetails::BalanceDepleted { available });
        assert_eq!(told, expected.iter().collect::<Vec<_>>(), "N3: one event for each crossing");
        // A balance of less than one minor unit does not arm the event again.
        let stays = self.was_above_zero && available.is_positive();
        self.was_above_zero = stays || available.reaches_minor_unit();
    }

    fn payment_moves_on(&mut self, before: &Account, change: &Change) {
        let Some(payment) = &change.payment else { return };
        let open_on = |account: &Account| account.open_payments.iter().any(|open| open.id == payment.id());
        let is_open = |payment: &Payment| payment.clone().card().is_some_and(|card| card.is_open());
        if let Payment::Invoice(invoice) = payment {
            let before = self.payments.insert(payment.id(), payment.clone()).expect("it was issued before");
            assert_eq!(payment.revision(), before.revision() + 1, "each write follows the one before");
            let before = before.invoice().expect("its id is an invoice's");
            assert_eq!(before.state, InvoiceState::Open, "S8: paid and void are final");
            assert_eq!((&before.closed, &before.name), (&invoice.closed, &invoice.name), "S8: a copy stays");
            return;
        }
        if let Some(written) = self.payments.insert(payment.id(), payment.clone()) {
            assert_eq!(payment.revision(), written.revision() + 1, "each write follows the one before");
            let asked_for = |payment: &Payment| {
                let card = payment.clone().card().expect("an adjustment is written once");
                (card.created_at, card.amount, card.fingerprint)
            };
            assert_eq!(asked_for(payment), asked_for(&written), "the request of a payment never changes");
            assert!(is_open(&written), "an outcome is final");
        } else if !open_on(before) {
            assert_eq!(payment.revision(), 1, "the first revision of a payment");
        }
        assert_eq!(open_on(&change.account), is_open(payment), "the account lists open payments");
    }
}

/// The second half of invariant 4, and the limits of an account by itself.
fn sound(account: &Account) {
    let mut ids = HashSet::new();
    for lot in &account.lots {
        assert!(
            Decimal::ZERO < lot.remaining.amount() && lot.remaining <= lot.amount,
            "0 < remaining <= amount: {lot:?}"
        );
        assert!(ids.insert(&lot.id), "one lot per id: {lot:?}");
    }
    assert!(account.lots.is_sorted_by_key(|lot| lot.expires_at), "lots are in the order of their expiry");
    assert!(!account.owed.is_negative());
    assert!(account.lots.len() + account.open_payments.len() <= 500, "F11");
}

fn post_usage_is_sound(before: &Account, row: &JournalEntry) {
    let part = row.post_usage;
    if matches!(row.details, EntryDetails::Invoice { .. }) {
        assert!(
            part.is_negative() && part.minor_units().is_some(),
            "T3: an invoice asks for minor units: {row:?}"
        );
        assert!(row.amount.is_zero());
    } else {
        assert!(!part.is_negative(), "{row:?}");
        assert!(before.billing_model == BillingModel::PostUsage || part.is_zero(), "{row:?}");
    }
}

/// Each lot loses exactly the amounts that entries draw on it, and each charge is paid in full.
fn lots_lose_what_rows_draw(before: &Account, change: &Change) {
    let mut drawn: HashMap<&LotId, Decimal> = HashMap::new();
    for row in &change.entries {
        for draw in &row.draws {
            assert!(draw.amount.is_positive());
            let lot = before.lots.iter().find(|lot| lot.id == draw.lot).expect("a drawn lot existed");
            assert_eq!(draw.expires_at, lot.expires_at);
            assert!(
                row.posted_at < lot.expires_at + LATE_RECORDS,
                "S10: nothing draws on a lot after its 72 h"
            );
            *drawn.entry(&lot.id).or_default() += draw.amount.amount();
        }
        match &row.details {
            EntryDetails::Expiry { lot, .. } => *drawn.entry(lot).or_default() -= row.amount.amount(),
            EntryDetails::Usage { charge, .. } => {
                assert_eq!(-row.amount + row.post_usage, *charge, "the entry carries the whole charge");
            }
            _ => {}
        }
        let drawn_by_row: Decimal = row.draws.iter().map(|draw| draw.amount.amount()).sum();
        assert!(
            row.draws.is_empty() || drawn_by_row <= -row.amount.amount(),
            "no entry draws more than its amount"
        );
    }
    for lot in &before.lots {
        let left = change.account.lots.iter().find(|after| after.id == lot.id);
        let lost = lot.remaining.amount() - left.map_or(Decimal::ZERO, |after| after.remaining.amount());
        let drawn = drawn.get(&lot.id).copied().unwrap_or_default();
        assert_eq!(lost, drawn, "{}: it loses what entries draw", lot.id);
    }
}

fn balance(account: &Account) -> Decimal {
    account.lots.iter().map(|lot| lot.remaining.amount()).sum::<Decimal>() - account.owed.amount()
}

/// The warning due at an instant, in days before the expiry (E3).
pub(crate) fn warning_days(expires_at: Timestamp, now: Timestamp) -> u16 {
    let is_due = |days: &u16| expires_at - hours(24 * i64::from(*days)) <= now;
    [7, 30, 60].into_iter().find(is_due).expect("a warning is due")
}
