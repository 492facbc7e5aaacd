//! May a call start, and how long may it last (C1, C2, C4)?
//!
//! A switch asks before it connects a call. If the call may start, what it may cost is held until the call's debit comes, so that
//! calls in progress cannot together spend more than there is.
//!
//! D is the longest duration, in whole increments of the rate, for which free pool minutes and then spendable funds and limits pay.
//! The call is granted D less a margin, because switches cut late, and D's price and pool minutes are held.

use jiff::{SignedDuration, Timestamp};

use crate::account::Account;
use crate::change::{Decision, MAX_ITEMS_PER_COMMIT};
use crate::draft::Draft;
use crate::hold::{HeldSums, Hold, HoldId, Leg};
use crate::limits::UserSpending;
use crate::money::Money;
use crate::pool::{HeldMinutes, PoolCall, Pools, minutes_used};
use crate::rate::{Rate, RateTable};
use crate::time::Month;

/// An account has at most this many live holds.
pub const MAX_HOLDS: u32 = 5_000;

/// A call may last this long if its request does not say how long.
pub const DEFAULT_DURATION_SECONDS: u32 = 3_600;

/// No call is granted more than this: a day.
pub const MAX_DURATION_SECONDS: u32 = 86_400;

/// A call that is to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The leg.
    pub leg: Leg,
    /// Whose usage it is.
    pub user_id: Option<String>,
    /// The plan or licence that it is made on.
    pub plan: Option<String>,
    /// The user's country, ISO 3166-1 alpha-2.
    pub user_country: Option<String>,
    /// The switch that asks.
    pub node: Option<String>,
    /// How long it is to last at most: more than the account's margin.
    pub max_duration_seconds: u32,
}

/// Why a call may not start, or not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Funds and included minutes do not pay for one second of it.
    InsufficientFunds,
    /// A spending limit is reached (C2).
    LimitReached,
    /// No rate is published for it.
    NoRate,
    /// The account has [`MAX_HOLDS`] live holds.
    TooManyHolds,
}

impl Refusal {
    /// Every refusal.
    pub const ALL: [Self; 4] =
        [Self::InsufficientFunds, Self::LimitReached, Self::NoRate, Self::TooManyHolds];

    /// The API's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InsufficientFunds => "insufficientFunds",
            Self::LimitReached => "limitReached",
            Self::NoRate => "noRate",
            Self::TooManyHolds => "tooManyHolds",
        }
    }

    /// The SIP status for the caller's side. It is none on which a trunk tries another way.
    pub fn sip_status(self) -> u16 {
        match self {
            Self::InsufficientFunds => 402,
            Self::LimitReached | Self::NoRate | Self::TooManyHolds => 403,
        }
    }
}

/// The answer to a switch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authorization<'a> {
    /// Why the call may not start, or not go on for longer, if so.
    pub refusal: Option<Refusal>,
    /// The hold, if one was taken.
    pub hold: Option<HoldId>,
    /// How long the call may last in all. A refused extension leaves what was granted.
    pub granted_seconds: u32,
    /// The rate of the call, if it has one.
    pub rate: Option<Rate<'a>>,
    /// The available balance.
    pub available: Money,
}

/// Decides whether a call may start. A leg that has a live hold is answered from it, and extended if the request asks for more (C4).
///
/// `known` is the leg's hold, if the caller has read one; `spending` is that of the request's user, needed where users have a limit.
pub fn authorize<'a>(
    account: &Account,
    now: Timestamp,
    request: &Request,
    known: Option<&Hold>,
    spending: Option<&UserSpending>,
    rates: &'a RateTable,
    pools: &Pools,
) -> Decision<Authorization<'a>> {
    let draft = Draft::on(account, now);
    if let Some(hold) = known.filter(|hold| hold.lives_at(draft.now())) {
        // A hold keeps its user. A request that names another one extends nothing, since the spending is that of the request's user.
        let is_of_user = hold.user_id == request.user_id;
        let asked = if is_of_user { request.max_duration_seconds } else { hold.granted_seconds };
        return extended(draft, hold, asked, request.node.as_deref(), spending, rates, pools);
    }
    let now = draft.now();
    let Leg { service, number, .. } = &request.leg;
    let Some(rate) = rates.find(*service, number, account.currency, now) else {
        return Decision::unchanged(answer(&draft, Some(Refusal::NoRate), None, 0, None));
    };
    let limit = draft.account().limits.per_user_monthly;
    let mut hold = Hold {
        leg: request.leg.clone(),
        user_id: request.user_id.clone(),
        plan: request.plan.clone(),
        user_country: request.user_country.clone(),
        node: request.node.clone(),
        authorized_at: now,
        asked_seconds: request.max_duration_seconds,
        granted_seconds: 0,
        amount: Money::zero(account.currency),
        minutes: Vec::new(),
        lapses_at: now,
        counts_since: limit.filter(|_| request.user_id.is_some()).map(|limit| limit.since),
        version: 0,
    };
    let others = draft.account().held.clone();
    let spent = spending.map(|spending| spending.total(now));
    let call = Call::of(draft.account(), now, &hold, rate, pools, others, spent);
    let Grant { seconds, amount, minutes, .. } = match call.grant(request.max_duration_seconds) {
        Ok(grant) => grant,
        Err(refusal) => return Decision::unchanged(answer(&draft, Some(refusal), None, 0, Some(rate))),
    };
    if amount.is_zero() && minutes.is_empty() {
        return Decision::unchanged(answer(&draft, None, None, seconds, Some(rate)));
    }
    if draft.account().held.count(now) >= MAX_HOLDS {
        return Decision::unchanged(answer(&draft, Some(Refusal::TooManyHolds), None, 0, Some(rate)));
    }
    hold =
        Hold { granted_seconds: seconds, amount, minutes, lapses_at: Hold::lapse(now, seconds, now), ..hold };
    let mut draft = draft;
    let id = hold.id();
    if let Some(spending) = spending {
        draft.forget_lapsed(&hold, spending);
    }
    draft.hold(hold, None);
    let answer = answer(&draft, None, Some(id), seconds, Some(rate));
    draft.finish(answer)
}

/// Decides whether a call may last longer: so many seconds in all (C4). The hold must live. Refused, it stays as it is.
pub fn extend<'a>(
    account: &Account,
    now: Timestamp,
    hold: &Hold,
    max_duration_seconds: u32,
    spending: Option<&UserSpending>,
    rates: &'a RateTable,
    pools: &Pools,
) -> Decision<Authorization<'a>> {
    extended(Draft::on(account, now), hold, max_duration_seconds, None, spending, rates, pools)
}

/// Ends holds, as many as one commit can. Returns the number of those that it reached; the rest is for the next commit.
pub fn release(account: &Account, now: Timestamp, holds: &[&Hold]) -> Decision<usize> {
    let mut draft = Draft::on(account, now);
    let nothing = Money::zero(account.currency);
    let mut reached = 0;
    let mut ends = false;
    for hold in holds {
        let items = draft.items_of_charge(None, nothing, draft.now(), Some(hold));
        if draft.items() + items > MAX_ITEMS_PER_COMMIT {
            break;
        }
        ends |= draft.can_end(hold);
        draft.end_hold(hold);
        reached += 1;
    }
    if ends { draft.finish(reached) } else { Decision::unchanged(reached) }
}

fn extended<'a>(
    mut draft: Draft,
    hold: &Hold,
    asked: u32,
    node: Option<&str>,
    spending: Option<&UserSpending>,
    rates: &'a RateTable,
    pools: &Pools,
) -> Decision<Authorization<'a>> {
    let now = draft.now();
    let account = draft.account();
    let Leg { service, number, .. } = &hold.leg;
    let rate = rates.find(*service, number, account.currency, hold.authorized_at);
    let node = node.filter(|node| hold.node.as_deref() != Some(*node));
    let as_before =
        |draft: &Draft, refusal| answer(draft, refusal, Some(hold.id()), hold.granted_seconds, rate);
    let mut next = hold.clone();
    let mut refusal = None;
    if asked > hold.granted_seconds {
        let call = rate.map(|rate| {
            let mut others = account.held.clone();
            others.remove(hold);
            let of_others = |spending: &UserSpending| {
                let total = spending.total(now);
                // A hold from before the limit was set is not part of the total.
                let limit = account.limits.per_user_monthly.map(|limit| limit.since);
                if limit.is_some() && hold.counts_since == limit { total - hold.amount } else { total }
            };
            Call::of(account, now, hold, rate, pools, others, spending.map(of_others))
        });
        // New rates may not have the number any more.
        let granted = call.as_ref().map_or(Err(Refusal::NoRate), |call| call.grant(asked));
        match granted {
            Ok(Grant { seconds, amount, minutes, .. }) if seconds > hold.granted_seconds => {
                let lapses_at = Hold::lapse(hold.authorized_at, seconds, now).max(hold.lapses_at);
                next = Hold {
                    asked_seconds: asked,
                    granted_seconds: seconds,
                    amount,
                    minutes,
                    lapses_at,
                    ..next
                };
            }
            // It lasts as long as it asks for, but for the margin.
            Ok(Grant { is_whole: true, .. }) => {}
            // The same request gets the same answer as long as no more can be granted.
            _ if asked == hold.asked_seconds => {}
            Ok(_) => refusal = call.map(|call| call.refusal(asked)),
            Err(why) => refusal = Some(why),
        }
    }
    if let Some(node) = node {
        next.node = Some(node.to_owned());
    }
    if next == *hold {
        return Decision::unchanged(as_before(&draft, refusal));
    }
    let granted = next.granted_seconds;
    draft.hold(next, Some(hold));
    let answer = answer(&draft, refusal, Some(hold.id()), granted, rate);
    draft.finish(answer)
}

fn answer<'a>(
    draft: &Draft,
    refusal: Option<Refusal>,
    hold: Option<HoldId>,
    granted_seconds: u32,
    rate: Option<Rate<'a>>,
) -> Authorization<'a> {
    let available = draft.account().available(draft.now());
    Authorization { refusal, hold, granted_seconds, rate, available }
}

/// A call, and what there is for it.
struct Call<'a> {
    account: &'a Account,
    now: Timestamp,
    /// When it was authorized.
    start: Timestamp,
    rate: Rate<'a>,
    /// The account's pools, and what they know of the call.
    pools: &'a Pools,
    of_pools: PoolCall<'a>,
    /// What is held for other calls.
    held: HeldSums,
    /// What its user has spent, and what is held for the user's other calls, where users have a limit.
    spending: Option<Money>,
}

/// What a call is granted.
struct Grant {
    seconds: u32,
    /// What is held of the funds.
    amount: Money,
    /// What is held of pools.
    minutes: Vec<HeldMinutes>,
    /// Whether neither funds nor limits bound it.
    is_whole: bool,
}

/// What bounds the duration of a call.
#[derive(Clone, Copy)]
struct Bounds {
    by_funds: bool,
    by_limits: bool,
}

impl<'a> Call<'a> {
    /// The call of a hold. `others` has the holds of other calls; `spent` is what its user has spent, with what is held for the user's other
    /// calls.
    fn of(
        account: &'a Account,
        now: Timestamp,
        hold: &'a Hold,
        rate: Rate<'a>,
        pools: &'a Pools,
        others: HeldSums,
        spent: Option<Money>,
    ) -> Self {
        let of_pools = PoolCall {
            plan: hold.plan.as_ref(),
            user_country: hold.user_country.as_ref(),
            service: hold.leg.service,
            month: Month::of(hold.authorized_at),
        };
        let spending = spent.filter(|_| hold.user_id.is_some());
        Self { account, now, start: hold.authorized_at, rate, pools, of_pools, held: others, spending }
    }

    /// What the call is granted of so many seconds.
    fn grant(&self, asked: u32) -> Result<Grant, Refusal> {
        let nothing = Money::zero(self.account.currency);
        let longest = self.rate.billed_seconds(asked);
        let is_free = self.rate.charge(longest, 0, self.account.currency).is_zero();
        let limits = &self.account.limits;
        let by_limits =
            limits.per_day.is_some() || limits.per_user_monthly.is_some() && self.spending.is_some();
        let bounds = Bounds { by_funds: self.account.billing_model.owes(), by_limits };
        if is_free || !bounds.by_funds && !bounds.by_limits {
            return Ok(Grant { seconds: asked, amount: nothing, minutes: Vec::new(), is_whole: true });
        }
        let billed = self.longest_billed(asked, bounds);
        let seconds = billed.and_then(|billed| self.granted(asked, billed));
        let (Some(billed), Some(seconds)) = (billed, seconds) else {
            return Err(self.refusal(asked));
        };
        let included =
            self.pools.minutes_for(self.of_pools, self.rate.country, billed, |number| self.taken(number));
        let minutes = included.iter().map(|included| included.minutes).sum();
        let amount = self.rate.charge(billed, minutes, self.account.currency);
        let minutes = included
            .into_iter()
            .map(|included| HeldMinutes { number: included.number, minutes: included.minutes })
            .collect();
        Ok(Grant { seconds, amount, minutes, is_whole: billed == longest })
    }

    /// Why the call is not granted what it asks for: funds would not pay for it even if there were no limits, or the limits are
    /// reached.
    fn refusal(&self, asked: u32) -> Refusal {
        let of_funds = Bounds { by_funds: self.account.billing_model.owes(), by_limits: false };
        let of_both = Bounds { by_limits: true, ..of_funds };
        let granted = |bounds| {
            let billed = self.longest_billed(asked, bounds);
            billed.and_then(|billed| self.granted(asked, billed))
        };
        if granted(of_funds) > granted(of_both) { Refusal::LimitReached } else { Refusal::InsufficientFunds }
    }

    /// What is granted of a duration that is paid for: less the margin, and at least a second.
    fn granted(&self, asked: u32, billed: u64) -> Option<u32> {
        let without_margin = billed.checked_sub(self.account.limits.margin_seconds.into())?;
        let seconds = u32::try_from(without_margin).unwrap_or(u32::MAX).min(asked);
        (seconds > 0).then_some(seconds)
    }

    /// The minutes of a pool that calls have used or other holds hold.
    fn taken(&self, number: u16) -> u64 {
        let month = self.of_pools.month;
        minutes_used(&self.account.pool_use, number, month) + self.held.minutes(month, number, self.now)
    }

    /// The longest billed duration that is paid for, up to what is asked, rounded up to an increment. The price does not fall and
    /// the funds do not rise with the duration, so the durations that are paid for come before all others.
    fn longest_billed(&self, asked: u32, bounds: Bounds) -> Option<u64> {
        let longest = self.rate.billed_seconds(asked);
        let (first, next) = (u64::from(self.rate.first_increment), u64::from(self.rate.next_increment));
        let free =
            self.pools.minutes_for(self.of_pools, self.rate.country, longest, |number| self.taken(number));
        let free: u64 = free.iter().map(|included| included.minutes).sum();
        let held = self.held.amount(self.account.currency, self.now);
        let is_paid = |steps: u64| {
            let billed = first + steps * next;
            let price = self.rate.charge(billed, free.min(billed.div_ceil(60)), self.account.currency);
            price.is_zero() || self.budget(billed, held, bounds).is_none_or(|budget| price <= budget)
        };
        // The number of increments after the first one that are paid for lies in `0..end`.
        let (mut paid, mut end) = (None, (longest - first) / next + 1);
        while paid.map_or(0, |paid| paid + 1) < end {
            let begin = paid.map_or(0, |paid| paid + 1);
            let middle = begin + (end - begin) / 2;
            if is_paid(middle) {
                paid = Some(middle);
            } else {
                end = middle;
            }
        }
        paid.map(|steps| first + steps * next)
    }

    /// What may be spent on a call of this duration; `None` if nothing bounds it.
    fn budget(&self, billed: u64, held: Money, bounds: Bounds) -> Option<Money> {
        let limits = &self.account.limits;
        let funds = bounds.by_funds.then(|| {
            let seconds = i64::try_from(billed).expect("a call lasts at most some days");
            self.account.spendable_until(self.start + SignedDuration::from_secs(seconds), held)
        });
        let of_day = limits.per_day.map(|day| day.limit.amount - day.spent_on(self.now) - held);
        let of_user = limits.per_user_monthly.zip(self.spending).map(|(limit, spent)| limit.amount - spent);
        let of_limits = of_day.into_iter().chain(of_user).filter(|_| bounds.by_limits);
        funds.into_iter().chain(of_limits).reduce(Money::min)
    }
}
