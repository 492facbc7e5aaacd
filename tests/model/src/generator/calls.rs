//! Random usage records, their repeats, revisions and reversals.

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use super::Generator;
use crate::calls::Usage;
use crate::funds::LATE;
use crate::{Month, Record, RecordKey, SentCharge, Service, Step};

/// Services and numbers, the frequent ones first.
const CALLED: [(i64, (Service, &str)); 12] = [
    (8, (Service::UserOut, "+33612345678")),
    (3, (Service::UserOut, "+33145678901")),
    (2, (Service::UserOut, "+33699000111")),
    (3, (Service::UserOut, "+4930123456")),
    (1, (Service::UserOut, "+819012345678")),
    (2, (Service::UserOut, "+88213000111")),
    (2, (Service::Premium, "+33899123456")),
    (1, (Service::Premium, "+49900123456")),
    (2, (Service::TollFreeIn, "+33800123456")),
    (1, (Service::TollIn, "+33170123456")),
    (2, (Service::ConferenceOut, "+33612345678")),
    (2, (Service::ConferenceOut, "+4930123456")),
];

/// When a call takes place, seen from the instant at which its record arrives.
#[derive(Clone, Copy)]
enum When {
    JustEnded,
    HoursAgo,
    LastMonth,
    BeforeLastMonth,
    AtTheLimitOfLateness,
    TooLateForExpiredLots,
    AroundAnExpiry,
    NotEnded,
    Ahead,
    TooFarAhead,
}

/// How a record that is sent again differs from the first time.
#[derive(Clone, Copy)]
enum Difference {
    None,
    Spelling,
    NotCompared,
    Duration,
    Service,
    Charge,
    Currency,
}

impl Generator {
    pub(super) fn call(&mut self) {
        let record = self.record();
        self.send(self.now, record);
    }

    /// T1: the step's instant is earlier than that of the step before.
    pub(super) fn call_at_earlier_instant(&mut self) {
        let record = self.record();
        let earlier = SignedDuration::from_secs(self.random.between(1, 7_200));
        self.send(self.now - earlier, record);
    }

    /// S8: a small charge, and time until the month after, twice.
    pub(super) fn quiet_months(&mut self) {
        for _ in 0..2 {
            let mut record = self.record();
            let amount =
                if self.random.chance(50) { self.amount_to_half_a_unit() } else { self.tiny_amount() };
            record.charge = Some(SentCharge { amount, currency: self.currency.code().to_owned() });
            record.started_at = self.now;
            self.send(self.now, record);
            self.now += SignedDuration::from_hours(24 * 32);
        }
    }

    /// Less than half a minor unit.
    fn tiny_amount(&mut self) -> Decimal {
        let units = self.random.between(1, 49);
        self.exact(units)
    }

    /// A charge that brings the open month to half a minor unit, where rounding turns, if no lot pays it.
    fn amount_to_half_a_unit(&mut self) -> Decimal {
        let minor_unit = self.exact(100);
        let missing = (self.exact(50) - self.model.open_month.amount) % minor_unit;
        let minor_units = self.minor(1, 3);
        missing + minor_units
    }

    pub(super) fn send(&mut self, at: Timestamp, record: Record) {
        self.sent.push(record.clone());
        self.emit_at(at, Step::Call(record));
    }

    pub(super) fn record(&mut self) -> Record {
        let (service, number) = self.random.weighted(&CALLED);
        let mut record = Record {
            id: self.record_id(),
            revision: 1,
            service,
            number: number.to_owned(),
            started_at: self.now,
            duration_seconds: self.duration(),
            charge: self.sent_charge(),
            plan: self.random.weighted(&[(6, Some("P1")), (2, Some("P2")), (1, None)]).map(str::to_owned),
            user_country: self
                .random
                .weighted(&[(6, Some("FR")), (2, Some("DE")), (1, None)])
                .map(str::to_owned),
            user: self.user(),
            call: None,
            hold: None,
        };
        if self.random.chance(20) {
            self.aim_at_pool_end(&mut record);
        }
        record.started_at = self.start(record.duration_seconds);
        if self.random.chance(15) {
            self.outlast_a_lot(&mut record);
        }
        record
    }

    /// Lets the call begin now, and end after a lot that expires soon.
    fn outlast_a_lot(&mut self, record: &mut Record) {
        let soon = self.now + SignedDuration::from_hours(10);
        let lots =
            self.model.lots.iter().filter(|lot| lot.remaining > Decimal::ZERO && lot.is_live(self.now));
        let Some(expiry) = lots.map(|lot| lot.expires_at).filter(|expiry| *expiry <= soon).min() else {
            return;
        };
        let seconds = expiry.duration_since(self.now).as_secs() + self.random.between(0, 3_600);
        record.started_at = self.now;
        record.duration_seconds = u32::try_from(seconds).expect("the lot has not expired");
    }

    /// Whether a record awaits a rate that may still draw on a lot that has expired since the call's end (S10).
    pub(super) fn a_late_rate_matters(&self) -> bool {
        let expired =
            self.model.lots.iter().filter(|lot| lot.remaining > Decimal::ZERO && !lot.is_live(self.now));
        let expiries: Vec<Timestamp> = expired.map(|lot| lot.expires_at).collect();
        let unrated = self.model.usage.iter().filter(|usage| usage.awaits_rate());
        let mut ends = unrated.map(|usage| usage.record.end()).filter(|end| self.now <= *end + LATE);
        ends.any(|end| expiries.iter().any(|expiry| end < *expiry))
    }

    /// Most often a new id. Sometimes a UUID, and sometimes the id of another call, which started at another instant.
    fn record_id(&mut self) -> String {
        if !self.sent.is_empty() && self.random.chance(3) {
            return self.random.pick(&self.sent).id.clone();
        }
        let number = self.new_number();
        if self.random.chance(15) {
            format!("{number:08x}-abcd-4abc-8abc-abcdef{number:06x}")
        } else {
            format!("call-{number}")
        }
    }

    fn duration(&mut self) -> u32 {
        let seconds = match self.random.between(1, 10) {
            1 if self.random.chance(40) => 0,
            1..=4 => self.random.between(1, 130),
            5..=6 => self.random.between(1, 30) * 60,
            7..=9 => self.random.between(131, 3_600),
            _ => self.random.between(3_601, 20_000),
        };
        u32::try_from(seconds).expect("durations are not negative")
    }

    pub(super) fn sent_charge(&mut self) -> Option<SentCharge> {
        let units = match self.random.between(1, 100) {
            1..=5 => self.random.between(1, 60_000),
            6..=8 => self.random.between(60_000, 900_000),
            9..=10 => 0,
            _ => return None,
        };
        let currency = if self.random.chance(25) { "CHF" } else { self.currency.code() };
        // Most foreign charges are zero, since others are invalid (S4).
        let units = if currency == "CHF" && self.random.chance(80) { 0 } else { units };
        Some(SentCharge { amount: self.exact(units), currency: currency.to_owned() })
    }

    /// Gives the record about the duration that a pool has left.
    fn aim_at_pool_end(&mut self, record: &mut Record) {
        let pools = self.model.snapshot(self.now).pools;
        let left: Vec<_> = pools.into_iter().filter(|pool| pool.used < pool.size).collect();
        if left.is_empty() {
            return;
        }
        let pool = self.random.pick(&left).clone();
        let mut parts = pool.pool.split('/').map(str::to_owned);
        record.plan = parts.next();
        record.user_country = parts.next();
        record.service = Service::UserOut;
        record.charge = None;
        let seconds = i64::try_from((pool.size - pool.used) * 60).expect("pools are small");
        let aimed = (seconds + self.random.between(-61, 121)).clamp(1, 80_000);
        record.duration_seconds = u32::try_from(aimed).expect("it is clamped");
    }

    fn start(&mut self, duration_seconds: u32) -> Timestamp {
        let duration = SignedDuration::from_secs(i64::from(duration_seconds));
        let seconds = SignedDuration::from_secs;
        let soon_in_next_month = Month::of(self.now + seconds(300)) != Month::of(self.now);
        let when = self.random.weighted(&[
            (50, When::JustEnded),
            (15, When::HoursAgo),
            (10, When::LastMonth),
            (3, When::BeforeLastMonth),
            (6, When::AtTheLimitOfLateness),
            (6, When::TooLateForExpiredLots),
            (if self.near_expiries().is_empty() { 0 } else { 80 }, When::AroundAnExpiry),
            (4, When::NotEnded),
            (if soon_in_next_month { 100 } else { 4 }, When::Ahead),
            (2, When::TooFarAhead),
        ]);
        let this_month = Month::of(self.now);
        let start = match when {
            When::JustEnded => self.now - duration - seconds(self.random.between(0, 60)),
            When::HoursAgo => self.now - duration - seconds(self.random.between(60, 36_000)),
            When::LastMonth => this_month.start() - seconds(self.random.between(1, 15 * 86_400)),
            When::BeforeLastMonth => {
                this_month.previous().start() - seconds(self.random.between(1, 15 * 86_400))
            }
            When::AtTheLimitOfLateness => self.now - LATE - duration + seconds(self.random.between(-1, 1)),
            When::TooLateForExpiredLots => {
                self.now - LATE - duration - seconds(self.random.between(1, 10 * 86_400))
            }
            When::AroundAnExpiry => self.end_around_an_expiry() - duration,
            When::NotEnded => self.now - seconds(self.random.between(0, i64::from(duration_seconds))),
            When::Ahead => self.now + seconds(*self.random.pick(&[1, 60, 299, 300])),
            When::TooFarAhead => self.now + seconds(self.random.between(301, 7_200)),
        };
        if self.random.chance(10) { start + SignedDuration::from_millis(250) } else { start }
    }

    /// An instant around the expiry of a lot that expired lately or expires soon.
    fn end_around_an_expiry(&mut self) -> Timestamp {
        let expiries = self.near_expiries();
        let before = match self.random.between(1, 5) {
            1 => self.random.between(-1, 1),
            2 => -self.random.between(2, 3_600),
            _ => self.random.between(2, 36_000),
        };
        *self.random.pick(&expiries) - SignedDuration::from_secs(before)
    }

    fn near_expiries(&self) -> Vec<Timestamp> {
        let soon = SignedDuration::from_hours(3);
        let lots = self.model.lots.iter().filter(|lot| lot.remaining > Decimal::ZERO);
        let near = lots.filter(|lot| lot.expires_at - soon <= self.now && !lot.is_over(self.now));
        near.map(|lot| lot.expires_at).collect()
    }

    /// S2: a record again, as it was or changed.
    pub(super) fn repeat_call(&mut self) {
        if self.sent.is_empty() {
            return self.call();
        }
        let mut record = self.random.pick(&self.sent).clone();
        let difference = self.random.weighted(&[
            (8, Difference::None),
            (4, Difference::Spelling),
            (4, Difference::NotCompared),
            (3, Difference::Duration),
            (2, Difference::Service),
            (3, Difference::Charge),
            (2, Difference::Currency),
        ]);
        match difference {
            Difference::None => {}
            Difference::Spelling => {
                if record.id.contains("-abcd-") {
                    record.id = record.id.to_uppercase();
                }
                record.started_at = record.key().started_at + SignedDuration::from_millis(500);
            }
            Difference::NotCompared => {
                let unmasked = record.number.len() - 3;
                record.number.replace_range(unmasked.., "***");
                record.plan = None;
            }
            Difference::Duration => record.duration_seconds += 1,
            Difference::Service => record.service = Service::TollIn,
            Difference::Charge => self.change_charge(&mut record),
            Difference::Currency => self.change_currency(&mut record),
        }
        self.emit(Step::Call(record));
    }

    fn change_charge(&mut self, record: &mut Record) {
        let units = self.random.between(1, 100);
        let more = self.exact(units);
        match &mut record.charge {
            Some(charge) if charge.currency == self.currency.code() => charge.amount += more,
            Some(_) => record.charge = None,
            None => {
                let currency = self.currency.code().to_owned();
                record.charge = Some(SentCharge { amount: more, currency });
            }
        }
    }

    /// Only a record that costs nothing is valid in every currency (S4).
    fn change_currency(&mut self, record: &mut Record) {
        let free = self.model.usage.iter().map(|usage| &usage.record);
        let free = free.filter(|record| record.charge.as_ref().is_some_and(|charge| charge.amount.is_zero()));
        let free: Vec<Record> = free.cloned().collect();
        if free.is_empty() {
            return;
        }
        *record = self.random.pick(&free).clone();
        if let Some(charge) = &mut record.charge {
            "SEK".clone_into(&mut charge.currency);
        }
    }

    /// S2: a correction of a call, most often of one that was reversed.
    pub(super) fn revise_call(&mut self) {
        let only_reversed = self.random.chance(75);
        let usage = self.model.usage.iter().filter(|usage| usage.reversed || !only_reversed);
        let records: Vec<Record> = usage.map(|usage| usage.record.clone()).collect();
        if records.is_empty() {
            return self.call();
        }
        let mut record = self.random.pick(&records).clone();
        record.revision += if self.random.chance(90) { 1 } else { 2 };
        record.duration_seconds = self.duration();
        self.send(self.now, record);
    }

    /// S11: a reversal of anything: charged, unrated, rated later, reversed before, never sent.
    pub(super) fn reverse(&mut self) {
        let usage = &self.model.usage;
        let keys = |wanted: fn(&&Usage) -> bool| {
            usage.iter().filter(wanted).map(|usage| usage.key.clone()).collect()
        };
        let keys: Vec<RecordKey> = match self.random.between(1, 20) {
            1 => keys(|usage| usage.awaits_rate()),
            2..=3 => keys(|usage| usage.reversed),
            4..=9 => keys(|usage| !usage.reversed && has_several_parts(usage)),
            10 => self.sent.iter().map(Record::key).collect(),
            _ => keys(|usage| !usage.reversed),
        };
        if keys.is_empty() {
            return self.call();
        }
        let mut key = self.random.pick(&keys).clone();
        match self.random.between(1, 40) {
            1 => key.id.push('?'),
            2 => key.revision += 1,
            3 => key.started_at += SignedDuration::from_secs(1),
            4 => key.started_at += SignedDuration::from_millis(750),
            5 if key.id.contains("-abcd-") => key.id = key.id.to_uppercase(),
            _ => {}
        }
        self.a_second_later();
        self.emit(Step::Reverse(key));
    }
}

/// Whether a charge was taken from several lots, or from a lot and beyond lots.
fn has_several_parts(usage: &Usage) -> bool {
    usage.charge.as_ref().is_some_and(|charge| {
        let beyond_lots = charge.taken.owed + charge.taken.post_usage;
        charge.taken.lots.len() > 1 || (!charge.taken.lots.is_empty() && !beyond_lots.is_zero())
    })
}
