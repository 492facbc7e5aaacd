//! The stored ends of days are what the account then was, and the statements of any days add up.

use std::collections::BTreeMap;

use domain::account::DayEnd;
use domain::journal::EntryDetails;
use domain::lot::Lot;
use domain::movements::Movements;
use domain::rate::RatingBasis;
use domain::statement::{
    Destination, DoesNotAddUp, Line, LineKind, Lines, MAX_LINES, Statement, TooManyLines,
};
use domain::time::{day_before, day_of};
use domain::{Account, BillingModel, CardPaymentKind, JournalEntry, JournalKey, Money, Service};
use jiff::civil::Date;
use jiff::{Timestamp, ToSpan};
use proptest::prelude::*;

use crate::given::{account, at, call, currency, money, payment_id};
use crate::history::{Op, any_beginning, any_history};
use crate::property::World;

/// A history, with the account after each of its steps.
struct Life {
    states: Vec<Account>,
    rows: Vec<JournalEntry>,
    day_ends: Vec<DayEnd>,
}

impl Life {
    fn of(beginning: (&'static str, BillingModel, Timestamp), history: &[Op]) -> Self {
        let mut world = World::begin(beginning);
        let mut states = vec![world.account.clone()];
        for op in history {
            world.step(op);
            states.push(world.account.clone());
        }
        Self { states, rows: world.books.rows, day_ends: world.books.day_ends }
    }

    fn first_day(&self) -> Date {
        day_of(self.states[0].created_at)
    }

    fn last_day(&self) -> Date {
        day_of(self.states.last().unwrap().as_of)
    }

    /// What the account was at the end of a day.
    fn was(&self, day: Date) -> DayEnd {
        let state = self.states.iter().rfind(|account| day_of(account.as_of) <= day);
        state.map_or_else(|| DayEnd::before_creation(&self.states[0]), DayEnd::of)
    }

    /// The same, from the account as it is and the stored ends of days.
    fn stored(&self, day: Date) -> DayEnd {
        if day >= self.last_day() {
            return DayEnd::of(self.states.last().unwrap());
        }
        let stored = self.day_ends.iter().rfind(|end| end.day <= day);
        stored.cloned().unwrap_or_else(|| DayEnd::before_creation(&self.states[0]))
    }

    /// The statement of the days after one up to another.
    fn statement(&self, after: Date, last: Date) -> Result<Statement, DoesNotAddUp> {
        Statement::new(self.stored(after), self.lines(after, last), self.stored(last))
    }

    /// The lines of the days after one up to another.
    fn lines(&self, after: Date, last: Date) -> Lines {
        let mut lines = Lines::none(self.states[0].currency);
        let posted =
            self.rows.iter().filter(|row| day_of(row.posted_at) > after && day_of(row.posted_at) <= last);
        posted.for_each(|row| lines.add(row).unwrap());
        lines
    }
}

/// The movements that lines of a statement come to.
fn movements_of(lines: &Lines) -> Movements {
    let sum = |chosen: fn(&LineKind) -> bool| lines.sum(chosen).amount;
    Movements {
        spent: -sum(|kind| matches!(kind, LineKind::Usage(..) | LineKind::Reversal(_))),
        added: sum(|kind| matches!(kind, LineKind::Purchase | LineKind::Recharge)),
        expired: -sum(|kind| *kind == LineKind::Expiry),
        other: sum(|kind| {
            matches!(kind, LineKind::AdjustmentIn | LineKind::AdjustmentOut | LineKind::Switch)
        }),
    }
}

/// The sums of the lines of several statements.
fn sums<'a>(
    statements: impl Iterator<Item = &'a Statement>,
) -> BTreeMap<LineKind, (u64, u64, i64, [Money; 3])> {
    let mut sums = BTreeMap::new();
    for (kind, line) in statements.flat_map(|statement| statement.lines().iter()) {
        let Line { entries, billed_seconds, included_minutes, charge, amount, post_usage } = *line;
        let nothing = Money::zero(amount.currency());
        let sum = sums.entry(kind.clone()).or_insert((0, 0, 0, [nothing; 3]));
        let [charges, amounts, left] = sum.3;
        let money = [charges + charge, amounts + amount, left + post_usage];
        *sum = (sum.0 + entries, sum.1 + billed_seconds, sum.2 + included_minutes, money);
    }
    sums
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn the_stored_end_of_every_day_is_what_the_account_then_was(
        beginning in any_beginning(),
        history in any_history(),
    ) {
        let life = Life::of(beginning, &history);
        let mut day = day_before(life.first_day());
        while day <= life.last_day().tomorrow().unwrap() {
            prop_assert_eq!(life.stored(day), life.was(day), "{}", day);
            day = day.tomorrow().unwrap();
        }
    }

    /// A chart has an opening balance, what moved it, and a closing balance for each day.
    #[test]
    fn t2_the_movements_of_each_day_lead_to_its_closing_balance(
        beginning in any_beginning(),
        history in any_history(),
    ) {
        let life = Life::of(beginning, &history);
        let mut day = life.first_day();
        let mut opening = Money::zero(life.states[0].currency);
        while day <= life.last_day() {
            let (end, lines) = (life.stored(day), life.lines(day_before(day), day));
            let nothing = Movements::none(opening.currency());
            let moved = if end.day == day { end.movements.unwrap() } else { nothing };
            prop_assert_eq!(opening + moved.total(), end.balance, "{}", day);
            prop_assert_eq!(moved, movements_of(&lines), "{}", day);
            opening = end.balance;
            day = day.tomorrow().unwrap();
        }
    }

    #[test]
    fn statements_of_consecutive_days_add_up_to_the_statement_of_all(
        beginning in any_beginning(),
        history in any_history(),
        cuts in prop::collection::vec(0..800_i32, 0..8),
    ) {
        let life = Life::of(beginning, &history);
        let (before, last) = (day_before(life.first_day()), life.last_day());
        let mut cuts: Vec<_> = cuts.iter().map(|days| before.checked_add(days.days()).unwrap().min(last)).collect();
        cuts.extend([before, last]);
        cuts.sort();
        let statements: Result<Vec<_>, _> =
            cuts.windows(2).map(|days| life.statement(days[0], days[1])).collect();
        let statements = statements.unwrap();
        for (one, next) in statements.iter().zip(statements.iter().skip(1)) {
            prop_assert_eq!(one.closing(), next.opening());
        }
        let whole = life.statement(before, last).unwrap();
        prop_assert!(whole.opening().balance.is_zero());
        prop_assert_eq!(sums(statements.iter()), sums(std::iter::once(&whole)));
    }

    #[test]
    fn the_charges_of_a_statement_are_what_calls_took_and_left_to_invoices(
        beginning in any_beginning(),
        history in any_history(),
    ) {
        let life = Life::of(beginning, &history);
        let statement = life.statement(day_before(life.first_day()), life.last_day()).unwrap();
        let used = statement.lines().sum(|kind| matches!(kind, LineKind::Usage(..)));
        prop_assert_eq!(used.charge, used.post_usage - used.amount);
    }
}

/// A purchase of 50.00 euros.
fn purchase() -> JournalEntry {
    let payment = payment_id("pur_1");
    let now = at("2027-01-01T09:00:00Z");
    let details = EntryDetails::Funds {
        kind: CardPaymentKind::Purchase,
        expires_at: Lot::expiry_of_purchase(now),
        payment: payment.clone(),
    };
    JournalEntry {
        key: JournalKey::payment(now, details.kind(), &payment),
        at: now,
        posted_at: now,
        amount: money("50", "EUR"),
        balance: money("50", "EUR"),
        version: 2,
        sequence: 0,
        draws: Vec::new(),
        post_usage: money("0", "EUR"),
        fingerprint: domain::Fingerprint::of(["x"]),
        requires: None,
        unmarks: None,
        lasting: None,
        details,
    }
}

/// A call to this destination.
fn call_to(destination: &str) -> JournalEntry {
    let basis = RatingBasis::Rated {
        prefix: "33".to_owned(),
        destination: destination.to_owned(),
        country: String::new(),
        per_minute: "0.01".parse().unwrap(),
        connection_fee: "0".parse().unwrap(),
        billed_seconds: 120,
        increments: "60/60".to_owned(),
        effective_from: Timestamp::UNIX_EPOCH,
        included: Vec::new(),
    };
    let record = call("r", at("2027-01-01T09:00:00Z"), 61, None);
    let details = EntryDetails::Usage { record, charge: money("0.02", "EUR"), basis };
    JournalEntry { amount: money("-0.02", "EUR"), details, ..purchase() }
}

#[test]
fn a_statement_that_lacks_an_entry_or_has_one_too_many_does_not_add_up() {
    let opened = account("EUR", BillingModel::Prepaid, at("2027-01-01T00:00:00Z"));
    let nothing = DayEnd::before_creation(&opened);
    let with_funds = DayEnd { balance: money("50", "EUR"), ..nothing.clone() };
    let statement = |count: usize| {
        let mut lines = Lines::none(currency("EUR"));
        (0..count).for_each(|_| lines.add(&purchase()).unwrap());
        Statement::new(nothing.clone(), lines, with_funds.clone())
    };
    assert!(statement(1).is_ok());
    for count in [0, 2] {
        assert!(statement(count).is_err(), "{count}");
    }
    let invoiced = DayEnd {
        post_usage: domain::account::PostUsage { amount: money("0.0001", "EUR"), ..nothing.post_usage },
        ..nothing.clone()
    };
    let problem = Statement::new(nothing, Lines::none(currency("EUR")), invoiced).unwrap_err();
    assert!(problem.to_string().contains("0.0000 to invoices"), "{problem}");
}

#[test]
fn a_statement_has_a_limited_number_of_lines() {
    let mut lines = Lines::none(currency("EUR"));
    for number in 0..MAX_LINES {
        assert_eq!(lines.add(&call_to(&format!("Place {number}"))), Ok(()));
    }
    assert_eq!(lines.add(&call_to("Elsewhere")), Err(TooManyLines));
    assert_eq!(lines.add(&purchase()), Err(TooManyLines));
    assert_eq!(lines.add(&call_to("Place 7")), Ok(()), "it has its line");
    assert_eq!(lines.sum(|_| true).entries, MAX_LINES as u64 + 1);
}

#[test]
fn calls_are_summed_by_service_and_destination() {
    let mut lines = Lines::none(currency("EUR"));
    for destination in ["Germany", "France", "", "Germany"] {
        lines.add(&call_to(destination)).unwrap();
    }
    let of = |destination| LineKind::Usage(Service::UserOut, destination);
    let found: Vec<_> =
        lines.iter().map(|(kind, line)| (kind.clone(), line.entries, line.billed_seconds)).collect();
    let named = |name: &str| Destination::Named(name.to_owned());
    let expected =
        [(of(named("France")), 1, 120), (of(named("Germany")), 2, 240), (of(Destination::Unnamed), 1, 120)];
    assert_eq!(found, expected);
}

#[test]
fn t2_what_is_available_leaves_out_expired_lots() {
    let mut opened = crate::given::euros(&[
        ("pur_1", "2027-06-01T00:00:00Z", "10"),
        ("pur_2", "2027-07-01T00:00:00Z", "5"),
    ]);
    opened.owed = money("1", "EUR");
    let end = DayEnd::of(&opened);
    for (instant, available) in
        [("2027-05-31T23:59:59.999Z", "14"), ("2027-06-01T00:00:00Z", "4"), ("2027-07-01T00:00:00Z", "-1")]
    {
        assert_eq!(end.available(at(instant)), money(available, "EUR"), "{instant}");
        assert_eq!(end.available(at(instant)), opened.available(at(instant)), "{instant}");
    }
}
