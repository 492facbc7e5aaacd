//! Auto-recharge: when what is available falls to the trigger, the card is charged again (R1-R7, F10).
//!
//! One shortfall gives one charge: [`look`] opens a payment only while none is open, on the account's version,
//! so whatever is duplicated, reordered or concurrent finds it open or the shortfall gone. While an account is
//! low with nothing open, each of its commits says so ([`Fact::BalanceLow`]) and it stays due, so that a lost
//! event only delays.
//!
//! ```text
//! off ⇄ armed → charging → armed                        charged
//!                 │  ├───→ waiting → charging            declined: 1 h, 6 h, 24 h, 72 h later
//!                 │  ├───→ stopped                       declined for good, or once too often
//!                 │  └───→ needsAction → armed, stopped  the card wants its owner
//!       armed → limited → armed                          the monthly limit; until the next month
//!       armed → paused                                   too many in a day; until somebody resumes it
//! ```

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::account::{Account, BillingModel, OpenPayment};
use crate::draft::{Decision, Draft};
use crate::fact::{Fact, NewAutoRecharge, NewValues, Setting};
use crate::id::{Fingerprint, PaymentId};
use crate::money::{Currency, Money};
use crate::payment::{ABANDONED, Backup, LEASE, Payment, PaymentKind, PaymentState};
use crate::profile::Profile;
use crate::purchase::{PurchaseLimits, PurchaseRefusal};
use crate::time::{Month, day_of};

/// A failed charge is tried again this long after each attempt; then no more (R4).
pub const RETRY_AFTER: [SignedDuration; 4] = [
    SignedDuration::from_hours(1),
    SignedDuration::from_hours(6),
    SignedDuration::from_hours(24),
    SignedDuration::from_hours(72),
];

/// An account that is low is looked at again this long after it was said, in case nobody heard (R3).
pub const STILL_LOW_AFTER: SignedDuration = SignedDuration::from_mins(10);

/// Where no charge is possible for want of room or because of the operator's limits, it is tried again after
/// this long.
const NO_ROOM_FOR: SignedDuration = SignedDuration::from_hours(24);

/// Declines after which no further try can succeed (R4): the card is lost, stolen or closed.
/// Source: the decline codes at docs.stripe.com/declines/codes.
const HARD_DECLINES: [&str; 5] =
    ["lost_card", "stolen_card", "pickup_card", "invalid_account", "account_closed"];

/// The card wants its owner, who did not confirm: asking again without them is of no use.
pub const AUTHENTICATION_REQUIRED: &str = "authentication_required";

/// What is recharged, and when (R1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amounts {
    /// When what is available is at or below this, …
    pub trigger: Money,
    /// … this is added.
    pub amount: Money,
    /// At most so much in a calendar month (UTC).
    pub monthly_limit: Option<Money>,
}

/// Auto-recharge of an account: its settings, and how far it is (R7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recharge {
    /// Kept while it is off.
    pub amounts: Option<Amounts>,
    /// How far it is.
    pub state: State,
    /// What it charged in a month, for the monthly limit.
    pub charged: Option<(Month, Money)>,
    /// How many recharge amounts it charged in a day, for the operator's limit (R6).
    pub counted: Option<(Date, u32)>,
    /// The last failure, until a charge succeeds.
    pub last_failure: Option<Failure>,
    /// When to look again, should nobody have heard that it is low (R3).
    pub look_at: Option<Timestamp>,
}

/// A charge that was declined.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// When it became known.
    pub at: Timestamp,
    /// Why.
    pub reason: String,
}

/// How far auto-recharge is (R7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Turned off.
    Off,
    /// It charges at the trigger.
    Armed,
    /// A charge is open.
    Charging {
        /// Failed attempts before it.
        failures: usize,
    },
    /// The last charge was declined; tried again at that instant if the balance is still low (R4).
    Waiting {
        /// When.
        until: Timestamp,
        /// Failed attempts so far.
        failures: usize,
    },
    /// A charge is open and the card wants its owner.
    NeedsAction {
        /// Failed attempts before it.
        failures: usize,
    },
    /// No charge fits a limit (R3).
    Limited {
        /// When it is looked at again.
        until: Timestamp,
        /// Which.
        why: Limit,
    },
    /// Stopped by a safeguard, until an administrator resumes it (R6).
    Paused {
        /// Which.
        why: Safeguard,
    },
    /// Declined for good or too often; until the card or the settings change, or it is resumed (R4).
    Stopped,
}

/// A limit that leaves no room for a charge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Limit {
    /// The account's own monthly limit.
    Monthly,
    /// The operator's largest charge is below the recharge amount.
    Maximum,
    /// The account has as many live lots as there may be (F11).
    Lots,
}

impl Limit {
    const ALL: [Self; 3] = [Self::Monthly, Self::Maximum, Self::Lots];

    /// Its name in the API and in what is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Monthly => "monthly",
            Self::Maximum => "maximum",
            Self::Lots => "lots",
        }
    }

    /// The limit of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|limit| limit.as_str() == name)
    }
}

/// A safeguard that pauses auto-recharge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Safeguard {
    /// More recharge amounts in a day than the operator allows (R6).
    Runaway,
}

impl Safeguard {
    /// Its name in the API and in what is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Runaway => "runaway",
        }
    }

    /// The safeguard of this name.
    pub fn parse(name: &str) -> Option<Self> {
        (name == Self::Runaway.as_str()).then_some(Self::Runaway)
    }
}

/// What the operator allows.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Smallest and largest charge (F2).
    pub limits: PurchaseLimits,
    /// Recharge amounts in a day (UTC) before it pauses (R6).
    pub a_day: u32,
}

impl Default for Policy {
    fn default() -> Self {
        Self { limits: PurchaseLimits::default(), a_day: 10 }
    }
}

impl Default for Recharge {
    /// Off until someone turns it on (R1).
    fn default() -> Self {
        Self {
            amounts: None,
            state: State::Off,
            charged: None,
            counted: None,
            last_failure: None,
            look_at: None,
        }
    }
}

impl Recharge {
    /// Whether it is turned on, in whatever state.
    pub fn enabled(&self) -> bool {
        self.state != State::Off
    }

    /// The settings, if a charge may begin at `now`: it is on, and nothing holds it back.
    fn ready(&self, now: Timestamp) -> Option<&Amounts> {
        let ready = match self.state {
            State::Armed => true,
            State::Waiting { until, .. } | State::Limited { until, .. } => until <= now,
            State::Off
            | State::Charging { .. }
            | State::NeedsAction { .. }
            | State::Paused { .. }
            | State::Stopped => false,
        };
        self.amounts.as_ref().filter(|_| ready)
    }

    /// Whether a charge is wanted and may begin at `now`.
    pub fn wanted(&self, available: Money, now: Timestamp) -> bool {
        self.ready(now).is_some_and(|amounts| available <= amounts.trigger)
    }

    /// When it must be looked at next, whatever happens.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        match self.state {
            State::Waiting { until, .. } | State::Limited { until, .. } => Some(until),
            _ => self.look_at,
        }
    }

    /// Failed attempts so far.
    fn failures(&self) -> usize {
        match self.state {
            State::Charging { failures }
            | State::NeedsAction { failures }
            | State::Waiting { failures, .. } => failures,
            _ => 0,
        }
    }

    fn charged_in(&self, month: Month, currency: Currency) -> Money {
        let charged = self.charged.filter(|(charged_in, _)| *charged_in == month);
        charged.map_or(Money::zero(currency), |(_, amount)| amount)
    }

    fn counted_on(&self, day: Date) -> u32 {
        self.counted.filter(|(counted_on, _)| *counted_on == day).map_or(0, |(_, count)| count)
    }

    /// A new card or new settings are a new start (R4, F10).
    fn start_anew(&mut self) {
        self.state = match self.state {
            State::Charging { .. } => State::Charging { failures: 0 },
            State::NeedsAction { .. } => State::NeedsAction { failures: 0 },
            State::Waiting { .. } | State::Stopped | State::Limited { .. } | State::Armed => State::Armed,
            kept @ (State::Off | State::Paused { .. }) => kept,
        };
    }
}

/// New settings, as asked for.
#[derive(Clone, Debug)]
pub struct NewSettings {
    /// On or off.
    pub enabled: bool,
    /// Needed when on; what is left out when off stays.
    pub trigger: Option<Decimal>,
    /// Likewise.
    pub amount: Option<Decimal>,
    /// None is no limit.
    pub monthly_limit: Option<Decimal>,
    /// By whom.
    pub by: String,
}

/// Why settings cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingsRefusal {
    /// Amounts are missing or wrong: each with its name in the API.
    #[error("amounts are missing or wrong")]
    Amounts(Vec<(&'static str, WrongAmount)>),
    /// There is nothing to charge.
    #[error("the account has no saved payment method: save one first")]
    NoPaymentMethod,
    /// S8.
    #[error("an account that pays after use has no auto-recharge")]
    PostUsage,
}

/// Why an amount cannot be set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrongAmount {
    /// It is left out.
    #[error("expected an amount when enabled")]
    Missing,
    /// A card cannot be charged so much.
    #[error(transparent)]
    NotChargeable(#[from] PurchaseRefusal),
    /// A monthly limit that no recharge fits.
    #[error("expected at least the rechargeAmount, {0}")]
    BelowRechargeAmount(Money),
}

/// Changes the settings (R1). Turned off, no new charge begins, and one that is open is withdrawn (R5); changed
/// amounts are a new start.
pub fn configure(
    account: &Account,
    profile: &Profile,
    now: Timestamp,
    new: &NewSettings,
    limits: &PurchaseLimits,
) -> Result<Decision<()>, SettingsRefusal> {
    let before = &account.recharge;
    let amounts = match read_amounts(new, account.currency, limits)? {
        Some(amounts) => Some(amounts),
        None => before.amounts.clone(),
    };
    if new.enabled && account.billing_model == BillingModel::PostUsage {
        return Err(SettingsRefusal::PostUsage);
    }
    if new.enabled && profile.payment_method.is_none() {
        return Err(SettingsRefusal::NoPaymentMethod);
    }
    if new.enabled == before.enabled() && amounts == before.amounts {
        return Ok(Decision::unchanged(()));
    }
    let mut draft = Draft::on(account, now);
    let recharge = &mut draft.account_mut().recharge;
    recharge.amounts = amounts;
    if !new.enabled {
        recharge.state = State::Off;
        recharge.last_failure = None;
        withdraw_open(&mut draft);
    } else if recharge.enabled() {
        recharge.start_anew();
    } else {
        let charging = draft.account().open_recharge().is_some();
        draft.account_mut().recharge.state =
            if charging { State::Charging { failures: 0 } } else { State::Armed };
    }
    say_changed(&mut draft, &new.by, false);
    Ok(draft.finish(()))
}

/// The amounts, once both of a recharge are given; every one that is wrong is named.
fn read_amounts(
    new: &NewSettings,
    currency: Currency,
    limits: &PurchaseLimits,
) -> Result<Option<Amounts>, SettingsRefusal> {
    let mut wrong = Vec::new();
    let mut check = |field, amount: Result<Option<Money>, WrongAmount>| {
        amount.unwrap_or_else(|why| {
            wrong.push((field, why));
            None
        })
    };
    let named = |given: Option<Decimal>| match given {
        Some(amount) => Ok(Some(limits.check(amount, currency)?)),
        None if new.enabled => Err(WrongAmount::Missing),
        None => Ok(None),
    };
    let trigger = check("triggerAmount", named(new.trigger));
    let amount = check("rechargeAmount", named(new.amount));
    let monthly_limit = check("monthlyLimit", read_limit(new.monthly_limit, amount, currency));
    if !wrong.is_empty() {
        return Err(SettingsRefusal::Amounts(wrong));
    }
    let (Some(trigger), Some(amount)) = (trigger, amount) else { return Ok(None) };
    Ok(Some(Amounts { trigger, amount, monthly_limit }))
}

fn read_limit(
    limit: Option<Decimal>,
    recharge_amount: Option<Money>,
    currency: Currency,
) -> Result<Option<Money>, WrongAmount> {
    let Some(limit) = limit else { return Ok(None) };
    let limit = Money::in_minor_units(limit, currency).map_err(PurchaseRefusal::from)?;
    match recharge_amount {
        Some(amount) if limit < amount => Err(WrongAmount::BelowRechargeAmount(amount)),
        _ => Ok(Some(limit)),
    }
}

/// A new card retries a failed recharge at once, and what is open with the old one is withdrawn (F10).
pub fn card_changed(draft: &mut Draft) {
    draft.account_mut().recharge.start_anew();
    withdraw_open(draft);
}

/// The open charge is to be cancelled, by whoever comes first: the caller after its commit, or recovery.
fn withdraw_open(draft: &mut Draft) {
    let now = draft.now();
    let open = &mut draft.account_mut().open_payments;
    for payment in open.iter_mut().filter(|payment| payment.kind == PaymentKind::Recharge) {
        payment.withdrawn = true;
        payment.recover_at = now;
    }
}

/// There is nothing to resume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("auto-recharge is neither paused nor stopped")]
pub struct NothingToResume;

/// An administrator resumes what a safeguard paused, or what declines stopped (R6).
pub fn resume(account: &Account, now: Timestamp, by: &str) -> Result<Decision<()>, NothingToResume> {
    if !matches!(account.recharge.state, State::Paused { .. } | State::Stopped) {
        return Err(NothingToResume);
    }
    let mut draft = Draft::on(account, now);
    let recharge = &mut draft.account_mut().recharge;
    recharge.state = State::Armed;
    recharge.counted = None;
    say_changed(&mut draft, by, true);
    Ok(draft.finish(()))
}

/// Tells who changed the settings, or resumed it, and how they are now (N9).
fn say_changed(draft: &mut Draft, by: &str, resumed: bool) {
    let recharge = &draft.account().recharge;
    let amounts = recharge.amounts.as_ref();
    let auto_recharge = NewAutoRecharge {
        enabled: recharge.enabled(),
        resumed,
        recharge_amount: amounts.map(|amounts| amounts.amount),
        trigger_amount: amounts.map(|amounts| amounts.trigger),
        monthly_limit: amounts.and_then(|amounts| amounts.monthly_limit),
    };
    draft.say(Fact::SettingsChanged {
        fields: vec![Setting::AutoRecharge],
        by: by.to_owned(),
        added_recipients: Vec::new(),
        removed_recipients: Vec::new(),
        new: NewValues { auto_recharge: Some(auto_recharge), ..NewValues::default() },
    });
}

/// Looks at the rule (R2): opens a charge if one is wanted and fits, and moves on what its time has come for.
/// Nothing to do changes nothing.
///
/// `begins_at` is when the charge begins by the machine's clock, if it begins: its lease runs from there. `now` may be
/// much earlier, since a message comes back with the instant at which it was first sent.
pub fn look(
    account: &Account,
    profile: &Profile,
    now: Timestamp,
    begins_at: Timestamp,
    policy: &Policy,
) -> Decision<Option<Payment>> {
    let due = account.due_for_attention().is_some_and(|due| due <= now.max(account.as_of));
    let mut draft = Draft::on(account, now);
    let now = draft.now();
    let available = draft.account().available(now);
    let Some(amounts) = draft.account().recharge.ready(now).cloned() else {
        // A lot that has expired by now may have emptied the account: finishing says so (N3, N4).
        return if due { draft.finish(None) } else { Decision::unchanged(None) };
    };
    if available > amounts.trigger {
        let settled = draft.account().recharge.state == State::Armed;
        draft.account_mut().recharge.state = State::Armed;
        return if due || !settled { draft.finish(None) } else { Decision::unchanged(None) };
    }
    let payment = match fitting(draft.account(), &amounts, available, now, policy) {
        Ok(times) => Some(open(&mut draft, profile, &amounts, times, begins_at)),
        Err(held_back) => {
            hold_back(&mut draft, &held_back);
            None
        }
    };
    draft.finish(payment)
}

/// What keeps a wanted charge from beginning.
enum HeldBack {
    Limited(Limit, Timestamp),
    Paused(Safeguard),
}

/// How many recharge amounts to charge at once: the fewest that lift the balance above the trigger, or as many
/// of them as the limits leave room for (R3).
fn fitting(
    account: &Account,
    amounts: &Amounts,
    available: Money,
    now: Timestamp,
    policy: &Policy,
) -> Result<u32, HeldBack> {
    if !account.has_room_for_a_lot(now) {
        return Err(HeldBack::Limited(Limit::Lots, now + NO_ROOM_FOR));
    }
    let wanted = times_in(amounts.trigger - available, amounts.amount).saturating_add(1);
    let month = Month::of(now);
    let limit = amounts.monthly_limit.unwrap_or(Money::largest_sum(account.currency));
    let monthly = times_in(limit - account.recharge.charged_in(month, account.currency), amounts.amount);
    let at_once = times_in(policy.limits.largest(account.currency), amounts.amount);
    let today = policy.a_day.saturating_sub(account.recharge.counted_on(day_of(now)));
    if monthly == 0 {
        Err(HeldBack::Limited(Limit::Monthly, month.end()))
    } else if at_once == 0 {
        Err(HeldBack::Limited(Limit::Maximum, now + NO_ROOM_FOR))
    } else if today == 0 {
        Err(HeldBack::Paused(Safeguard::Runaway))
    } else {
        Ok(wanted.min(monthly).min(at_once).min(today))
    }
}

/// How often `amount` goes into `whole`, which may be negative: then not at all.
fn times_in(whole: Money, amount: Money) -> u32 {
    let times = (whole.amount() / amount.amount()).floor();
    if times.is_sign_negative() { 0 } else { times.to_u32().unwrap_or(u32::MAX) }
}

fn hold_back(draft: &mut Draft, held_back: &HeldBack) {
    let before = draft.account().recharge.state;
    let recharge = &mut draft.account_mut().recharge;
    match *held_back {
        HeldBack::Limited(why, until) => {
            recharge.state = State::Limited { until, why };
            // Said once, however often it is looked at again.
            if !matches!(before, State::Limited { why: told, .. } if told == why) {
                draft.say(Fact::RechargeLimited { why, until });
            }
        }
        HeldBack::Paused(why) => {
            recharge.state = State::Paused { why };
            draft.say(Fact::RechargePaused { why });
        }
    }
}

fn open(
    draft: &mut Draft,
    profile: &Profile,
    amounts: &Amounts,
    times: u32,
    begins_at: Timestamp,
) -> Payment {
    let (now, account) = (draft.now(), draft.account());
    let failures = account.recharge.failures();
    // The version is this commit's alone, so the id names this charge and no other; and the instant is, where books that
    // were restored count versions once more, which the card processor has seen before.
    let occasion = format!("{} {now}", account.version);
    let method = profile.payment_method.clone().expect("auto-recharge is on only with a card, which stays");
    let payment = Payment {
        account: account.id.clone(),
        id: PaymentId::derive(&account.id, PaymentKind::Recharge, &occasion),
        kind: PaymentKind::Recharge,
        created_at: now,
        amount: amounts.amount.times(times),
        fingerprint: Fingerprint::of([occasion.as_str()]),
        attempt: 1,
        method: Some(method),
        backup: profile.backup.clone().map_or(Backup::None, Backup::Ready),
        po_number: profile.po_number.clone(),
        recharge_amounts: Some(times),
        revision: 1,
        state: PaymentState::Open { intent: None },
    };
    let account = draft.account_mut();
    account.open_payments.push(OpenPayment {
        id: payment.id.clone(),
        kind: payment.kind,
        recover_at: now.max(begins_at) + LEASE,
        withdrawn: false,
        recharge_amounts: times,
    });
    account.recharge.state = State::Charging { failures };
    draft.set_payment(payment.clone());
    payment
}

/// The open charge succeeded: it counts towards the limits of the month and day in which it closed (R3, R6), and
/// the rule is looked at again.
pub(crate) fn succeeded(draft: &mut Draft, payment: &Payment, amounts: u32) {
    let currency = payment.amount.currency();
    let (month, day) = (Month::of(draft.now()), day_of(draft.now()));
    let recharge = &mut draft.account_mut().recharge;
    recharge.charged = Some((month, recharge.charged_in(month, currency) + payment.amount));
    recharge.counted = Some((day, recharge.counted_on(day).saturating_add(amounts)));
    recharge.last_failure = None;
    if matches!(recharge.state, State::Charging { .. } | State::NeedsAction { .. }) {
        recharge.state = State::Armed;
    }
}

/// The open charge came to nothing. One that was never confirmed is no failure: the rule is looked at again at
/// once. A decline is tried again later, a few times (R4).
pub(crate) fn declined(draft: &mut Draft, payment: &Payment, reason: &str) {
    let now = draft.now();
    let recharge = &mut draft.account_mut().recharge;
    let (State::Charging { failures } | State::NeedsAction { failures }) = recharge.state else { return };
    if reason == ABANDONED {
        recharge.state = if failures == 0 { State::Armed } else { State::Waiting { until: now, failures } };
        return;
    }
    recharge.last_failure = Some(Failure { at: now, reason: reason.to_owned() });
    let for_good = HARD_DECLINES.contains(&reason) || reason == AUTHENTICATION_REQUIRED;
    let retry_at = if for_good { None } else { RETRY_AFTER.get(failures).map(|&after| now + after) };
    recharge.state = match retry_at {
        Some(until) => State::Waiting { until, failures: failures + 1 },
        None => State::Stopped,
    };
    draft.say(Fact::RechargeFailed {
        payment_id: payment.id.clone(),
        amount: payment.amount,
        reason: reason.to_owned(),
        retry_at,
    });
    if retry_at.is_none() {
        draft.say(Fact::RechargeStopped {
            reason: reason.to_owned(),
            payment_id: Some(payment.id.clone()),
            amount: Some(payment.amount),
        });
    }
}

/// The open charge goes on with the backup, which may want its own owner.
pub(crate) fn goes_on(draft: &mut Draft) {
    let recharge = &mut draft.account_mut().recharge;
    if let State::NeedsAction { failures } = recharge.state {
        recharge.state = State::Charging { failures };
    }
}

/// The card wants its owner: told once for each card.
pub(crate) fn needs_action(draft: &mut Draft, payment: &Payment, url: &str) {
    let recharge = &mut draft.account_mut().recharge;
    let State::Charging { failures } = recharge.state else { return };
    recharge.state = State::NeedsAction { failures };
    draft.say(Fact::RechargeNeedsAction {
        payment_id: payment.id.clone(),
        amount: payment.amount,
        url: url.to_owned(),
    });
}
