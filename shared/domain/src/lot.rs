//! A lot: funds that arrived at one instant and expire together (F1, S1, S10, E1, E3).

use jiff::{SignedDuration, Timestamp};

use crate::id::LotId;
use crate::money::Money;
use crate::time::{LATE_RECORDS, plus_months};

/// Funds expire this many calendar months after their purchase (F1).
pub const LIFETIME_MONTHS: i32 = 12;

/// An account holds at most this many live lots and pending purchases together (F11).
pub const MAX_LOTS: usize = 500;

/// People are warned this many days before a lot with funds expires (E3).
const WARNING_DAYS: [u16; 3] = [60, 30, 7];

/// Unspent funds of one purchase, recharge or adjustment. A lot without funds left is not kept; the journal has its
/// history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lot {
    /// The id of the payment that added it.
    pub id: LotId,
    /// When the purchase was asked for.
    pub purchased_at: Timestamp,
    /// Usable strictly before this instant.
    pub expires_at: Timestamp,
    /// The funds that it began with.
    pub amount: Money,
    /// The funds unspent: above zero, at most `amount`.
    pub remaining: Money,
    /// The next warning to give, in days before the expiry; none once the last was given.
    pub next_warning_days: Option<u16>,
}

/// Funds that an entry took from a lot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draw {
    /// The lot.
    pub lot: LotId,
    /// How much, above zero.
    pub amount: Money,
    /// The lot's expiry.
    pub expires_at: Timestamp,
    /// When the lot was bought and its amount, so that a reversal can restore a lot since emptied. Entries of earlier
    /// versions do not have it; the lot's payment has it too.
    pub began: Option<Began>,
}

/// What a lot began with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Began {
    /// When its purchase was asked for.
    pub purchased_at: Timestamp,
    /// The funds that it began with.
    pub amount: Money,
}

impl Lot {
    /// A full lot; warnings whose day has passed already are not given.
    pub fn new(
        id: LotId,
        purchased_at: Timestamp,
        expires_at: Timestamp,
        amount: Money,
        now: Timestamp,
    ) -> Self {
        let mut lot =
            Self { id, purchased_at, expires_at, amount, remaining: amount, next_warning_days: None };
        lot.next_warning_days = lot.warning_after(now);
        lot
    }

    /// What it began with.
    pub fn began(&self) -> Began {
        Began { purchased_at: self.purchased_at, amount: self.amount }
    }

    /// When funds bought at `purchased_at` expire (F1).
    pub fn expiry_of_purchase(purchased_at: Timestamp) -> Timestamp {
        plus_months(purchased_at, LIFETIME_MONTHS)
    }

    /// Whether a charge at this instant may draw on it.
    pub fn usable_at(&self, instant: Timestamp) -> bool {
        instant < self.expires_at
    }

    /// When its unused funds are booked as forfeited: late records may draw on it until then (E1).
    pub fn books_at(&self) -> Timestamp {
        self.expires_at + LATE_RECORDS
    }

    /// The next instant the nightly sweep must look at it.
    pub fn due_at(&self) -> Timestamp {
        self.next_warning_days.map_or_else(|| self.books_at(), |days| self.warning_at(days))
    }

    /// The warning that `now` calls for, in days before the expiry, and moves on to the next (E3). Of
    /// several that a late sweep finds due, only the last is given; after the expiry, none.
    pub fn take_warning(&mut self, now: Timestamp) -> Option<u16> {
        self.next_warning_days.filter(|&days| self.warning_at(days) <= now)?;
        let due = WARNING_DAYS.into_iter().rfind(|&days| self.warning_at(days) <= now);
        self.next_warning_days = self.warning_after(now);
        due.filter(|_| self.usable_at(now))
    }

    fn warning_at(&self, days: u16) -> Timestamp {
        self.expires_at - SignedDuration::from_hours(24 * i64::from(days))
    }

    fn warning_after(&self, now: Timestamp) -> Option<u16> {
        WARNING_DAYS.into_iter().find(|&days| now < self.warning_at(days))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Currency;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn lot(purchased: &str) -> Lot {
        let eur = Currency::parse("EUR").unwrap();
        let ten = Money::new(10.into(), eur).unwrap();
        let id = LotId::parse("pur_1").unwrap();
        Lot::new(id, at(purchased), Lot::expiry_of_purchase(at(purchased)), ten, at(purchased))
    }

    #[test]
    fn f1_usable_strictly_before_its_expiry() {
        let lot = lot("2026-11-22T07:43:00Z");
        assert!(lot.usable_at(at("2027-11-22T07:42:59.999Z")));
        assert!(!lot.usable_at(at("2027-11-22T07:43:00Z")));
    }

    #[test]
    fn e3_each_warning_once() {
        let mut lot = lot("2026-01-01T00:00:00Z");
        let given: Vec<_> = [
            "2026-11-01T00:00:00Z", // too early
            "2026-11-02T00:00:00Z", // 60 days before
            "2026-11-03T00:00:00Z", // again
            "2026-12-26T00:00:00Z", // late: 30 and 7 days have passed, one warning
            "2026-12-31T00:00:00Z",
            "2027-01-01T00:00:00Z", // expired
        ]
        .map(|now| lot.take_warning(at(now)))
        .to_vec();
        assert_eq!(given, [None, Some(60), None, Some(7), None, None]);
        assert_eq!(lot.due_at(), at("2027-01-04T00:00:00Z"), "then only its booking is due");
    }

    #[test]
    fn e3_a_lot_first_seen_after_its_expiry_gives_no_warning() {
        let mut lot = lot("2026-01-01T00:00:00Z");
        assert_eq!(lot.take_warning(at("2027-01-02T00:00:00Z")), None);
        assert_eq!(lot.due_at(), lot.books_at());
    }

    #[test]
    fn e3_a_short_lived_lot_skips_warnings_already_past() {
        let now = at("2026-01-01T00:00:00Z");
        let eur = Currency::parse("EUR").unwrap();
        let id = LotId::parse("adj_1").unwrap();
        let lot = Lot::new(id, now, at("2026-01-11T00:00:00Z"), Money::new(1.into(), eur).unwrap(), now);
        assert_eq!(lot.next_warning_days, Some(7));
    }
}
