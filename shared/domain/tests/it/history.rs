//! Random histories of an account. They hit the instants and amounts at which a rule changes its outcome more often than pure
//! chance would.

use domain::BillingModel;
use domain::usage::MAX_DURATION_SECONDS;
use jiff::Timestamp;
use proptest::prelude::*;

use crate::given::at;
use crate::model::{DAY, HOUR, Ms, Units};

/// The unit of the amounts below, in ledger units: a euro, a hundred yen, or a tenth of a dinar.
pub(crate) const UNIT: Units = 10_000;

/// The destinations of calls. The last has no rate; the toll-free number has none before 2028.
pub(crate) const DESTINATIONS: [(&str, &str); 5] = [
    ("userOut", "+33123456789"),
    ("userOut", "+33612345678"),
    ("userOut", "+336*******"),
    ("tollFreeIn", "+18005550100"),
    ("userOut", "+4930123456"),
];

#[derive(Clone, Debug)]
pub(crate) enum Op {
    Wait(Wait),
    /// The clock is set back by this many minutes.
    SetBack(i64),
    Open(Units),
    Close(usize, Closing),
    Add(Units, Expiry),
    Take(Size, bool),
    Debit(Vec<Sent>),
    Sweep,
    SweepAfter(Wait),
    RunInvoicesAfter(Wait),
    /// An invoice is marked as paid, or void.
    EndInvoice(usize, bool),
}

#[derive(Clone, Debug)]
pub(crate) enum Wait {
    Milliseconds(i64),
    Minutes(i64),
    Hours(i64),
    Days(i64),
    /// Until this many hours from a lot's expiry, `off` milliseconds more or less.
    ForLot {
        which: usize,
        hours: i64,
        off: Ms,
    },
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Closing {
    Succeeds,
    Declines,
    WantsItsOwner,
    StaysUnknown,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Expiry {
    Usual,
    /// This many milliseconds from now. It may be in the past, and is refused then.
    In(Ms),
    /// At the expiry of an existing lot.
    With(usize),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Size {
    Units(Units),
    /// The available balance, a ledger unit more or less.
    Available(Units),
}

#[derive(Clone, Debug)]
pub(crate) enum Sent {
    New {
        when: When,
        seconds: u32,
        cost: Cost,
        to: usize,
    },
    /// A record that was sent before, possibly altered.
    Again(usize, Altered),
}

#[derive(Clone, Debug)]
pub(crate) enum When {
    /// It ended this many seconds ago.
    Ended(i64),
    /// It ended 72 h ago, a second more or less.
    EndedLate(i64),
    /// It ended at a lot's expiry, a second before or after.
    EndedAtExpiry(usize, i64),
    /// It starts in this many seconds.
    Starts(i64),
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Cost {
    ToRate,
    Given(Size),
    TooFine,
    Negative,
    OtherCurrency,
    /// A record without cost may name any currency (S4).
    FreeInOtherCurrency,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Altered {
    Not,
    Number,
    Seconds,
    Service,
    /// The rates that distinguish `premium` from `userOut` have changed.
    Rates,
    Charge,
}

fn any_op() -> impl Strategy<Value = Op> {
    prop_oneof![
        8 => any_wait().prop_map(Op::Wait),
        1 => (1..3 * 24 * 60_i64).prop_map(Op::SetBack),
        4 => any_purchase().prop_map(Op::Open),
        4 => (any::<usize>(), any_closing()).prop_map(|(which, how)| Op::Close(which, how)),
        4 => (0..60 * UNIT, any_expiry()).prop_map(|(units, expiry)| Op::Add(units, expiry)),
        2 => (any_size(), any::<bool>()).prop_map(|(size, allow)| Op::Take(size, allow)),
        9 => prop::collection::vec(any_sent(), 1..6).prop_map(Op::Debit),
        4 => Just(Op::Sweep),
        3 => any_wait_for_lot().prop_map(Op::SweepAfter),
        3 => (0..45_i64).prop_map(|days| Op::RunInvoicesAfter(Wait::Days(days))),
        1 => (any::<usize>(), any::<bool>()).prop_map(|(which, paid)| Op::EndInvoice(which, paid)),
    ]
}

fn any_wait() -> impl Strategy<Value = Wait> {
    prop_oneof![
        1 => (0..1500_i64).prop_map(Wait::Milliseconds),
        1 => (0..90_i64).prop_map(Wait::Minutes),
        2 => (0..100_i64).prop_map(Wait::Hours),
        2 => (1..45_i64).prop_map(Wait::Days),
        1 => (1..14_i64).prop_map(|months| Wait::Days(30 * months)),
        6 => any_wait_for_lot(),
    ]
}

fn any_wait_for_lot() -> impl Strategy<Value = Wait> {
    let moment = prop::sample::select(vec![-60 * 24, -30 * 24, -7 * 24, 0, 0, 72, 72]);
    let off = prop_oneof![1 => Just(-1_i64), 2 => Just(0), 1 => Just(1)];
    (any::<usize>(), moment, off).prop_map(|(which, hours, off)| Wait::ForLot { which, hours, off })
}

pub(crate) fn any_history() -> impl Strategy<Value = Vec<Op>> {
    prop::collection::vec(any_op(), 1..80)
}

fn any_purchase() -> impl Strategy<Value = Units> {
    let edges = [-60 * UNIT, 50 * UNIT - 100, 50 * UNIT, 60 * UNIT + 1, 100_000 * UNIT, 100_000 * UNIT + 100];
    let absurd = 10_i128.pow(15) * 100 * UNIT;
    prop_oneof![
        12 => (5_000..12_000_i128).prop_map(|minor_units| minor_units * 100),
        2 => prop::sample::select(edges.to_vec()),
        1 => prop::sample::select(vec![absurd, -absurd]),
    ]
}

fn any_closing() -> impl Strategy<Value = Closing> {
    prop_oneof![
        6 => Just(Closing::Succeeds),
        2 => Just(Closing::Declines),
        1 => Just(Closing::WantsItsOwner),
        1 => Just(Closing::StaysUnknown),
    ]
}

fn any_expiry() -> impl Strategy<Value = Expiry> {
    prop_oneof![
        3 => Just(Expiry::Usual),
        3 => (-HOUR..90 * DAY).prop_map(Expiry::In),
        1 => (-1..=1_i64).prop_map(Expiry::In),
        2 => any::<usize>().prop_map(Expiry::With),
    ]
}

fn any_size() -> impl Strategy<Value = Size> {
    prop_oneof![
        5 => (0..20 * UNIT).prop_map(Size::Units),
        1 => (0..200 * UNIT).prop_map(Size::Units),
        2 => (-1..=1_i128).prop_map(Size::Available),
    ]
}

fn any_sent() -> impl Strategy<Value = Sent> {
    let new = (any_when(), any_seconds(), any_cost(), 0..DESTINATIONS.len())
        .prop_map(|(when, seconds, cost, to)| Sent::New { when, seconds, cost, to });
    let altered = prop::sample::select(vec![
        Altered::Not,
        Altered::Not,
        Altered::Number,
        Altered::Seconds,
        Altered::Service,
        Altered::Rates,
        Altered::Charge,
    ]);
    prop_oneof![
        6 => new,
        1 => (any::<usize>(), altered).prop_map(|(which, altered)| Sent::Again(which, altered)),
    ]
}

fn any_when() -> impl Strategy<Value = When> {
    prop_oneof![
        3 => (0..600_i64).prop_map(When::Ended),
        3 => (0..100 * 3600_i64).prop_map(When::Ended),
        1 => (0..366 * 24 * 3600_i64).prop_map(When::Ended),
        2 => (-1..=1_i64).prop_map(When::EndedLate),
        4 => (any::<usize>(), -1..=1_i64).prop_map(|(which, off)| When::EndedAtExpiry(which, off)),
        1 => (0..600_i64).prop_map(When::Starts),
        1 => (299..=301_i64).prop_map(When::Starts),
    ]
}

fn any_seconds() -> impl Strategy<Value = u32> {
    prop_oneof![2 => Just(0), 8 => 1..7200_u32, 1 => Just(MAX_DURATION_SECONDS)]
}

fn any_cost() -> impl Strategy<Value = Cost> {
    prop_oneof![
        6 => Just(Cost::ToRate),
        9 => any_size().prop_map(Cost::Given),
        1 => Just(Cost::TooFine),
        1 => Just(Cost::Negative),
        1 => Just(Cost::OtherCurrency),
        1 => Just(Cost::FreeInOtherCurrency),
    ]
}

/// The beginning of a history: currency, billing model and instant.
pub(crate) fn any_beginning() -> impl Strategy<Value = (&'static str, BillingModel, Timestamp)> {
    let codes = prop::sample::select(vec!["EUR", "JPY", "KWD"]);
    let models = prop_oneof![2 => Just(BillingModel::Prepaid), 1 => Just(BillingModel::PostUsage)];
    let instants = prop::sample::select(vec![
        "2026-11-22T07:43:00Z",
        "2027-12-31T23:59:59Z",
        "2028-02-29T12:00:00Z",
        "2027-03-01T00:00:00.250Z",
    ]);
    (codes, models, instants.prop_map(at))
}
