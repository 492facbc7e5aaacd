//! Usage reports: the totals that are folded from a journal are those of its records, whatever became of each.

use std::collections::BTreeMap;

use domain::changed_days::Days;
use domain::debit;
use domain::hold::Holds;
use domain::time::day_of;
use domain::usage::Number;
use domain::usage_report::{DayTotals, Dimension, Figures, Folding, Groups, add_groups, ranked, settle};
use domain::{Account, BillingModel, Decision, JournalEntry, RateTable, UsageRecord, reversal, unrated};
use jiff::civil::Date;
use proptest::prelude::*;

use crate::given::{account, at, call, currency, hours, money, priced};

const NOW: &str = "2026-11-22T12:00:00Z";

const HEADER: &str = "service,prefix,destination,country,currency,perMinute,connectionFee,firstIncrement,nextIncrement,effectiveFrom\n";

/// What becomes of a record.
#[derive(Clone, Copy, Debug)]
enum Fate {
    /// It comes with its charge.
    Charged,
    /// It has no rate.
    Unrated,
    /// It has no rate when it comes, and is charged for later.
    RatedLater,
}

/// A record: what becomes of it, whether it is reversed, its day, its user and its length.
type Sent = (Fate, bool, i64, Option<u8>, u32);

fn any_sent() -> impl Strategy<Value = Sent> {
    let fate = prop_oneof![Just(Fate::Charged), Just(Fate::Unrated), Just(Fate::RatedLater)];
    (fate, any::<bool>(), 0..6i64, prop::option::of(0..3u8), 0..200u32)
}

fn record(number: usize, (fate, _, days, user, seconds): Sent) -> UsageRecord {
    let charge = matches!(fate, Fate::Charged).then_some("0.5");
    // Some of the records start in the same second.
    let ended_at = at(NOW) - hours(24 * days);
    UsageRecord {
        user_id: user.map(|user| format!("user-{user}")),
        number: Number::parse("+9990001234").unwrap(),
        ..call(&format!("r{number}"), ended_at, seconds, charge)
    }
}

fn rates(row: &str) -> RateTable {
    rates::read(format!("{HEADER}{row}").as_bytes()).unwrap()
}

/// An account and its journal.
struct Ledger {
    account: Account,
    rows: Vec<JournalEntry>,
}

impl Ledger {
    fn commit<T>(&mut self, decision: Decision<T>) {
        let change = decision.change.expect("something changes");
        self.account = change.account;
        self.rows.extend(change.entries);
    }

    /// Sends a record. Returns what it must count: nothing if it is reversed.
    fn send(&mut self, record: &UsageRecord, (fate, is_reversed, ..): Sent) -> Option<Figures> {
        let none = rates("userOut,1,Elsewhere,,EUR,1.00,0,60,60,2025-01-01\n");
        let later = rates("userOut,999,Nowhere,XX,EUR,0.10,0.05,60,60,2025-01-01\n");
        self.commit(debit::decide(&self.account, at(NOW), &[record], &[], priced(&none), &Holds::new()));
        let seconds = u64::from(record.duration_seconds);
        let mut figures = Figures { calls: 1, seconds, ..Figures::zero(self.account.currency) };
        match fate {
            Fate::Charged => {
                figures.billed_seconds = seconds;
                figures.charge = money("0.5", "EUR");
            }
            // A call of no seconds is free, and needs no rate.
            Fate::RatedLater if seconds > 0 => {
                self.commit(unrated::decide(&self.account, at(NOW), &[record], priced(&later)));
                let minutes = seconds.div_ceil(60);
                figures.billed_seconds = 60 * minutes;
                let cents = 10 * minutes + 5;
                figures.charge = money(&format!("{}.{:02}", cents / 100, cents % 100), "EUR");
            }
            Fate::RatedLater | Fate::Unrated => {}
        }
        if is_reversed {
            let entry = self.rows.last().unwrap().clone();
            let target =
                reversal::Target { entry: &entry, on_void_invoice: false, reason: "test", author: "ada" };
            self.commit(reversal::decide(&self.account, at(NOW), &[target]));
        }
        (!is_reversed).then_some(figures)
    }

    /// The totals of each day, folded from the journal.
    fn fold(&self) -> Vec<DayTotals> {
        let mut rows: Vec<_> = self.rows.iter().collect();
        rows.sort_by(|a, b| b.key.cmp(&a.key));
        let mut folding = Folding::new(self.account.currency);
        let mut days: Vec<_> = rows.into_iter().filter_map(|row| folding.add(row)).collect();
        days.extend(folding.end());
        days
    }
}

fn ledger() -> Ledger {
    Ledger { account: account("EUR", BillingModel::Prepaid, at("2026-11-01T00:00:00Z")), rows: Vec::new() }
}

fn count(groups: &mut Groups, key: Option<String>, figures: Figures) {
    add_groups(groups, Groups::from([(key, figures)]));
}

proptest! {
    #[test]
    fn totals_are_those_of_the_records_that_stand(sent in prop::collection::vec(any_sent(), 1..40)) {
        let mut ledger = ledger();
        let mut users: BTreeMap<Date, Groups> = BTreeMap::new();
        let mut destinations: BTreeMap<Date, Groups> = BTreeMap::new();
        for (number, sent) in sent.into_iter().enumerate() {
            let record = record(number, sent);
            let day = day_of(record.started_at);
            let figures = ledger.send(&record, sent);
            let (users, destinations) = (users.entry(day).or_default(), destinations.entry(day).or_default());
            if let Some(figures) = figures {
                let is_rated = matches!(sent.0, Fate::RatedLater) && record.duration_seconds > 0;
                count(users, record.user_id.clone(), figures);
                count(destinations, is_rated.then(|| "Nowhere".to_owned()), figures);
            }
        }
        let folded = ledger.fold();
        let days: Vec<_> = folded.iter().map(|totals| totals.day).collect();
        prop_assert_eq!(days, users.keys().rev().copied().collect::<Vec<_>>());
        for totals in folded {
            prop_assert_eq!(totals.by(Dimension::User), &users[&totals.day]);
            prop_assert_eq!(totals.by(Dimension::Destination), &destinations[&totals.day]);
            let total = |dimension| ranked(totals.by(dimension).clone(), ledger.account.currency, 1).total;
            for dimension in Dimension::ALL {
                prop_assert_eq!(total(dimension), total(Dimension::Day), "{:?}", dimension);
            }
            let changed = ledger.account.changed_days.spans();
            prop_assert!(changed.iter().any(|span| span.days.contain(totals.day)), "{} has changed", totals.day);
        }
    }
}

#[test]
fn a_day_that_was_changed_since_it_was_read_stays_changed() {
    let mut ledger = ledger();
    let days = Days { first: "2026-11-01".parse().unwrap(), last: "2026-11-21".parse().unwrap() };
    let charged = |day| (Fate::Charged, false, day, None, 60);
    ledger.send(&record(1, charged(3)), charged(3));
    let read = ledger.account.version;
    let decided = settle(&ledger.account, at(NOW), read, &[days]);
    assert_eq!(decided.change.unwrap().account.changed_days.spans(), []);

    ledger.send(&record(2, charged(3)), charged(3));
    assert!(settle(&ledger.account, at(NOW), read, &[days]).change.is_none());
    let decided = settle(&ledger.account, at(NOW), read + 1, &[days]);
    assert_eq!(decided.change.unwrap().account.changed_days.spans(), []);
}

#[test]
fn an_entry_of_no_record_counts_nothing_and_changes_no_day() {
    let mut ledger = ledger();
    let request = domain::adjustment::AdjustmentRequest {
        id: crate::given::payment_id("adj_1"),
        fingerprint: domain::Fingerprint::of(["a"]),
        amount: crate::given::decimal("5"),
        reason: "goodwill".into(),
        author: "ada".into(),
        expires_at: None,
        allow_negative: false,
    };
    ledger.commit(domain::adjustment::decide(&ledger.account, at(NOW), &request).unwrap());
    assert_eq!((ledger.fold(), ledger.account.changed_days.spans()), (Vec::new(), &[][..]));
}

#[test]
fn groups_are_ranked_by_charge_and_then_by_calls() {
    let eur = currency("EUR");
    let figures = |calls, charge| Figures { calls, charge: money(charge, "EUR"), ..Figures::zero(eur) };
    let of = |key: &str| Some(key.to_owned());
    let groups = Groups::from([
        (None, figures(1, "1")),
        (of("a"), figures(2, "1")),
        (of("b"), figures(2, "1")),
        (of("c"), figures(1, "3")),
    ]);
    let ranked = ranked(groups, eur, 3);
    let keys: Vec<_> = ranked.groups.into_iter().map(|(key, _)| key).collect();
    assert_eq!(keys, [of("c"), of("a"), of("b")]);
    assert_eq!((ranked.others, ranked.total), (Some(figures(1, "1")), figures(6, "6")));
}
