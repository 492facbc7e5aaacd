//! The nightly sweep of one account: it forfeits expired funds, and warns of funds and of saved cards that will expire (E1-E3,
//! N13).

use jiff::Timestamp;

use crate::account::{Account, told_of_card_at};
use crate::change::Decision;
use crate::draft::{Draft, NewEntry};
use crate::event::{EventDetails, Expired, Expiring, UnusedFunds};
use crate::id::Fingerprint;
use crate::journal::EntryDetails;
use crate::journal_key::JournalKey;
use crate::lot::Lot;
use crate::money::{Currency, Money};

/// At most this many lots are booked in one commit, so that it fits a transaction; the rest stays due.
pub const MAX_BOOKED_AT_ONCE: usize = 90;

/// The result of a sweep.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Lots booked as forfeited.
    pub booked: usize,
    /// Lots, and last months of saved cards, warned of.
    pub warned: usize,
}

/// Books each lot's unused funds once its expiry and the 72 h of late records are over, dated at its
/// expiry (E1), and gives the warnings that are due (E3, N13). Nothing due changes nothing.
pub fn sweep(account: &Account, now: Timestamp) -> Decision<Swept> {
    let mut draft = Draft::on(account, now);
    let mut swept = Swept::default();
    if account.due_for_expiry().is_none_or(|due| due > draft.now()) {
        return Decision::unchanged(swept);
    }
    book(&mut draft, &mut swept);
    warn(&mut draft, &mut swept);
    warn_of_cards(&mut draft, &mut swept);
    draft.finish(swept)
}

/// One event names all lots of a commit, and the last of their entries keeps it.
fn book(draft: &mut Draft, swept: &mut Swept) {
    let now = draft.now();
    let is_due = |lot: &&Lot| lot.books_at() <= now;
    let due: Vec<_> = draft.account().lots.iter().filter(is_due).take(MAX_BOOKED_AT_ONCE).cloned().collect();
    for lot in &due {
        draft.remove_lot(&lot.id);
        draft.post(NewEntry {
            key: JournalKey::expiry(lot.expires_at, &lot.id),
            at: lot.expires_at,
            amount: -lot.remaining,
            draws: Vec::new(),
            post_usage: Money::zero(lot.remaining.currency()),
            fingerprint: Fingerprint::of([lot.id.as_str()]),
            requires: None,
            unmarks: None,
            details: EntryDetails::Expiry { lot: lot.id.clone(), returned_by: None },
        });
    }
    swept.booked = due.len();
    if !due.is_empty() {
        let (amount, lots) = unused(&due, draft.account().currency);
        draft.add_lasting_event(EventDetails::FundsExpired(Expired { amount, lots }));
    }
}

/// One event warns of all lots, so a sweep sends one mail (E3).
fn warn(draft: &mut Draft, swept: &mut Swept) {
    let now = draft.now();
    let warnings = draft.account_mut().lots.iter_mut();
    let warnings = warnings.filter_map(|lot| lot.take_warning(now).map(|days| (days, lot.clone())));
    let (days, due): (Vec<u16>, Vec<Lot>) = warnings.unzip();
    swept.warned = due.len();
    if let Some(days) = days.into_iter().min() {
        let (amount, lots) = unused(&due, draft.account().currency);
        draft.add_event(EventDetails::FundsExpiring(Expiring { amount, days, lots }));
    }
}

/// Each last month is told of once. One that is over by now is not: the card has been declined, or was renewed in time.
fn warn_of_cards(draft: &mut Draft, swept: &mut Swept) {
    let now = draft.now();
    let months = &mut draft.account_mut().ending_cards;
    let due: Vec<_> = months.extract_if(.., |month| told_of_card_at(*month) <= now).collect();
    for month in due.into_iter().filter(|month| month.end() > now) {
        draft.add_event(EventDetails::CardExpiring { month });
        swept.warned += 1;
    }
}

fn unused(lots: &[Lot], currency: Currency) -> (Money, Vec<UnusedFunds>) {
    let amount = lots.iter().fold(Money::zero(currency), |sum, lot| sum + lot.remaining);
    let of_lot =
        |lot: &Lot| UnusedFunds { lot_id: lot.id.clone(), amount: lot.remaining, expires_at: lot.expires_at };
    (amount, lots.iter().map(of_lot).collect())
}
