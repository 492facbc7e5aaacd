//! Random months and years: lists of steps that are good at reaching the corners of the rules.
//!
//! The generator runs a model along, to aim: at the end of a pool, at the expiry of a lot, at a call that was
//! reversed.

mod calls;
mod funds;
mod holds;
mod lists;

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use crate::random::Random;
use crate::{Billing, Currency, Model, Month, Pool, Record, Step};

/// An account, and the steps of some weeks, or of about a year.
#[derive(Debug, Clone)]
pub struct RandomMonth {
    /// The account's currency.
    pub currency: Currency,
    /// How the account pays.
    pub billing: Billing,
    /// When the account is opened.
    pub opened_at: Timestamp,
    /// The steps, in order. A few carry an earlier instant than the step before (T1).
    pub steps: Vec<(Timestamp, Step)>,
}

/// A month with 60 to about 150 steps. The same seed always gives the same month.
pub fn random_month(seed: u64) -> RandomMonth {
    random_steps(seed, Pace { steps: (60, 150), weight_of_days: 12, days_at_once: 3 })
}

/// About a year with 150 to about 300 steps, so that a dozen months end and lots expire. The same seed always gives the same year.
pub fn random_year(seed: u64) -> RandomMonth {
    random_steps(seed, Pace { steps: (150, 300), weight_of_days: 30, days_at_once: 12 })
}

/// How fast time passes.
#[derive(Clone, Copy)]
struct Pace {
    /// The fewest and the most steps.
    steps: (i64, i64),
    /// How often days pass between two steps; hours pass with a weight of 44.
    weight_of_days: i64,
    /// The most days that pass then.
    days_at_once: i64,
}

fn random_steps(seed: u64, pace: Pace) -> RandomMonth {
    let mut generator = Generator::new(seed, pace);
    let opened_at = generator.now;
    generator.set_up();
    let (fewest, most) = pace.steps;
    let steps = generator.random.between(fewest, most);
    for _ in 0..steps {
        let pass = generator.pass_time();
        generator.next_step(pass);
    }
    RandomMonth {
        currency: generator.currency,
        billing: generator.billing,
        opened_at,
        steps: generator.steps,
    }
}

struct Generator {
    pace: Pace,
    random: Random,
    currency: Currency,
    billing: Billing,
    /// The latest instant so far.
    now: Timestamp,
    /// The account after the steps so far.
    model: Model,
    steps: Vec<(Timestamp, Step)>,
    /// Every record that was sent, also rejected ones.
    sent: Vec<Record>,
    /// Every step that had an id and could be repeated.
    funds_steps: Vec<Step>,
    /// The present list of pools.
    pools: Vec<Pool>,
    /// How many ids have been given out.
    ids: u32,
    /// How often a prepaid account asks to pay after use. Most never do.
    weight_of_switching: i64,
    /// How often funds are bought. A month with few purchases has small lots that run empty.
    weight_of_purchases: i64,
    /// How often limits are set. Half of all accounts never have one.
    weight_of_limits: i64,
}

/// The kind of the next step.
#[derive(Clone, Copy)]
enum Kind {
    Call,
    CallAtEarlierInstant,
    Repeat,
    Revision,
    Reverse,
    Buy,
    Recharge,
    AddFunds,
    TakeFunds,
    RepeatFunds,
    AutoRecharge,
    Switch,
    SaveCard,
    RemoveCard,
    Pools,
    Publish,
    RateUnrated,
    Sweep,
    QuietMonths,
    CallsInProgress,
    CallsAtMonthEnd,
    RateVanishes,
    AskAgain,
    DebitOfHold,
    Release,
    Limits,
    LimitAndReversal,
}

/// How time passes between two steps.
#[derive(Clone, Copy)]
enum Pass {
    Nothing,
    Seconds,
    Hours,
    Days,
    ToMonthEnd,
    ToLotExpiry,
    ToLapse,
    AboutAYear,
}

impl Generator {
    fn new(seed: u64, pace: Pace) -> Self {
        let mut random = Random::new(seed);
        let currency = random.weighted(&[(2, Currency::Eur), (1, Currency::Jpy)]);
        let billing = random.weighted(&[(2, Billing::Prepaid), (1, Billing::PostUsage)]);
        // The last of these days has no counterpart in the year after (F1).
        let day = *random.pick(&["2026-01-15", "2026-03-20", "2026-11-25", "2027-06-01", "2028-02-29"]);
        let midnight: Timestamp = format!("{day}T00:00:00Z").parse().expect("these are dates");
        let now = midnight + SignedDuration::from_secs(random.between(0, 86_399));
        let weight_of_purchases = random.between(0, 6);
        let weight_of_switching = random.weighted(&[(2, 0), (1, 9)]);
        let weight_of_limits = random.weighted(&[(2, 0), (1, 2), (1, 6)]);
        Self {
            pace,
            random,
            currency,
            billing,
            now,
            model: Model::open(currency, billing, now),
            steps: Vec::new(),
            sent: Vec::new(),
            funds_steps: Vec::new(),
            pools: Vec::new(),
            ids: 0,
            weight_of_switching,
            weight_of_purchases,
            weight_of_limits,
        }
    }

    /// Nearly every account begins with rates and some funds, and most with pools.
    fn set_up(&mut self) {
        self.publish();
        if self.random.chance(85) {
            self.replace_pools();
        }
        if self.random.chance(80) {
            self.add_funds();
        }
    }

    fn next_step(&mut self, before: Pass) {
        let at_expiry = matches!(before, Pass::ToLotExpiry);
        let is_pending = self.model.billing == Billing::Switching;
        let is_prepaid = self.model.billing == Billing::Prepaid;
        let has_holds = !self.model.holds.is_empty();
        let kind = self.random.weighted(&[
            (if at_expiry { 80 } else { 38 }, Kind::Call),
            (2, Kind::CallAtEarlierInstant),
            (5, Kind::Repeat),
            (4, Kind::Revision),
            (20, Kind::Reverse),
            (self.weight_of_purchases, Kind::Buy),
            (if is_pending { 8 } else { 2 }, Kind::Recharge),
            (9, Kind::AddFunds),
            (4, Kind::TakeFunds),
            (2, Kind::RepeatFunds),
            (if is_pending { 8 } else { 4 }, Kind::AutoRecharge),
            (if is_prepaid { self.weight_of_switching } else { 0 }, Kind::Switch),
            (if self.model.has_card { 0 } else { 20 }, Kind::SaveCard),
            (if is_pending { 3 } else { 1 }, Kind::RemoveCard),
            (6, Kind::Pools),
            (if self.a_late_rate_matters() { 22 } else { 2 }, Kind::Publish),
            (2, Kind::RateUnrated),
            (if at_expiry { 40 } else { 6 }, Kind::Sweep),
            (1, Kind::QuietMonths),
            (if at_expiry { 25 } else { 11 }, Kind::CallsInProgress),
            (1, Kind::CallsAtMonthEnd),
            (1, Kind::RateVanishes),
            (if has_holds { 5 } else { 0 }, Kind::AskAgain),
            (if has_holds { 13 } else { 0 }, Kind::DebitOfHold),
            (if has_holds { 3 } else { 0 }, Kind::Release),
            (self.weight_of_limits, Kind::Limits),
            (self.weight_of_limits / 2, Kind::LimitAndReversal),
        ]);
        match kind {
            Kind::Call => self.call(),
            Kind::CallAtEarlierInstant => self.call_at_earlier_instant(),
            Kind::Repeat => self.repeat_call(),
            Kind::Revision => self.revise_call(),
            Kind::Reverse => self.reverse(),
            Kind::Buy => self.buy(),
            Kind::Recharge => self.recharge(),
            Kind::AddFunds => self.add_funds(),
            Kind::TakeFunds => self.take_funds(),
            Kind::RepeatFunds => self.repeat_funds(),
            Kind::AutoRecharge => self.auto_recharge(),
            Kind::Switch => self.switch(),
            Kind::SaveCard => self.emit(Step::SaveCard),
            Kind::RemoveCard => self.emit(Step::RemoveCard),
            Kind::Pools => self.change_pools(),
            Kind::Publish => self.publish(),
            Kind::RateUnrated => self.emit(Step::RateUnrated),
            Kind::Sweep => self.emit(Step::Sweep),
            Kind::QuietMonths => self.quiet_months(),
            Kind::CallsInProgress => self.calls_in_progress(),
            Kind::CallsAtMonthEnd => self.calls_at_month_end(),
            Kind::RateVanishes => self.rate_vanishes(),
            Kind::AskAgain => self.ask_again(),
            Kind::DebitOfHold => self.debit_of_hold(),
            Kind::Release => self.release(),
            Kind::Limits => self.set_limits(),
            Kind::LimitAndReversal => self.limit_and_reversal(),
        }
    }

    fn emit(&mut self, step: Step) {
        self.emit_at(self.now, step);
    }

    fn emit_at(&mut self, at: Timestamp, step: Step) {
        self.model.apply(at, &step);
        self.steps.push((at, step));
    }

    /// Lets a second pass before a step that may add a lot, so that no two lots come from the same second. Their order
    /// would depend on how ids are made.
    fn a_second_later(&mut self) {
        self.now += SignedDuration::from_secs(1);
    }

    fn pass_time(&mut self) -> Pass {
        let pass = self.random.weighted(&[
            (10, Pass::Nothing),
            (25, Pass::Seconds),
            (44, Pass::Hours),
            (self.pace.weight_of_days, Pass::Days),
            (4, Pass::ToMonthEnd),
            (9, Pass::ToLotExpiry),
            (if self.model.live_holds(self.now).next().is_some() { 12 } else { 0 }, Pass::ToLapse),
            (1, Pass::AboutAYear),
        ]);
        let hours = self.random.between(1, 12) * 3_600;
        let seconds = match pass {
            Pass::Nothing => 0,
            Pass::Seconds => self.random.between(1, 600),
            Pass::Hours => hours,
            Pass::Days => self.random.between(1, self.pace.days_at_once) * 86_400,
            Pass::ToMonthEnd => self.seconds_to_month_end().unwrap_or(hours),
            Pass::ToLotExpiry => self.seconds_to_lot_expiry().unwrap_or(hours),
            Pass::ToLapse => self.seconds_to_lapse().unwrap_or(hours),
            Pass::AboutAYear => self.random.between(330, 370) * 86_400,
        };
        self.now += SignedDuration::from_secs(seconds);
        pass
    }

    /// Seconds to an instant around the end of the month, unless it is far away.
    fn seconds_to_month_end(&mut self) -> Option<i64> {
        let end = Month::of(self.now).next().start();
        let seconds = end.duration_since(self.now).as_secs() + self.random.between(-180, 300);
        (0..20 * 86_400).contains(&seconds).then_some(seconds)
    }

    /// Seconds to an instant around a lot's expiry, or around the end of the 72 hours after it.
    fn seconds_to_lot_expiry(&mut self) -> Option<i64> {
        let after_expiry = *self.random.pick(&[-1_800, -1, 0, 1, 259_199, 259_200, 259_200, 259_201]);
        let expiries = self.model.lots.iter().map(|lot| lot.expires_at.duration_since(self.now).as_secs());
        let seconds: Vec<i64> = expiries.map(|expiry| expiry + after_expiry).collect();
        seconds.into_iter().filter(|seconds| (0..10 * 86_400).contains(seconds)).min()
    }

    /// Seconds to an instant around a hold's lapse.
    fn seconds_to_lapse(&mut self) -> Option<i64> {
        let after_lapse = *self.random.pick(&[-600, -1, 0, 0, 1]);
        let lapses =
            self.model.live_holds(self.now).map(|hold| hold.lapses_at.duration_since(self.now).as_secs());
        lapses.map(|lapse| lapse + after_lapse).filter(|seconds| *seconds >= 0).min()
    }

    /// An amount in minor units. A yen has no minor digits, so 5 000 are 50.00 EUR or 5 000 JPY.
    fn minor(&mut self, low: i64, high: i64) -> Decimal {
        Decimal::new(self.random.between(low, high), self.currency.minor_digits())
    }

    /// An amount with all decimals that a charge has: 200 are 0.0200 EUR or 2.00 JPY.
    fn exact(&self, units: i64) -> Decimal {
        Decimal::new(units, self.currency.charge_digits())
    }

    fn new_number(&mut self) -> u32 {
        self.ids += 1;
        self.ids
    }
}
