//! A draft: an account while a decision on it is being made. Every change to money goes through a draft, so each balance
//! follows from the entry before, and the rules about lots are in one place.

use jiff::Timestamp;

use crate::account::{Account, BillingModel, DayEnd, OpenPayment, PostUsage};
use crate::card_payment::{CardPayment, LEASE};
use crate::change::{Change, Decision};
use crate::event::{EventDetails, NewValues, PoolShare, Setting};
use crate::hold::{Hold, HoldChange, HoldKey};
use crate::id::{Fingerprint, LotId};
use crate::invoice::{self, ClosedMonth, UnpaidInvoice};
use crate::journal::{EntryDetails, JournalEntry, Lasting};
use crate::journal_key::JournalKey;
use crate::limits::{DayLimit, SpendingChange, UserSpending};
use crate::lot::{Began, Draw, Lot};
use crate::money::Money;
use crate::movements::Movements;
use crate::payment::Payment;
use crate::pool::{IncludedMinutes, PoolUse, Pools, share_reached, share_to_tell};
use crate::profile::{Author, LastChange, Profile};
use crate::recharge::state::STILL_LOW_AFTER;
use crate::time::{Month, day_of};

/// An account while a decision on it is being made.
#[derive(Debug)]
pub struct Draft {
    change: Change,
    now: Timestamp,
    /// The instant of the account's last change before this one.
    changed_before: Timestamp,
    last_balance: Money,
}

impl Draft {
    /// Begins on an account as read. *Now* is never earlier than the account's last change (T1), and the
    /// first change after a month's end closes that month (S8).
    pub fn on(account: &Account, now: Timestamp) -> Self {
        let now = now.max(account.as_of);
        let day_end = DayEnd::before(account, now);
        let changed_before = account.as_of;
        let movements = match &day_end {
            Some(_) => Some(Movements::none(account.currency)),
            None => account.movements,
        };
        let account = Account { version: account.version + 1, as_of: now, movements, ..account.clone() };
        let last_balance = account.balance();
        let change = Change { day_end, ..Change::of(account) };
        let mut draft = Self { change, now, changed_before, last_balance };
        draft.close_past_month();
        draft.change.account.held.forget_lapsed(now);
        let last_month = Month::of(now).previous();
        draft.change.account.pool_use.retain(|used| used.month >= last_month);
        draft
    }

    /// The instant of this commit.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The account so far.
    pub fn account(&self) -> &Account {
        &self.change.account
    }

    /// The account so far. Money is changed by the other methods alone.
    pub fn account_mut(&mut self) -> &mut Account {
        &mut self.change.account
    }

    /// The items that its commit has so far: see [`Change::items`].
    pub fn items(&self) -> usize {
        self.change.items()
    }

    /// Adds funds. They repay what is owed first (F7); a lot that is used up by that is not kept.
    pub fn add_lot(&mut self, id: LotId, purchased_at: Timestamp, expires_at: Timestamp, amount: Money) {
        assert!(amount.is_positive(), "funds are more than zero");
        let mut lot = Lot::new(id, purchased_at, expires_at, amount, self.now);
        lot.remaining -= self.repay(amount);
        if lot.remaining.is_positive() {
            self.insert_lot(lot);
        }
    }

    fn insert_lot(&mut self, lot: Lot) {
        let lots = &mut self.change.account.lots;
        let place = lots.partition_point(|other| (other.expires_at, &other.id) <= (lot.expires_at, &lot.id));
        lots.insert(place, lot);
    }

    /// Returns what a draw took to its lot, which may have been emptied since.
    pub(crate) fn return_to_lot(&mut self, draw: &Draw, began: Began) {
        let lot = self.change.account.lots.iter_mut().find(|lot| lot.id == draw.lot);
        if let Some(lot) = lot {
            lot.remaining += draw.amount;
            return;
        }
        let Began { purchased_at, amount } = began;
        let lot = Lot::new(draw.lot.clone(), purchased_at, draw.expires_at, amount, self.now);
        self.insert_lot(Lot { remaining: draw.amount, ..lot });
    }

    /// Takes funds out of a lot that has them.
    pub(crate) fn take_from_lot(&mut self, id: &LotId, amount: Money) {
        let lots = &mut self.change.account.lots;
        let lot = lots.iter_mut().find(|lot| lot.id == *id).expect("the caller found the lot here");
        lot.remaining -= amount;
        lots.retain(|lot| lot.remaining.is_positive());
    }

    /// Draws up to `amount` from lots that are usable at `usable_at`, oldest expiry first (S1). Returns the draws, and the rest
    /// that no lot covered.
    pub(crate) fn draw(&mut self, amount: Money, usable_at: Timestamp) -> (Vec<Draw>, Money) {
        let mut uncovered = amount;
        let mut draws = Vec::new();
        for lot in &mut self.change.account.lots {
            if !uncovered.is_positive() {
                break;
            }
            if lot.usable_at(usable_at) {
                let taken = lot.remaining.min(uncovered);
                lot.remaining -= taken;
                uncovered -= taken;
                let (lot, expires_at, began) = (lot.id.clone(), lot.expires_at, Some(lot.began()));
                draws.push(Draw { lot, amount: taken, expires_at, began });
            }
        }
        self.change.account.lots.retain(|lot| lot.remaining.is_positive());
        (draws, uncovered)
    }

    /// Draws up to `amount` from one lot. Returns the draw, if the lot has funds, and the rest.
    pub(crate) fn draw_on(&mut self, id: &LotId, amount: Money) -> (Vec<Draw>, Money) {
        let lot = self.change.account.lots.iter().find(|lot| lot.id == *id);
        let Some(lot) = lot.filter(|_| amount.is_positive()) else { return (Vec::new(), amount) };
        let taken = lot.remaining.min(amount);
        let draw =
            Draw { lot: id.clone(), amount: taken, expires_at: lot.expires_at, began: Some(lot.began()) };
        self.take_from_lot(id, taken);
        (vec![draw], amount - taken)
    }

    /// Adds to what is owed.
    pub(crate) fn owe(&mut self, amount: Money) {
        self.change.account.owed += amount;
    }

    /// Takes from what is owed, as far as it goes, and returns how much it took (F7).
    pub(crate) fn repay(&mut self, amount: Money) -> Money {
        let repaid = amount.min(self.change.account.owed);
        self.change.account.owed -= repaid;
        repaid
    }

    /// Adds to what the next invoice asks for, or takes from it (S8).
    pub(crate) fn leave_to_invoice(&mut self, amount: Money) {
        self.change.account.post_usage.amount += amount;
    }

    /// Counts the minutes that pools gave to a call of a month, and adds the event if 80 % or all of a pool is used (S7, N8).
    pub(crate) fn use_minutes(&mut self, pools: &Pools, month: Month, included: &[IncludedMinutes]) {
        for IncludedMinutes { number, minutes, .. } in included {
            let used = self.pool_use(*number, month);
            used.minutes += minutes;
            let pool =
                pools.list.iter().find(|pool| pool.number == *number).expect("the pool gave the minutes");
            let size = pool.size_in(month);
            if let Some(share) = share_to_tell(used, size) {
                used.told = share;
                let used = used.minutes;
                self.tell_of_pool(PoolShare { pool: pool.id.clone(), month, share, used, size });
            }
        }
    }

    /// Lets people be told again of shares that the use of these pools, as they are now, has not reached (N8).
    pub(crate) fn tell_anew_of_pools(&mut self, pools: &Pools) {
        for used in &mut self.change.account.pool_use {
            if let Some(pool) = pools.list.iter().find(|pool| pool.number == used.number) {
                used.told = used.told.min(share_reached(used.minutes, pool.size_in(used.month)));
            }
        }
    }

    /// Adds the event of a pool's use. It replaces the commit's event of a smaller share of the same pool.
    fn tell_of_pool(&mut self, told: PoolShare) {
        let is_of_pool = |event: &EventDetails| matches!(event, EventDetails::PoolUsed(other) if (&other.pool, other.month) == (&told.pool, told.month));
        match self.change.events.iter().position(is_of_pool) {
            Some(place) => self.change.events[place] = EventDetails::PoolUsed(told),
            None => self.add_event(EventDetails::PoolUsed(told)),
        }
    }

    /// Gives minutes of a month back to their pools. Returns the minutes that it gave back: those of this month and of last
    /// month (S11).
    pub(crate) fn return_minutes(
        &mut self,
        month: Month,
        included: &[IncludedMinutes],
    ) -> Vec<IncludedMinutes> {
        if month < Month::of(self.now).previous() {
            return Vec::new();
        }
        for IncludedMinutes { number, minutes, .. } in included {
            let used = self.pool_use(*number, month);
            used.minutes =
                used.minutes.checked_sub(*minutes).expect("the call's minutes are in the pool's use");
        }
        included.to_vec()
    }

    fn pool_use(&mut self, number: u16, month: Month) -> &mut PoolUse {
        let list = &mut self.change.account.pool_use;
        let place = list.partition_point(|used| (used.month, used.number) < (month, number));
        if list.get(place).is_none_or(|used| (used.month, used.number) != (month, number)) {
            list.insert(place, PoolUse { month, number, minutes: 0, told: 0 });
        }
        &mut list[place]
    }

    /// Takes a hold, in place of an earlier one of the same leg if there is one (C1, C4).
    pub(crate) fn hold(&mut self, mut hold: Hold, earlier: Option<&Hold>) {
        hold.version = self.change.account.version;
        if let Some(earlier) = earlier {
            self.change.account.held.remove(earlier);
            self.hold_for_user(earlier, -earlier.amount);
        }
        self.change.account.held.add(&hold);
        self.hold_for_user(&hold, hold.amount);
        self.change.holds.push(match earlier {
            Some(earlier) => HoldChange::Instead(hold, earlier.version),
            None => HoldChange::New(hold),
        });
    }

    /// Forgets what was held for the user of a hold until instants that are over.
    pub(crate) fn forget_lapsed(&mut self, hold: &Hold, spending: &UserSpending) {
        let now = self.now;
        if let (Some(user_id), Some(since)) = (&hold.user_id, hold.counts_since) {
            let lapsed = spending.held.iter().filter(|(lapses_at, _)| *lapses_at <= now);
            self.spending_of(user_id).lapsed = lapsed.map(|(lapses_at, _)| (*lapses_at, since)).collect();
        }
    }

    /// Ends a hold, unless it is over or this commit ends it already.
    pub(crate) fn end_hold(&mut self, hold: &Hold) {
        if self.can_end(hold) {
            self.change.account.held.remove(hold);
            self.hold_for_user(hold, -hold.amount);
            self.change.holds.push(HoldChange::Gone(hold.clone()));
        }
    }

    /// Whether a hold lives, and this commit does not end it already.
    pub(crate) fn can_end(&self, hold: &Hold) -> bool {
        hold.lives_at(self.now) && !self.ends(&hold.key())
    }

    fn ends(&self, key: &HoldKey) -> bool {
        self.change.holds.iter().any(|change| change.hold().key() == *key)
    }

    fn hold_for_user(&mut self, hold: &Hold, amount: Money) {
        if let (Some(user_id), Some(since)) = (&hold.user_id, hold.counts_since) {
            self.spending_of(user_id).held.push((hold.lapses_at, since, amount));
        }
    }

    /// Counts a charge of a user towards the limits, or takes off one that was posted at this instant (C2).
    pub(crate) fn count_charge(&mut self, user_id: Option<&str>, charge: Money, posted_at: Timestamp) {
        let now = self.now;
        if let Some(DayLimit { limit, day, spent }) = &mut self.change.account.limits.per_day
            && posted_at >= limit.since
            && day_of(posted_at) == day_of(now)
        {
            let before = if *day == day_of(now) { *spent } else { Money::zero(charge.currency()) };
            (*day, *spent) = (day_of(now), before + charge);
        }
        if let (Some(user_id), Some(since)) = (user_id, self.counts_charge_since(charge, posted_at)) {
            self.spending_of(user_id).spent.push((Month::of(now), since, charge));
        }
    }

    /// If the limit of users counts a charge: the instant at which that limit was set.
    fn counts_charge_since(&self, charge: Money, posted_at: Timestamp) -> Option<Timestamp> {
        let limit = self.change.account.limits.per_user_monthly?;
        let counts = posted_at >= limit.since && Month::of(posted_at) == Month::of(self.now);
        (counts && !charge.is_zero()).then_some(limit.since)
    }

    /// The further items of a charge that was posted at this instant: its user's spending, and the hold that it ends with that of the
    /// hold's user.
    pub(crate) fn items_of_charge(
        &self,
        user_id: Option<&str>,
        charge: Money,
        posted_at: Timestamp,
        hold: Option<&Hold>,
    ) -> usize {
        let hold = hold.filter(|hold| self.can_end(hold));
        let charged = user_id.filter(|_| self.counts_charge_since(charge, posted_at).is_some());
        let holding =
            hold.filter(|hold| hold.counts_since.is_some()).and_then(|hold| hold.user_id.as_deref());
        let is_new = |user_id: &str| self.change.spending.iter().all(|change| change.user_id != user_id);
        let users = usize::from(charged.is_some_and(is_new))
            + usize::from(holding.is_some_and(|user_id| is_new(user_id) && charged != Some(user_id)));
        usize::from(hold.is_some()) + users
    }

    fn spending_of(&mut self, user_id: &str) -> &mut SpendingChange {
        let list = &mut self.change.spending;
        let place = list.iter().position(|change| change.user_id == user_id).unwrap_or_else(|| {
            list.push(SpendingChange {
                user_id: user_id.to_owned(),
                spent: Vec::new(),
                held: Vec::new(),
                lapsed: Vec::new(),
            });
            list.len() - 1
        });
        &mut list[place]
    }

    /// Removes a lot, to book its unused funds.
    pub fn remove_lot(&mut self, id: &LotId) -> Lot {
        let place = self
            .change
            .account
            .lots
            .iter()
            .position(|lot| lot.id == *id)
            .expect("the caller found the lot here");
        self.change.account.lots.remove(place)
    }

    /// Adds a journal entry. The account has the entry's effect already, and the balance must follow from the entry
    /// before (invariant 1).
    pub fn post(&mut self, entry: NewEntry) {
        let balance = self.change.account.balance();
        assert_eq!(self.last_balance + entry.amount, balance, "the balance follows from the row before");
        self.last_balance = balance;
        let movements = &mut self.change.account.movements;
        *movements = movements.and_then(|movements| movements.with(&entry.details, entry.amount));
        if let Some(record) = entry.details.record() {
            let Account { changed_days, version, .. } = &mut self.change.account;
            changed_days.add(day_of(record.started_at), *version);
        }
        self.change.entries.push(JournalEntry {
            key: entry.key,
            at: entry.at,
            posted_at: self.now,
            amount: entry.amount,
            balance,
            version: self.change.account.version,
            sequence: u32::try_from(self.change.entries.len()).expect("a commit has at most 100 rows"),
            draws: entry.draws,
            post_usage: entry.post_usage,
            fingerprint: entry.fingerprint,
            requires: entry.requires,
            unmarks: entry.unmarks,
            lasting: None,
            details: entry.details,
        });
    }

    /// Adds an event.
    pub fn add_event(&mut self, event: EventDetails) {
        self.change.events.push(event);
    }

    /// Adds an event and keeps it with the latest journal entry, so that it can be published again.
    pub fn add_lasting_event(&mut self, event: EventDetails) {
        let number = u32::try_from(self.change.events.len()).expect("a commit has few events");
        let row = self.change.entries.last_mut().expect("a row was posted");
        row.lasting = Some(Lasting { number, details: event.clone() });
        self.change.events.push(event);
    }

    /// Opens a card payment: writes it, and lists it as open on the account. Its lease runs from `begins_at`, the instant at
    /// which its attempt begins.
    pub(crate) fn open_payment(&mut self, payment: CardPayment, begins_at: Timestamp) {
        self.change.account.open_payments.push(OpenPayment {
            id: payment.id.clone(),
            kind: payment.kind,
            recover_at: begins_at + LEASE,
            withdrawn: false,
            recharge_amounts: payment.recharge_amounts.unwrap_or_default(),
        });
        self.set_payment(payment);
    }

    /// Ends the draft with a card payment in its next state.
    pub(crate) fn finish_payment(mut self, payment: CardPayment) -> Decision<CardPayment> {
        self.set_payment(payment.clone());
        self.finish(payment)
    }

    /// Writes this payment with the commit.
    pub fn set_payment(&mut self, payment: impl Into<Payment>) {
        self.change.payment = Some(payment.into());
    }

    /// Writes this profile with the commit.
    pub fn set_profile(&mut self, profile: Profile) {
        self.change.profile = Some(profile);
    }

    /// Adds the event of changed settings (N9), and writes the profile as it is after the change, with its author.
    pub(crate) fn change_settings(
        &mut self,
        fields: Vec<Setting>,
        by: &Author,
        before: &Profile,
        mut after: Profile,
        new: NewValues,
    ) {
        let last = LastChange { at: self.now, by: by.clone() };
        after.last_changes.extend(fields.iter().map(|setting| (setting.group(), last.clone())));
        let missing_in = |there: &Profile, here: &Profile| {
            let emails = here.notification_emails.iter();
            emails.filter(|email| !there.notification_emails.contains(email)).cloned().collect::<Vec<_>>()
        };
        self.add_event(EventDetails::SettingsChanged {
            fields,
            by: by.subject.clone(),
            added_recipients: missing_in(before, &after),
            removed_recipients: missing_in(&after, before),
            new,
        });
        self.set_profile(after);
    }

    /// Whether its commit has an event, as it stands.
    pub fn has_event(&self) -> bool {
        !self.change.events.is_empty()
            || self.is_newly_depleted()
            || self.is_newly_low()
            || self.wants_recharge()
    }

    fn is_newly_depleted(&self) -> bool {
        !self.account().depletion_told && !self.available().is_positive()
    }

    /// Whether the available balance is at the warning amount or below, and nobody was told.
    fn is_newly_low(&self) -> bool {
        let available = self.available();
        self.account().warning.as_ref().is_some_and(|warning| !warning.told && available <= warning.amount)
    }

    fn wants_recharge(&self) -> bool {
        self.account().recharge.wanted(self.available(), self.now)
    }

    fn available(&self) -> Money {
        self.account().available(self.now)
    }

    /// Ends the draft. Every change may have turned auto-recharge off, which completes a switch (S8), and may have moved the
    /// available balance, so the events that follow from it are added here (T2).
    pub fn finish<T>(mut self, answer: T) -> Decision<T> {
        self.complete_switch();
        self.tell_of_crossings();
        self.tell_of_shortfall();
        assert_eq!(self.change.account.unsound(), None, "a decision leaves the account sound");
        Decision { change: Some(self.change), answer }
    }

    /// Completes a switch to paying after use once auto-recharge is off, whatever turned it off: what is owed becomes
    /// post-usage (S8).
    fn complete_switch(&mut self) {
        let account = &mut self.change.account;
        if account.billing_model != BillingModel::Switching || account.recharge.enabled() {
            return;
        }
        let owed = account.owed;
        account.billing_model = BillingModel::PostUsage;
        account.owed = Money::zero(account.currency);
        account.post_usage.amount += owed;
        let version_before = account.version - 1;
        if owed.is_positive() {
            self.post(NewEntry {
                key: JournalKey::switch(self.changed_before, version_before),
                at: self.changed_before,
                amount: owed,
                draws: Vec::new(),
                post_usage: owed,
                fingerprint: Fingerprint::of(["switch"]),
                requires: None,
                unmarks: None,
                details: EntryDetails::Switch,
            });
        }
        let funds = self.available();
        self.add_event(EventDetails::SwitchCompleted { owed, funds });
    }

    /// Adds the event of a crossing to zero or below (N3), and to the warning amount or below (N4): once, until the available
    /// balance is above again. A balance of less than one minor unit does not arm N3 again.
    fn tell_of_crossings(&mut self) {
        let available = self.available();
        if self.is_newly_depleted() {
            self.change.account.depletion_told = true;
            self.add_event(EventDetails::BalanceDepleted { available });
        } else if available.is_positive() {
            self.change.account.depletion_told &= !available.reaches_minor_unit();
        }
        let newly_low = self.is_newly_low();
        let Some(warning) = &mut self.change.account.warning else { return };
        warning.told = available <= warning.amount;
        if newly_low {
            let amount = warning.amount;
            self.add_event(EventDetails::BalanceWarning { available, amount });
        }
    }

    /// Adds `BalanceLow` if the account is low with no charge open (R2). The first such commit makes the account due as well, in
    /// case the event is lost.
    fn tell_of_shortfall(&mut self) {
        if self.wants_recharge() {
            let available = self.available();
            self.change.account.recharge.look_at.get_or_insert(self.now + STILL_LOW_AFTER);
            self.add_event(EventDetails::BalanceLow { available });
        } else {
            self.change.account.recharge.look_at = None;
        }
    }

    /// Closes the account's month if it is over. Its total becomes an invoice, unless it rounds to zero or less: then all of it is
    /// carried over (S8). Reversals may leave less than nothing.
    fn close_past_month(&mut self) {
        let now = self.now;
        let account = &mut self.change.account;
        let PostUsage { month, amount: total, carried: carried_in } = account.post_usage;
        let this_month = Month::of(now);
        if this_month == month {
            return;
        }
        let Some(amount) = invoice::amount_of(total) else {
            account.post_usage = PostUsage { month: this_month, amount: total, carried: total };
            return;
        };
        let carried_over = total - amount;
        account.post_usage = PostUsage { month: this_month, amount: carried_over, carried: carried_over };
        account.invoices += 1;
        let closed = ClosedMonth {
            month,
            number: account.invoices,
            issued_at: now,
            due_at: invoice::due_at(now, account.payment_term_days),
            carried_in,
            charges: total - carried_in,
            amount,
            carried_over,
        };
        account.unpaid.push(UnpaidInvoice::of(&closed));
        self.post(NewEntry {
            key: JournalKey::invoice(month),
            at: month.end(),
            amount: Money::zero(amount.currency()),
            draws: Vec::new(),
            post_usage: -amount,
            fingerprint: Fingerprint::of([month.to_string().as_str()]),
            requires: None,
            unmarks: None,
            details: EntryDetails::Invoice { month, number: Some(closed.number) },
        });
        self.add_lasting_event(EventDetails::InvoiceIssued {
            invoice_id: closed.invoice_id(),
            number: closed.number,
            month,
            amount,
            due_at: closed.due_at,
        });
        self.change.closed = Some(closed);
    }
}

/// The parts of a journal entry that its maker gives. The draft adds balance, version and sequence.
#[derive(Debug)]
pub struct NewEntry {
    /// Its key.
    pub key: JournalKey,
    /// When it happened.
    pub at: Timestamp,
    /// Its effect on the balance.
    pub amount: Money,
    /// Its draws on lots.
    pub draws: Vec<Draw>,
    /// The part that the next invoice asks for.
    pub post_usage: Money,
    /// Tells a repeat from a conflict (S2).
    pub fingerprint: Fingerprint,
    /// An entry that must exist.
    pub requires: Option<JournalKey>,
    /// An unrated entry whose marker goes.
    pub unmarks: Option<JournalKey>,
    /// The details of its kind.
    pub details: EntryDetails,
}
