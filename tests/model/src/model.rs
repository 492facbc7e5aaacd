//! The account: everything that happened to it, and its visible state.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::{Decimal, RoundingStrategy};

use crate::calls::Usage;
use crate::funds::{Lot, oldest_expiry_first};
use crate::holds::Hold;
use crate::limits::Limits;
use crate::pools::PoolLists;
use crate::{
    Answer, Billing, Currency, Entry, EntryKind, Invoice, LotFunds, Month, OpenMonth, PoolUse, Rate,
    Snapshot, Step,
};

/// One account, as the rules say that it must be.
///
/// Nothing is ever removed: lots without funds, reversed calls and replaced lists of pools stay.
#[derive(Debug, Clone)]
pub struct Model {
    pub(crate) currency: Currency,
    pub(crate) billing: Billing,
    /// T1: *now* is never earlier than this.
    pub(crate) last_change: Timestamp,
    pub(crate) lots: Vec<Lot>,
    pub(crate) owed: Decimal,
    /// S8: collects nothing until the switch is complete.
    pub(crate) open_month: OpenMonth,
    pub(crate) invoices: Vec<Invoice>,
    pub(crate) auto_recharge: Option<AutoRecharge>,
    /// F10: whether there is a card that can be charged.
    pub(crate) has_card: bool,
    pub(crate) rates: Vec<Rate>,
    pub(crate) pool_lists: PoolLists,
    /// Minutes used, by pool id and month.
    pub(crate) pool_minutes: BTreeMap<(String, Month), u64>,
    /// Every usage record that was accepted or kept as unrated, in the order of arrival.
    pub(crate) usage: Vec<Usage>,
    /// Every purchase, recharge and adjustment that was accepted, to recognise a repeat.
    pub(crate) funds_steps: Vec<Step>,
    pub(crate) journal: Vec<Entry>,
    /// C1: every hold that was ever taken, oldest first.
    pub(crate) holds: Vec<Hold>,
    pub(crate) limits: Limits,
    /// The number of the present step. It tells what came first, also within one instant.
    pub(crate) step: u64,
}

/// R1: the settings of auto-recharge.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AutoRecharge {
    trigger: Decimal,
    amount: Decimal,
}

impl Model {
    /// A new account with a card, without funds, pools or rates.
    pub fn open(currency: Currency, billing: Billing, now: Timestamp) -> Self {
        Self {
            currency,
            billing,
            last_change: now,
            lots: Vec::new(),
            owed: Decimal::ZERO,
            open_month: OpenMonth { month: Month::of(now), amount: Decimal::ZERO },
            invoices: Vec::new(),
            auto_recharge: None,
            has_card: true,
            rates: Vec::new(),
            pool_lists: PoolLists::default(),
            pool_minutes: BTreeMap::new(),
            usage: Vec::new(),
            funds_steps: Vec::new(),
            journal: Vec::new(),
            holds: Vec::new(),
            limits: Limits::default(),
            step: 0,
        }
    }

    /// T1: *now* for an event that carries the instant `at`.
    pub fn now(&self, at: Timestamp) -> Timestamp {
        at.max(self.last_change)
    }

    /// Does one step. If `now` is earlier than the account's last change, the step happens at that change (T1).
    pub fn apply(&mut self, now: Timestamp, step: &Step) -> Answer {
        let now = self.now(now);
        self.step += 1;
        match step {
            Step::Buy { id, amount } => self.buy(now, id, *amount, step),
            Step::Recharge { id, amount } => self.recharge(now, id, *amount, step),
            Step::Adjust { id, amount, expires_at, allow_negative } => {
                self.adjust(now, id, *amount, *expires_at, *allow_negative, step)
            }
            Step::SetAutoRecharge { trigger, amount } => self.set_auto_recharge(now, *trigger, *amount),
            Step::TurnOff => self.turn_off(now),
            Step::Switch => self.switch(now),
            Step::SaveCard => self.save_card(now),
            Step::RemoveCard => self.remove_card(now),
            Step::Call(record) => self.call(now, record),
            Step::Reverse(key) => self.reverse(now, &key.normalised()),
            Step::SetPools(pools) => {
                if !self.pool_lists.is_present(pools) {
                    self.begin_change(now);
                    self.pool_lists.set(now, pools.clone());
                }
                Answer::Set
            }
            Step::Publish(rates) => {
                self.rates.clone_from(rates);
                Answer::Set
            }
            Step::RateUnrated => self.rate_unrated(now),
            Step::Sweep => self.sweep(now),
            Step::Authorize(request) => self.authorize(now, request),
            Step::Extend { hold, max_seconds } => self.extend(now, hold, *max_seconds),
            Step::Release(which) => self.release(now, which),
            Step::SetLimits(new) => self.set_limits(now, new),
        }
    }

    /// The visible state of the account at `now`, or at its last change if that is later.
    pub fn snapshot(&self, now: Timestamp) -> Snapshot {
        let now = self.now(now);
        Snapshot {
            balance: self.balance(),
            available: self.available(now),
            owed: self.owed,
            post_usage: (self.billing == Billing::PostUsage).then(|| self.open_month.clone()),
            switch_pending: self.billing == Billing::Switching,
            lots: self.lots_with_funds(),
            pools: self.pool_use(now),
            unrated: self
                .usage
                .iter()
                .filter(|usage| usage.awaits_rate())
                .map(|usage| usage.key.clone())
                .collect(),
            invoices: self.invoices.clone(),
            journal_sum: self.journal.iter().map(|entry| entry.amount).sum(),
            recharge_wanted: self.recharge_wanted(now),
            held: self.live_holds(now).map(|hold| hold.amount).sum(),
            holds: self.holds_seen(now),
            spent_today: self.spent_today(now),
            spent_by_user: self.spent_by_user(now),
        }
    }

    /// Every journal entry, oldest first.
    pub fn journal(&self) -> &[Entry] {
        &self.journal
    }

    /// T2: the lots' unspent funds − the owed amount.
    fn balance(&self) -> Decimal {
        self.lots.iter().map(|lot| lot.remaining).sum::<Decimal>() - self.owed
    }

    /// T2: the balance without lots that have expired.
    pub(crate) fn available(&self, now: Timestamp) -> Decimal {
        self.lots.iter().filter(|lot| lot.is_live(now)).map(|lot| lot.remaining).sum::<Decimal>() - self.owed
    }

    fn lots_with_funds(&self) -> Vec<LotFunds> {
        let mut lots: Vec<&Lot> = self.lots.iter().filter(|lot| lot.remaining > Decimal::ZERO).collect();
        lots.sort_by(|one, other| oldest_expiry_first(one, other));
        let seen = |lot: &Lot| LotFunds {
            id: lot.id.clone(),
            purchased_at: lot.purchased_at,
            expires_at: lot.expires_at,
            amount: lot.amount,
            remaining: lot.remaining,
        };
        lots.into_iter().map(seen).collect()
    }

    fn pool_use(&self, now: Timestamp) -> Vec<PoolUse> {
        let this_month = Month::of(now);
        let mut pools = Vec::new();
        for month in [this_month.previous(), this_month] {
            for (pool, _) in self.pool_lists.in_order() {
                let size = self.pool_lists.size(&pool, month);
                let used = self.pool_minutes_used(&pool, month);
                if size > 0 {
                    pools.push(PoolUse { pool, month, size, used });
                }
            }
        }
        pools.sort_by(|a, b| (a.month, &a.pool).cmp(&(b.month, &b.pool)));
        pools
    }

    pub(crate) fn pool_minutes_used(&self, pool: &str, month: Month) -> u64 {
        self.pool_minutes.get(&(pool.to_owned(), month)).copied().unwrap_or(0)
    }

    /// Every step that changes the account calls this before it changes anything. A step that sets what is set already
    /// changes nothing.
    ///
    /// S8: the first change after a month's end closes the month.
    pub(crate) fn begin_change(&mut self, now: Timestamp) {
        self.last_change = now;
        if self.billing == Billing::PostUsage && self.open_month.month < Month::of(now) {
            self.close_month(now);
        }
    }

    /// S8: invoices the open month, and opens the month of `now` with the amount that rounding carries over.
    fn close_month(&mut self, now: Timestamp) {
        let OpenMonth { month, amount } = self.open_month.clone();
        let minor_digits = self.currency.minor_digits();
        let rounded = amount.round_dp_with_strategy(minor_digits, RoundingStrategy::MidpointAwayFromZero);
        let invoiced = rounded.max(Decimal::ZERO);
        if invoiced > Decimal::ZERO {
            self.invoices.push(Invoice { month, amount: invoiced });
            self.enter(now, now, EntryKind::Invoice, &month.to_string(), Decimal::ZERO);
        }
        self.open_month = OpenMonth { month: Month::of(now), amount: amount - invoiced };
    }

    pub(crate) fn enter(
        &mut self,
        at: Timestamp,
        posted_at: Timestamp,
        kind: EntryKind,
        subject: &str,
        amount: Decimal,
    ) {
        self.journal.push(Entry { at, posted_at, kind, subject: subject.to_owned(), amount });
    }

    /// R1: auto-recharge needs a card. S8: an account whose switch is complete cannot turn it on.
    fn set_auto_recharge(&mut self, now: Timestamp, trigger: Decimal, amount: Decimal) -> Answer {
        if self.billing == Billing::PostUsage || !self.has_card || amount <= Decimal::ZERO {
            return Answer::Refused;
        }
        self.begin_change(now);
        self.auto_recharge = Some(AutoRecharge { trigger, amount });
        Answer::Set
    }

    /// R5.
    fn turn_off(&mut self, now: Timestamp) -> Answer {
        if self.auto_recharge.is_some() {
            self.begin_change(now);
            self.auto_recharge = None;
            self.complete_switch(now);
        }
        Answer::Set
    }

    /// S8: an account that has asked already, or was created this way, stays as it is.
    fn switch(&mut self, now: Timestamp) -> Answer {
        if self.billing == Billing::Prepaid {
            self.begin_change(now);
            self.billing = Billing::Switching;
            self.complete_switch(now);
        }
        Answer::Set
    }

    /// S8: once auto-recharge is off, a pending switch is complete, and what is owed becomes post-usage.
    fn complete_switch(&mut self, now: Timestamp) {
        if self.billing != Billing::Switching || self.auto_recharge.is_some() {
            return;
        }
        self.billing = Billing::PostUsage;
        self.open_month = OpenMonth { month: Month::of(now), amount: self.owed };
        if self.owed > Decimal::ZERO {
            self.enter(now, now, EntryKind::Switch, "", self.owed);
        }
        self.owed = Decimal::ZERO;
    }

    fn save_card(&mut self, now: Timestamp) -> Answer {
        if !self.has_card {
            self.begin_change(now);
            self.has_card = true;
        }
        Answer::Set
    }

    /// F10: without a card, auto-recharge is off.
    fn remove_card(&mut self, now: Timestamp) -> Answer {
        if self.has_card {
            self.begin_change(now);
            self.has_card = false;
            self.auto_recharge = None;
            self.complete_switch(now);
        }
        Answer::Set
    }

    /// R2: at or below the trigger a recharge is wanted. R3: it is the smallest multiple of the recharge amount that
    /// lifts the available balance above the trigger.
    pub(crate) fn recharge_wanted(&self, now: Timestamp) -> Option<Decimal> {
        let AutoRecharge { trigger, amount } = self.auto_recharge?;
        let available = self.available(now);
        if available > trigger {
            return None;
        }
        let mut wanted = amount;
        while available + wanted <= trigger {
            wanted += amount;
        }
        Some(wanted)
    }
}
