//! Random authorizations, extensions, releases and limits, and the debits of the calls that were authorized.

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;

use super::Generator;
use crate::calls::Usage;
use crate::holds::Hold;
use crate::{
    CallRequest, HoldName, Leg, Month, NamedHold, NewLimits, Record, RecordKey, ReleasedHolds, SentCharge,
    Step,
};

/// The users, of whom an account has few, so that limits are reached.
const USERS: [(i64, Option<&str>); 4] = [(5, Some("ada")), (2, Some("bo")), (1, Some("cy")), (1, None)];

/// The switches. The clock of the second is slow.
const NODES: [(i64, Option<&str>); 3] = [(4, Some("sbc-1")), (3, Some("sbc-2")), (1, None)];

impl Generator {
    pub(super) fn user(&mut self) -> Option<String> {
        self.random.weighted(&USERS).map(str::to_owned)
    }

    /// Several calls start, and some of them go on.
    pub(super) fn calls_in_progress(&mut self) {
        for _ in 0..self.random.between(1, 5) {
            self.authorize();
            if self.random.chance(30) {
                self.now += SignedDuration::from_secs(self.random.between(1, 90));
            }
            match self.random.between(1, 24) {
                1..=7 => self.ask_again(),
                8..=12 => self.debit_of_hold(),
                13..=14 => self.release(),
                15..=16 => self.begin_anew(),
                17 => self.release_all_legs(),
                18 if self.weight_of_limits > 0 => self.set_limits(),
                19 => self.lapse_in_two_hours(),
                20 => self.outlast_a_lot_by_extension(),
                _ => {}
            }
        }
    }

    /// The lapse, rounded up to five minutes, is exactly two hours away if funds pay for the call.
    fn lapse_in_two_hours(&mut self) {
        let to_full = 300 - self.now.as_second() % 300;
        // The second that passes before the step makes the five minutes full.
        self.now += SignedDuration::from_secs(to_full - 1);
        let mut request = self.request();
        request.node = Some("sbc-1".to_owned());
        request.max_seconds = u32::try_from(self.random.between(6_001, 6_302)).expect("it is positive");
        self.ask(request);
    }

    /// A call goes on beyond the expiry of a lot that pays for it.
    fn outlast_a_lot_by_extension(&mut self) {
        self.a_second_later();
        let id = format!("adjustment-{}", self.new_number());
        let amount = self.minor(500, 3_000);
        let expires_at = Some(self.now + SignedDuration::from_secs(self.random.between(900, 4_000)));
        self.emit(Step::Adjust { id, amount, expires_at, allow_negative: false });
        let mut request = self.request();
        request.node = Some("sbc-1".to_owned());
        request.max_seconds = self.model.limits.margin_seconds + 120;
        let start = self.now + SignedDuration::from_secs(1);
        self.ask(request.clone());
        self.now += SignedDuration::from_secs(self.random.between(1, 100));
        request.max_seconds = self.beyond_a_lot(start);
        self.ask(request);
    }

    /// A hold is released, and its leg is authorized anew. The record may name the first hold.
    fn begin_anew(&mut self) {
        let Some(hold) = self.any_hold(100) else { return };
        self.emit(Step::Release(ReleasedHolds::One(hold.name.clone())));
        if self.random.chance(70) {
            self.ask_about(hold);
        }
        if self.random.chance(70) {
            self.debit_of_hold();
        }
    }

    /// Another leg of a call starts, and the call is released.
    fn release_all_legs(&mut self) {
        let Some(hold) = self.any_hold(100) else { return };
        let call = hold.name.leg.call;
        let mut request = self.request();
        request.leg.call.clone_from(&call);
        self.ask(request);
        self.emit(Step::Release(ReleasedHolds::OfCall(call)));
    }

    /// Asks for a leg that had a hold.
    fn ask_about(&mut self, hold: Hold) {
        let Hold { name, user, plan, user_country, node, .. } = hold;
        let max_seconds = self.maximum();
        self.ask(CallRequest { leg: name.leg, user, plan, user_country, node, max_seconds });
    }

    /// Calls that start in one month and go on in the next.
    pub(super) fn calls_at_month_end(&mut self) {
        let end = Month::of(self.now).next().start();
        let seconds = end.duration_since(self.now).as_secs() - self.random.between(10, 900);
        if !(0..20 * 86_400).contains(&seconds) {
            return self.calls_in_progress();
        }
        self.now += SignedDuration::from_secs(seconds);
        self.calls_in_progress();
        self.now = self.now.max(end + SignedDuration::from_secs(self.random.between(0, 90)));
        self.ask_again();
        self.ask_again();
        self.debit_of_hold();
    }

    /// New rates lack the number of a call in progress, which asks for longer and ends. Then the old rates are back.
    pub(super) fn rate_vanishes(&mut self) {
        self.authorize();
        let Some(hold) = self.any_hold(100) else { return };
        let before = self.model.rates.clone();
        let mut without = before.clone();
        without.retain(|rate| rate.service != hold.name.leg.service);
        self.emit(Step::Publish(without));
        let max_seconds = (hold.asked_seconds + 600).min(86_400);
        self.emit(Step::Extend { hold: hold.name.clone(), max_seconds });
        let mut record = self.record_of_hold(&hold);
        record.hold = Some(NamedHold::Id(hold.name));
        self.send(self.now, record);
        self.emit(Step::Publish(before));
    }

    pub(super) fn authorize(&mut self) {
        let request = self.request();
        self.ask(request);
    }

    fn request(&mut self) -> CallRequest {
        let record = self.record();
        // Sometimes another leg of a call.
        let calls: Vec<String> = self.model.holds.iter().map(|hold| hold.name.leg.call.clone()).collect();
        let call = if !calls.is_empty() && self.random.chance(12) {
            self.random.pick(&calls).clone()
        } else {
            format!("c{}", self.new_number())
        };
        CallRequest {
            leg: Leg { call, service: record.service, number: record.number },
            user: record.user,
            plan: record.plan,
            user_country: record.user_country,
            node: self.random.weighted(&NODES).map(str::to_owned),
            max_seconds: if self.random.chance(20) { self.beyond_a_lot(self.now) } else { self.maximum() },
        }
    }

    /// A maximum for a call from `start` on that is reached after the expiry of a lot.
    fn beyond_a_lot(&mut self, start: Timestamp) -> u32 {
        let lots =
            self.model.lots.iter().filter(|lot| lot.remaining > Decimal::ZERO && lot.is_live(self.now));
        let expiries = lots.map(|lot| lot.expires_at.duration_since(start).as_secs());
        match expiries.filter(|seconds| (61..80_000).contains(seconds)).min() {
            None => self.maximum(),
            Some(seconds) => u32::try_from(seconds + self.random.between(0, 3_600)).expect("it is positive"),
        }
    }

    /// A switch with a slow clock asks with an earlier instant (T1). No leg gets two holds at one instant: their ids could be the same.
    fn ask(&mut self, request: CallRequest) {
        self.a_second_later();
        let is_slow = request.node.as_deref() == Some("sbc-2") && self.random.chance(60);
        let behind = if is_slow { self.random.between(1, 120) } else { 0 };
        let at = self.now - SignedDuration::from_secs(behind);
        let now = self.model.now(at);
        let is_twin =
            |hold: &Hold| hold.name.leg == request.leg && hold.authorized_at == now && !hold.is_live(now);
        let at = if self.model.holds.iter().any(is_twin) { self.now } else { at };
        self.emit_at(at, Step::Authorize(request));
    }

    /// More than the margin.
    fn maximum(&mut self) -> u32 {
        let margin = self.model.limits.margin_seconds;
        let seconds = match self.random.between(1, 12) {
            1 => self.random.between(1, 70),
            2..=4 => self.random.between(1, 10) * 60,
            5..=6 => self.random.between(1, 4_000),
            7..=10 => 3_600,
            11 => self.random.between(4_000, 12_000),
            _ => 86_400,
        };
        u32::try_from(seconds).expect("a duration is not negative").max(margin + 1)
    }

    /// A switch asks again about a leg, most often about one with a live hold, and for longer.
    pub(super) fn ask_again(&mut self) {
        let Some(hold) = self.any_hold(85) else { return self.authorize() };
        let margin = self.model.limits.margin_seconds;
        let granted = hold.granted_seconds;
        let more = u32::try_from(self.random.between(1, 1_800)).expect("it is positive");
        let max_seconds = match self.random.between(1, 10) {
            1..=2 => hold.asked_seconds,
            3 => granted.saturating_sub(more),
            4 => granted,
            5 => granted + 1,
            6..=7 => hold.asked_seconds + more,
            8 => self.beyond_a_lot(hold.authorized_at),
            _ => self.maximum(),
        };
        let max_seconds = max_seconds.clamp(margin + 1, 86_400.max(margin + 1));
        if self.random.chance(40) {
            return self.emit(Step::Extend { hold: hold.name, max_seconds });
        }
        let node =
            if self.random.chance(75) { hold.node } else { self.random.weighted(&NODES).map(str::to_owned) };
        let user = if self.random.chance(92) { hold.user } else { self.user() };
        let plan = if self.random.chance(95) { hold.plan } else { None };
        let user_country = hold.user_country;
        self.ask(CallRequest { leg: hold.name.leg, user, plan, user_country, node, max_seconds });
    }

    /// A hold, which lives in so many of 100 cases if any does.
    fn any_hold(&mut self, percent: i64) -> Option<Hold> {
        let live: Vec<Hold> = self.model.live_holds(self.now).cloned().collect();
        if !live.is_empty() && self.random.chance(percent) {
            return Some(self.random.pick(&live).clone());
        }
        // One of the last, so that its call is not too long ago.
        let last = self.model.holds.len().saturating_sub(12);
        let recent = self.model.holds[last..].to_vec();
        (!recent.is_empty()).then(|| self.random.pick(&recent).clone())
    }

    /// The record of a call that was authorized. Its hold may have lapsed or been released.
    pub(super) fn debit_of_hold(&mut self) {
        let Some(hold) = self.any_hold(75) else { return self.authorize() };
        let record = self.record_of_hold(&hold);
        let again = record.clone();
        self.send(self.now, record);
        if self.random.chance(15) {
            // The leg gets another hold, and the same record comes again.
            self.ask_about(hold);
            self.send(self.now, again);
        }
    }

    fn record_of_hold(&mut self, hold: &Hold) -> Record {
        let granted = i64::from(hold.granted_seconds);
        let talked = match self.random.between(1, 6) {
            1 => granted,
            2 => granted + self.random.between(1, 90),
            3 => self.random.between(0, granted.min(60)),
            _ => self.random.between(0, granted.min(3_600)),
        };
        let end = hold.authorized_at + SignedDuration::from_secs(talked);
        let mut duration = talked;
        if end > self.now && self.random.chance(70) {
            self.now = end + SignedDuration::from_secs(self.random.between(0, 5));
        } else if end > self.now {
            duration = self.now.duration_since(hold.authorized_at).as_secs().max(0);
        }
        let mut record = Record {
            duration_seconds: u32::try_from(duration).expect("it is not negative"),
            charge: if self.random.chance(10) { self.sent_charge() } else { None },
            started_at: hold.authorized_at,
            service: hold.name.leg.service,
            number: hold.name.leg.number.clone(),
            plan: hold.plan.clone(),
            user_country: hold.user_country.clone(),
            user: hold.user.clone(),
            ..self.record()
        };
        self.name_hold(&mut record, hold);
        if self.random.chance(4) {
            // T1: it starts too far ahead.
            record.started_at = self.now + SignedDuration::from_mins(6);
        }
        record
    }

    fn name_hold(&mut self, record: &mut Record, hold: &Hold) {
        let call = Some(hold.name.leg.call.clone());
        let other = self.any_hold(80).expect("there is at least this one").name;
        let first = HoldName { nth: 1, ..hold.name.clone() };
        let none = HoldName { nth: 999, ..hold.name.clone() };
        let foreign = NamedHold::Foreign("another system's".to_owned());
        (record.call, record.hold) = match self.random.between(1, 40) {
            1..=16 => (None, Some(NamedHold::Id(hold.name.clone()))),
            17..=18 => (call, Some(NamedHold::Id(hold.name.clone()))),
            19..=30 => (call, None),
            31 => (call, Some(foreign)),
            32 => (call, Some(NamedHold::Id(none))),
            33..=34 => (call, Some(NamedHold::Id(other))),
            35..=37 => (call, Some(NamedHold::Id(first))),
            38 => {
                "+33612345678".clone_into(&mut record.number);
                (call, None)
            }
            _ => (None, None),
        };
    }

    /// A hold, the holds of a call, or those of a switch that starts anew.
    pub(super) fn release(&mut self) {
        let Some(hold) = self.any_hold(85) else { return self.authorize() };
        let released = match (self.random.between(1, 10), hold.node) {
            (1..=4, _) => ReleasedHolds::One(hold.name),
            (8..=10, Some(node)) => ReleasedHolds::OfNode(node),
            _ => ReleasedHolds::OfCall(hold.name.leg.call),
        };
        self.emit(Step::Release(released));
    }

    /// Limits a little above what is spent, or none; now and then another margin. A second passes, so that no charge is posted at the very
    /// instant at which a limit is set.
    pub(super) fn set_limits(&mut self) {
        self.a_second_later();
        if self.model.limits.per_user.is_some() && self.random.chance(30) {
            return self.limit_users_anew();
        }
        let per_user = self.limit(self.model.spent_by_user(self.now).into_values().max());
        let per_day = self.limit(self.model.spent_today(self.now));
        let present = self.model.limits.margin_seconds;
        let margin_seconds = self.random.weighted(&[(8, present), (4, 2), (1, 0), (1, 1), (1, 10), (1, 60)]);
        self.emit(Step::SetLimits(NewLimits { per_user, per_day, margin_seconds }));
    }

    /// C2: users have no limit for a moment. Then calls that were authorized before go on under the new one.
    fn limit_users_anew(&mut self) {
        let limits = &self.model.limits;
        let (per_day, margin_seconds) = (limits.per_day.map(|limit| limit.amount), limits.margin_seconds);
        self.emit(Step::SetLimits(NewLimits { per_user: None, per_day, margin_seconds }));
        self.a_second_later();
        let per_user = Some(self.minor(1, 60));
        self.emit(Step::SetLimits(NewLimits { per_user, per_day, margin_seconds }));
        for _ in 0..3 {
            self.ask_again();
        }
    }

    fn limit(&mut self, spent: Option<Decimal>) -> Option<Decimal> {
        let most = self.random.weighted(&[(3, None), (2, Some(20)), (4, Some(200)), (2, Some(3_000))])?;
        let more = self.minor(1, most);
        Some(spent.unwrap_or_default().trunc_with_scale(self.currency.minor_digits()) + more)
    }

    /// C2: a limit that is just reached, and a reversal that gives some of it back.
    pub(super) fn limit_and_reversal(&mut self) {
        let limits = &self.model.limits;
        if limits.per_user.is_none() && limits.per_day.is_none() {
            return self.set_limits();
        }
        let mut record = self.record();
        record.user = Some("ada".to_owned());
        let currency = self.currency.code().to_owned();
        record.charge = Some(SentCharge { amount: self.minor(5, 400), currency });
        record.duration_seconds = 60;
        record.started_at = self.now - SignedDuration::from_secs(60);
        self.send(self.now, record);
        let is_ada = |usage: &&Usage| usage.record.user.as_deref() == Some("ada") && !usage.reversed;
        let keys: Vec<RecordKey> =
            self.model.usage.iter().rev().filter(is_ada).take(3).map(|usage| usage.key.clone()).collect();
        let limits = &self.model.limits;
        let spent_by_user = self.model.spent_by_user(self.now);
        let new = NewLimits {
            per_user: limits.per_user.and_then(|_| spent_by_user.get("ada").copied()),
            per_day: limits.per_day.and_then(|_| self.model.spent_today(self.now)),
            margin_seconds: limits.margin_seconds,
        };
        self.a_second_later();
        self.emit(Step::SetLimits(new));
        let mut request = self.request();
        request.user = Some("ada".to_owned());
        request.node = Some("sbc-1".to_owned());
        self.ask(request.clone());
        if !keys.is_empty() {
            let key = self.random.pick(&keys).clone();
            self.a_second_later();
            self.emit(Step::Reverse(key));
            self.ask(request);
        }
    }
}
