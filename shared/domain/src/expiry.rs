//! The nightly sweep of one account: forfeits what has expired and warns of what will (E1-E3).

use jiff::Timestamp;

use crate::account::Account;
use crate::draft::{Decision, Draft, NewPosting};
use crate::fact::Fact;
use crate::id::Fingerprint;
use crate::money::Money;
use crate::posting::{Entry, JournalKey};

/// At most this many lots are booked in one commit, so that it fits a transaction; the rest stays due.
pub const MAX_BOOKED_AT_ONCE: usize = 90;

/// What a sweep did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Lots booked as forfeited.
    pub booked: usize,
    /// Warnings given.
    pub warned: usize,
}

/// Books each lot's unused funds once its expiry and the 72 h of late records are over, dated at its
/// expiry (E1), and gives the warnings that are due (E3). Nothing due changes nothing.
pub fn sweep(account: &Account, now: Timestamp) -> Decision<Swept> {
    let mut draft = Draft::on(account, now);
    let mut swept = Swept::default();
    if account.due_for_expiry().is_none_or(|due| due > draft.now()) {
        return Decision::unchanged(swept);
    }
    book(&mut draft, &mut swept);
    warn(&mut draft, &mut swept);
    draft.finish(swept)
}

fn book(draft: &mut Draft, swept: &mut Swept) {
    let now = draft.now();
    let due: Vec<_> = draft
        .account()
        .lots
        .iter()
        .filter(|lot| lot.books_at() <= now)
        .take(MAX_BOOKED_AT_ONCE)
        .map(|lot| lot.id.clone())
        .collect();
    for id in due {
        let lot = draft.remove_lot(&id);
        draft.post(NewPosting {
            key: JournalKey::expiry(lot.expires_at, &lot.id),
            at: lot.expires_at,
            amount: -lot.remaining,
            draws: Vec::new(),
            post_usage: Money::zero(lot.remaining.currency()),
            content: Fingerprint::of([lot.id.as_str()]),
            requires: None,
            entry: Entry::Expiry { lot: lot.id.clone() },
        });
        draft.say_of_row(Fact::FundsExpired {
            lot_id: lot.id,
            amount: lot.remaining,
            expired_at: lot.expires_at,
        });
        swept.booked += 1;
    }
}

fn warn(draft: &mut Draft, swept: &mut Swept) {
    let now = draft.now();
    let mut warnings = Vec::new();
    for lot in &mut draft.account_mut().lots {
        if let Some(days) = lot.take_warning(now) {
            warnings.push(Fact::FundsExpiring {
                lot_id: lot.id.clone(),
                amount: lot.remaining,
                expires_at: lot.expires_at,
                days,
            });
        }
    }
    swept.warned = warnings.len();
    for warning in warnings {
        draft.say(warning);
    }
}
