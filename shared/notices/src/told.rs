//! The parts that each language puts into words. Parts that are the same in every language are in [`crate::mail`].

use domain::event::{PoolShare, UnusedFunds};
use domain::profile::Author;
use domain::recharge::{Limit, State};
use domain::time::Month;
use domain::{BillingModel, Money};
use jiff::Timestamp;

use crate::notice::{Changed, Claim, Decided, Notice, Reader};

/// The values that the words refer to.
pub(crate) struct Told<'a> {
    /// The notice.
    pub notice: Notice<'a>,
    /// When it happened.
    pub at: Timestamp,
    /// The organization's name.
    pub name: &'a str,
    /// How it pays.
    pub billing: BillingModel,
    /// The state of auto-recharge.
    pub recharge: State,
    /// The reader.
    pub reader: Reader,
}

/// The words of one mail.
pub(crate) struct Words {
    /// Also the beginning of the subject.
    pub heading: String,
    /// A sentence a line, an empty line between paragraphs.
    pub body: String,
    /// The text of the link.
    pub button: &'static str,
}

/// Heading, body and button of a mail.
pub(crate) type Parts = (String, String, &'static str);

/// The texts of a language: one for each kind of notice.
pub(crate) trait Texts {
    fn recharged(&self, name: &str, amount: Money, times: Option<u32>, expires_at: Timestamp) -> Parts;
    fn purchased(&self, name: &str, amount: Money, expires_at: Timestamp) -> Parts;
    fn recharge_failed(&self, name: &str, amount: Money, reason: &str, retry_at: Timestamp) -> Parts;
    fn needs_action(&self, name: &str, amount: Money) -> Parts;
    fn depleted(&self, told: &Told<'_>, available: Money) -> Parts;
    fn warning(&self, told: &Told<'_>, available: Money) -> Parts;
    fn expiring(&self, told: &Told<'_>, amount: Money, lots: &[UnusedFunds]) -> Parts;
    fn expired(&self, name: &str, amount: Money, lots: &[UnusedFunds]) -> Parts;
    fn switch_pending(&self, name: &str) -> Parts;
    fn switch_completed(&self, name: &str, owed: Money, funds: Money) -> Parts;
    fn invoice_issued(&self, name: &str, claim: Claim) -> Parts;
    fn invoice_overdue(&self, told: &Told<'_>, claim: Claim) -> Parts;
    fn refunded(&self, told: &Told<'_>, amount: Money, beyond_lot: Option<Money>, paused: bool) -> Parts;
    fn refund_returned(&self, name: &str, amount: Money, credit_note: Option<u64>, paused: bool) -> Parts;
    fn dispute_opened(&self, name: &str, amount: Money, frozen: Money, paused: bool) -> Parts;
    fn dispute_ended(&self, told: &Told<'_>, decided: Decided<'_>) -> Parts;
    fn card_expiring(&self, name: &str, month: Month) -> Parts;
    fn pool_used(&self, told: &Told<'_>, share: &PoolShare) -> Parts;
    fn settings_changed(&self, told: &Told<'_>, changed: Changed) -> Parts;
    fn cards_followed(&self, name: &str, has_card: bool) -> Parts;
    fn paused(&self, name: &str) -> Parts;
    fn limited(&self, name: &str, why: Limit, until: Timestamp) -> Parts;
    fn stopped(&self, name: &str, reason: &str) -> Parts;

    /// The text of a mail.
    fn words(&self, told: &Told<'_>) -> Words {
        let name = told.name;
        let (heading, body, button) = match told.notice {
            Notice::FundsAdded { by_recharge: true, amount, expires_at, times, .. } => {
                self.recharged(name, amount, times, expires_at)
            }
            Notice::FundsAdded { by_recharge: false, amount, expires_at, .. } => {
                self.purchased(name, amount, expires_at)
            }
            Notice::RechargeFailed { amount, reason, retry_at, .. } => {
                self.recharge_failed(name, amount, reason, retry_at)
            }
            Notice::RechargeNeedsAction { amount, .. } => self.needs_action(name, amount),
            Notice::BalanceDepleted { available } => self.depleted(told, available),
            Notice::BalanceWarning { available, .. } => self.warning(told, available),
            Notice::FundsExpiring { amount, lots } => self.expiring(told, amount, lots),
            Notice::FundsExpired { amount, lots } => self.expired(name, amount, lots),
            Notice::FundsRefunded { amount, beyond_lot, recharge_paused, .. } => {
                self.refunded(told, amount, beyond_lot, recharge_paused)
            }
            Notice::RefundReturned { amount, credit_note_number, recharge_paused, .. } => {
                self.refund_returned(name, amount, credit_note_number, recharge_paused)
            }
            Notice::DisputeOpened { amount, frozen, recharge_paused, .. } => {
                self.dispute_opened(name, amount, frozen, recharge_paused)
            }
            Notice::DisputeEnded(decided) => self.dispute_ended(told, decided),
            Notice::CardExpiring(month) => self.card_expiring(name, month),
            Notice::PoolUsed(share) => self.pool_used(told, share),
            Notice::SwitchPending => self.switch_pending(name),
            Notice::SwitchCompleted { owed, funds } => self.switch_completed(name, owed, funds),
            Notice::InvoiceIssued(claim) => self.invoice_issued(name, claim),
            Notice::InvoiceOverdue(claim) => self.invoice_overdue(told, claim),
            Notice::SettingsChanged { by: Author::CARD_PROCESSOR, new, .. } => {
                let has_card = new.payment_method.as_ref().is_some_and(|cards| cards.card.is_some());
                self.cards_followed(name, has_card)
            }
            Notice::SettingsChanged { changed, .. } => self.settings_changed(told, changed),
            Notice::RechargePaused => self.paused(name),
            Notice::RechargeLimited { why, until } => self.limited(name, why, until),
            Notice::RechargeStopped { reason, .. } => self.stopped(name, reason),
        };
        Words { heading, body, button }
    }
}

/// How many recharge amounts a recharge is, and the recharge amount; none where it is not known that it is several.
pub(crate) fn parts_of(amount: Money, times: Option<u32>) -> Option<(u32, Money)> {
    let times = times?;
    let part = amount.amount().checked_div(times.into())?;
    Some((times, Money::in_minor_units(part, amount.currency()).ok()?))
}

/// When the first of these lots expires, and the last.
pub(crate) fn first_and_last(lots: &[UnusedFunds]) -> (Timestamp, Timestamp) {
    let expiries = || lots.iter().map(|lot| lot.expires_at);
    let bounds = expiries().min().zip(expiries().max());
    bounds.expect("what expires is at least one lot")
}
