//! Invariants that hold in every random month, after every step.

use std::collections::BTreeMap;
use std::rc::Rc;

use jiff::Timestamp;
use model::{
    Answer, Authorization, Charge, Leg, LiveHold, Model, Month, NewLimits, RandomMonth, Rate, RecordKey,
    Reversal, Snapshot, Step, Taken, describe, minimise, random_month, random_year,
};
use rust_decimal::Decimal;

use crate::corners::Corners;

const MONTHS: u64 = 2_500;

const YEARS: u64 = 250;

#[test]
fn the_books_hold_and_the_generator_reaches_every_corner() {
    let mut corners = Corners::default();
    let mut steps = 0;
    let begun = std::time::Instant::now();
    let years = (0..YEARS).map(|seed| (seed, random_year(seed)));
    for (seed, month) in (0..MONTHS).map(|seed| (seed, random_month(seed))).chain(years) {
        steps += month.steps.len();
        let mut books = Books::new(&month);
        for (number, (at, step)) in month.steps.iter().enumerate() {
            let seen = books.apply(*at, step);
            let broken = books.broken(&seen.after);
            assert!(
                broken.is_empty(),
                "seed {seed}, after step {number}: {broken:?}\n{}",
                describe(&month.steps[..=number])
            );
            corners.count(step, &seen);
        }
    }
    println!("{MONTHS} months and {YEARS} years with {steps} steps in {:?}\n{corners}", begun.elapsed());
    let rare = corners.rare();
    assert!(rare.is_empty(), "the generator reaches these corners too rarely: {rare:?}");
}

/// A step as it looks from outside.
pub(crate) struct Seen {
    pub(crate) minor_digits: u32,
    /// The instant at which the step happened, which can be later than the one it carries.
    pub(crate) now: Timestamp,
    /// Whether it carries an earlier instant than the account's last change.
    pub(crate) goes_back: bool,
    pub(crate) before: Snapshot,
    pub(crate) answer: Answer,
    pub(crate) after: Snapshot,
    /// The charge of the reversed call, if the step is a reversal of a charged call.
    pub(crate) reversed: Option<(RecordKey, Charge)>,
    /// Whether the reversed call was unrated at first.
    pub(crate) rated_later: bool,
    /// The newest file of rates.
    pub(crate) rates: Rc<Vec<Rate>>,
    /// Plan and country of every pool of the present list.
    pub(crate) listed: Rc<Vec<(String, String)>>,
    /// The limits before the step.
    pub(crate) limits: NewLimits,
    /// Every hold that was released before the step: its leg, and which of the leg's holds it was.
    pub(crate) released: Rc<Vec<(Leg, usize)>>,
    /// The same for holds that lapsed before the step, or as it happened.
    pub(crate) lapsed: Rc<Vec<(Leg, usize)>>,
    /// Whether a hold lapsed at the very instant of the step.
    pub(crate) lapses_now: bool,
}

/// A model, and the sums of its answers.
struct Books {
    model: Model,
    minor_digits: u32,
    balance: Decimal,
    post_usage: Decimal,
    minutes: BTreeMap<(String, Month), u64>,
    used_ahead: Vec<(String, Month)>,
    charges: BTreeMap<RecordKey, Charge>,
    rated_later: Vec<RecordKey>,
    rates: Rc<Vec<Rate>>,
    listed: Rc<Vec<(String, String)>>,
    limits: NewLimits,
    released: Rc<Vec<(Leg, usize)>>,
    lapsed: Rc<Vec<(Leg, usize)>>,
    /// The holds after the last step.
    holds: Vec<LiveHold>,
    broken: Vec<String>,
}

impl Books {
    fn new(month: &RandomMonth) -> Self {
        Self {
            model: Model::open(month.currency, month.billing, month.opened_at),
            minor_digits: month.currency.minor_digits(),
            balance: Decimal::ZERO,
            post_usage: Decimal::ZERO,
            minutes: BTreeMap::new(),
            used_ahead: Vec::new(),
            charges: BTreeMap::new(),
            rated_later: Vec::new(),
            rates: Rc::default(),
            listed: Rc::default(),
            limits: NewLimits { per_user: None, per_day: None, margin_seconds: 2 },
            released: Rc::default(),
            lapsed: Rc::default(),
            holds: Vec::new(),
            broken: Vec::new(),
        }
    }

    fn apply(&mut self, at: Timestamp, step: &Step) -> Seen {
        let now = self.model.now(at);
        let before = self.model.snapshot(now);
        let answer = self.model.apply(at, step);
        let after = self.model.snapshot(now);
        let key = if let Step::Reverse(key) = step { Some(key.normalised()) } else { None };
        self.add_up(step, &answer);
        if let (Step::Call(record), Answer::Accepted(charge)) = (step, &answer)
            && Month::of(record.start()) > Month::of(now)
        {
            let month = Month::of(record.start());
            self.used_ahead.extend(charge.minutes.keys().map(|pool| (pool.clone(), month)));
        }
        if before.post_usage.is_none() && after.post_usage.is_some() {
            // The switch is complete: what was owed is post-usage.
            self.balance += before.owed;
            self.post_usage += before.owed;
        }
        let limits = self.limits.clone();
        let released = Rc::clone(&self.released);
        let lapsed = gone(&self.holds, &before.holds);
        let lapses_now = lapsed.iter().any(|hold| hold.lapses_at == now);
        Rc::make_mut(&mut self.lapsed).extend(lapsed.into_iter().map(name));
        self.holds.clone_from(&after.holds);
        self.follow_holds(step, &answer, &before, &after);
        Seen {
            minor_digits: self.minor_digits,
            now,
            goes_back: now > at,
            before,
            answer,
            after,
            reversed: key.as_ref().and_then(|key| Some((key.clone(), self.charges.get(key)?.clone()))),
            rated_later: key.is_some_and(|key| self.rated_later.contains(&key)),
            rates: Rc::clone(&self.rates),
            listed: Rc::clone(&self.listed),
            limits,
            released,
            lapsed: Rc::clone(&self.lapsed),
            lapses_now,
        }
    }

    /// Keeps limits and releases, and checks what a new or longer hold needs.
    fn follow_holds(&mut self, step: &Step, answer: &Answer, before: &Snapshot, after: &Snapshot) {
        match (step, answer) {
            (Step::SetLimits(new), _) => self.limits = new.clone(),
            (Step::Release(_), _) => {
                let released = gone(&before.holds, &after.holds);
                Rc::make_mut(&mut self.released).extend(released.into_iter().map(name));
            }
            (Step::Authorize(_) | Step::Extend { .. }, Answer::Authorized(_)) => {
                let earlier = |hold: &LiveHold| before.holds.iter().find(|other| name(other) == name(hold));
                let grows =
                    |hold: &&LiveHold| earlier(hold).map_or(Decimal::ZERO, |old| old.amount) < hold.amount;
                let Some(hold) = after.holds.iter().find(grows) else { return };
                // A lot that has expired since may pay for an extension.
                let funds = if earlier(hold).is_none() { after.available } else { after.balance };
                if after.post_usage.is_none() && funds < after.held {
                    self.broken.push("calls together hold more than there is".to_owned());
                }
                let of_day = after.spent_today.unwrap_or_default() + after.held;
                if self.limits.per_day.is_some_and(|limit| limit < of_day) {
                    self.broken.push("what is held passes the limit of the day".to_owned());
                }
            }
            _ => {}
        }
    }

    fn add_up(&mut self, step: &Step, answer: &Answer) {
        match (step, answer) {
            (Step::Buy { amount, .. } | Step::Recharge { amount, .. }, Answer::Added(_)) => {
                self.balance += amount;
            }
            (Step::Adjust { amount, .. }, Answer::Added(_)) => self.balance += amount,
            (Step::Adjust { amount, .. }, Answer::Taken(taken)) => self.take(-amount, taken),
            (Step::Call(record), Answer::Accepted(charge)) => self.charge(&record.key(), charge),
            (Step::RateUnrated, Answer::Rated(rated)) => {
                for rated in rated {
                    self.charge(&rated.key, &rated.charge);
                    self.rated_later.push(rated.key.clone());
                }
            }
            (Step::Reverse(key), Answer::Reversed(reversal)) => self.reverse(&key.normalised(), reversal),
            (Step::Publish(rates), _) => self.rates = Rc::new(rates.clone()),
            (Step::SetPools(pools), _) => {
                let listed = pools.iter().map(|pool| (pool.plan.clone(), pool.country.clone()));
                self.listed = Rc::new(listed.collect());
            }
            (_, Answer::Swept(booked)) => {
                self.balance -= booked.iter().map(|lot| lot.amount).sum::<Decimal>();
            }
            _ => {}
        }
    }

    fn charge(&mut self, key: &RecordKey, charge: &Charge) {
        self.take(charge.charge, &charge.taken);
        for (pool, minutes) in &charge.minutes {
            *self.minutes.entry((pool.clone(), Month::of(key.started_at))).or_default() += minutes;
        }
        self.charges.insert(key.clone(), charge.clone());
    }

    fn take(&mut self, amount: Decimal, taken: &Taken) {
        let from_lots: Decimal = taken.lots.values().sum();
        self.balance -= from_lots + taken.owed;
        self.post_usage += taken.post_usage;
        if amount != from_lots + taken.owed + taken.post_usage {
            self.broken.push(format!("the parts of {amount} do not add up"));
        }
    }

    fn reverse(&mut self, key: &RecordKey, reversal: &Reversal) {
        let forfeited: Decimal = reversal.forfeited.values().sum();
        let returned: Decimal = reversal.returned.values().sum();
        self.balance += reversal.amount - forfeited;
        self.post_usage -= reversal.post_usage;
        for (pool, minutes) in &reversal.minutes {
            *self.minutes.entry((pool.clone(), Month::of(key.started_at))).or_default() -= minutes;
        }
        let parts = reversal.owed_back + reversal.new_lot + reversal.repaid + returned + forfeited;
        if reversal.amount != parts {
            self.broken.push("the parts of the reversal do not add up".to_owned());
        }
        let charge = self.charges.get(key).map(|charge| charge.charge).unwrap_or_default();
        if reversal.amount + reversal.post_usage != charge {
            self.broken.push("the reversal does not give the charge back".to_owned());
        }
    }

    /// The invariants that a step broke.
    fn broken(&self, after: &Snapshot) -> Vec<String> {
        let has_live_funds = after.available + after.owed > Decimal::ZERO;
        let lots_hold = |lot: &model::LotFunds| Decimal::ZERO < lot.remaining && lot.remaining <= lot.amount;
        let invoiced: Decimal = after.invoices.iter().map(|invoice| invoice.amount).sum();
        let open = after.post_usage.as_ref().map(|open| open.amount).unwrap_or_default();
        let funds: Decimal = after.lots.iter().map(|lot| lot.remaining).sum();
        let checks = [
            ("the balance is the lots' funds less what is owed", after.balance == funds - after.owed),
            ("the balance is the sum of the journal", after.balance == after.journal_sum),
            ("the balance is the sum of the answers", after.balance == self.balance),
            ("what is owed is not negative", after.owed >= Decimal::ZERO),
            ("nothing is owed while there are live funds", after.owed.is_zero() || !has_live_funds),
            ("a post-usage account owes nothing", after.post_usage.is_none() || after.owed.is_zero()),
            (
                "nothing is post-usage before the switch is complete",
                after.post_usage.is_some() || self.post_usage.is_zero(),
            ),
            (
                "a switch waits as long as auto-recharge is on",
                after.recharge_wanted.is_none() || after.post_usage.is_none(),
            ),
            ("a lot has no more than was added", after.lots.iter().all(lots_hold)),
            (
                "a pool has no more used than its size",
                after.pools.iter().all(|pool| pool.used <= pool.size || self.was_used_ahead(pool)),
            ),
            ("post-usage is invoiced or open", self.post_usage == invoiced + open),
            ("what is held is the sum of the holds", {
                after.held == after.holds.iter().map(|hold| hold.amount).sum::<Decimal>()
            }),
            ("a call with a hold may last a second", {
                after.holds.iter().all(|hold| hold.granted_seconds >= 1)
            }),
            ("a leg has one hold", {
                let legs: Vec<_> =
                    after.holds.iter().map(|hold| (&hold.call, hold.service, &hold.number)).collect();
                legs.is_sorted_by(|a, b| a < b)
            }),
            ("invoices are positive", after.invoices.iter().all(|invoice| invoice.amount > Decimal::ZERO)),
            (
                "pools' use is the sum of the answers",
                after.pools.iter().all(|pool| self.used(pool) == pool.used),
            ),
        ];
        let failed = checks.iter().filter(|(_, holds)| !holds).map(|(check, _)| format!("not so: {check}"));
        failed.chain(self.broken.iter().cloned()).collect()
    }

    /// Whether a call used the pool before its month began. The licences may have been cut in between.
    fn was_used_ahead(&self, pool: &model::PoolUse) -> bool {
        self.used_ahead.contains(&(pool.pool.clone(), pool.month))
    }

    fn used(&self, pool: &model::PoolUse) -> u64 {
        self.minutes.get(&(pool.pool.clone(), pool.month)).copied().unwrap_or(0)
    }
}

/// A step that was rejected, repeated or not found changes nothing.
/// The holds that are not there any more.
fn gone<'a>(before: &'a [LiveHold], after: &[LiveHold]) -> Vec<&'a LiveHold> {
    let is_there = |hold: &LiveHold| after.iter().any(|other| name(other) == name(hold));
    before.iter().filter(|hold| !is_there(hold)).collect()
}

fn name(hold: &LiveHold) -> (Leg, usize) {
    (Leg { call: hold.call.clone(), service: hold.service, number: hold.number.clone() }, hold.nth)
}

#[test]
fn a_refused_step_changes_nothing() {
    for seed in 0..200 {
        let month = random_month(seed);
        let mut model = Model::open(month.currency, month.billing, month.opened_at);
        for (at, step) in &month.steps {
            let before = (model.journal().len(), model.snapshot(*at));
            let answer = model.apply(*at, step);
            let refused = matches!(
                answer,
                Answer::Refused | Answer::Duplicate | Answer::Conflict | Answer::Invalid | Answer::NotFound
            );
            let after = (model.journal().len(), model.snapshot(*at));
            // A refused call may move to another switch.
            let nodes = |snapshot: &Snapshot| -> Vec<_> {
                snapshot.holds.iter().map(|hold| hold.node.clone()).collect()
            };
            let is_refused_call =
                matches!(answer, Answer::Authorized(Authorization { refusal: Some(_), .. }));
            if refused || is_refused_call && nodes(&before.1) == nodes(&after.1) {
                assert_eq!(before, after, "seed {seed}, {step:?}");
            }
        }
    }
}

#[test]
fn a_seed_always_gives_the_same_month() {
    for seed in 0..20 {
        assert_eq!(random_month(seed).steps, random_month(seed).steps);
    }
}

#[test]
fn steps_are_read_as_they_were_printed() {
    for seed in 0..20 {
        let steps = random_month(seed).steps;
        let printed: Vec<model::VectorStep> =
            serde_json::from_str(&format!("[{}]", describe(&steps))).unwrap();
        let read: Vec<_> = printed.into_iter().map(|line| (line.at, line.step)).collect();
        assert_eq!(read, steps);
    }
}

/// A made-up fault: once something was reversed and something was swept, the account is wrong.
#[test]
fn a_failing_month_is_shortened_to_the_steps_that_matter() {
    let fails = |steps: &[(Timestamp, Step)]| {
        let reversal = steps.iter().position(|(_, step)| matches!(step, Step::Reverse(_)));
        reversal.is_some_and(|first| steps[first..].iter().any(|(_, step)| matches!(step, Step::Sweep)))
    };
    let month = (0..100).map(random_month).find(|month| fails(&month.steps)).unwrap();
    let short = minimise(&month.steps, fails);
    assert!(matches!(&short[..], [(_, Step::Reverse(_)), (_, Step::Sweep)]), "{}", describe(&short));
}

/// A made-up fault: two rates for Germany.
#[test]
fn a_file_of_rates_is_shortened_to_the_rates_that_matter() {
    let german = |step: &Step| match step {
        Step::Publish(rates) => rates.iter().filter(|rate| rate.country == "DE").count(),
        _ => 0,
    };
    let fails = |steps: &[(Timestamp, Step)]| steps.iter().any(|(_, step)| german(step) >= 2);
    let month = (0..100).map(random_month).find(|month| fails(&month.steps)).unwrap();
    let short = minimise(&month.steps, fails);
    assert!(matches!(&short[..], [(_, Step::Publish(rates))] if rates.len() == 2), "{}", describe(&short));
}
