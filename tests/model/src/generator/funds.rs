//! Random purchases, recharges and adjustments.

use jiff::{SignedDuration, Timestamp};
use rust_decimal::{Decimal, RoundingStrategy};

use super::Generator;
use crate::funds::Lot;
use crate::{Billing, Step};

impl Generator {
    /// F2's default limits allow these amounts.
    pub(super) fn buy(&mut self) {
        let id = format!("purchase-{}", self.new_number());
        let amount = self.minor(5_000, 15_000);
        self.emit_funds(Step::Buy { id, amount });
        if self.random.chance(20) {
            self.auto_recharge();
        }
    }

    /// A recharge of the wanted amount. If none is wanted, the need went away while the payment was open.
    pub(super) fn recharge(&mut self) {
        let id = format!("recharge-{}", self.new_number());
        let usual = self.minor(5_000, 15_000);
        let amount = self.model.snapshot(self.now).recharge_wanted.unwrap_or(usual);
        self.emit_funds(Step::Recharge { id, amount });
    }

    /// A small lot, often of a short life.
    pub(super) fn add_funds(&mut self) {
        let id = format!("adjustment-{}", self.new_number());
        let amount = self.minor(50, 2_000);
        let expires_at = self.expiry();
        self.emit_funds(Step::Adjust { id, amount, expires_at, allow_negative: false });
    }

    fn expiry(&mut self) -> Option<Timestamp> {
        // A driver maps the ids of lots that come from reversals and recharges, so their place among lots that expire together is open.
        let has_own_id = |lot: &Lot| !lot.id.starts_with("rev:") && !lot.id.starts_with("recharge-");
        let lots = self.model.lots.iter().filter(|lot| lot.is_live(self.now) && has_own_id(lot));
        let live: Vec<Timestamp> = lots.map(|lot| lot.expires_at).collect();
        if !live.is_empty() && self.random.chance(15) {
            let another_lots_expiry = *self.random.pick(&live);
            // The second that passes before the step must not be the lot's last.
            return (another_lots_expiry > self.now + SignedDuration::from_secs(1))
                .then_some(another_lots_expiry);
        }
        let seconds = self.random.weighted(&[(35, None), (25, Some(86_400)), (40, Some(20 * 86_400))])?;
        Some(self.now + SignedDuration::from_secs(self.random.between(600, seconds)))
    }

    /// A negative adjustment of about the available balance, with and without leave to exceed it.
    pub(super) fn take_funds(&mut self) {
        let id = format!("adjustment-{}", self.new_number());
        let available = self.model.available(self.now);
        let all = available.round_dp_with_strategy(self.currency.minor_digits(), RoundingStrategy::ToZero);
        let amount = match self.random.between(1, 4) {
            1 if all > Decimal::ZERO => all,
            2 if all > Decimal::ZERO => all + self.minor(1, 500),
            _ => self.minor(10, 1_500),
        };
        let allow_negative = self.random.chance(40);
        self.emit_funds(Step::Adjust { id, amount: -amount, expires_at: None, allow_negative });
    }

    /// The same id again, with the same content or with another.
    pub(super) fn repeat_funds(&mut self) {
        if self.funds_steps.is_empty() {
            return self.add_funds();
        }
        let mut step = self.random.pick(&self.funds_steps).clone();
        if self.random.chance(40)
            && let Step::Buy { amount, .. } | Step::Recharge { amount, .. } | Step::Adjust { amount, .. } =
                &mut step
        {
            *amount += self.minor(1, 100);
        }
        self.a_second_later();
        self.emit(step);
    }

    pub(super) fn auto_recharge(&mut self) {
        if self.model.billing != Billing::PostUsage && self.random.chance(30) {
            return self.emit(Step::TurnOff);
        }
        let mut trigger = self.minor(5_000, 8_000);
        let mut amount = self.minor(5_000, 10_000);
        let available = self.model.available(self.now);
        let missing = trigger - available;
        if self.random.chance(80) && self.obeys_limits(available) {
            trigger = available;
        } else if self.random.chance(60) && self.obeys_limits(missing) {
            // This amount lifts the balance to the trigger, and not above it.
            amount = missing;
        }
        self.emit(Step::SetAutoRecharge { trigger, amount });
    }

    /// S8: most often while auto-recharge is on, and once the account has used what it had.
    pub(super) fn switch(&mut self) {
        if self.random.chance(60) {
            self.auto_recharge();
        }
        self.emit(Step::Switch);
    }

    /// R1: both amounts of auto-recharge are within F2's default limits, and in minor units.
    fn obeys_limits(&self, amount: Decimal) -> bool {
        let minor_digits = self.currency.minor_digits();
        amount >= Decimal::new(5_000, minor_digits) && amount == amount.trunc_with_scale(minor_digits)
    }

    fn emit_funds(&mut self, step: Step) {
        self.a_second_later();
        self.funds_steps.push(step.clone());
        self.emit(step);
    }
}
