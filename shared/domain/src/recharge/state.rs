//! The settings of auto-recharge, and how far it is (R1, R7).

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::money::{Currency, Money};
use crate::time::Month;

/// An account that is low becomes due this long after `BalanceLow`, in case the event is lost (R3).
pub const STILL_LOW_AFTER: SignedDuration = SignedDuration::from_mins(10);

/// The settings of auto-recharge (R1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Amounts {
    /// The card is charged when the available balance is at or below this amount.
    pub trigger: Money,
    /// The amount of one recharge.
    pub amount: Money,
    /// The most that is charged in a calendar month (UTC).
    pub monthly_limit: Option<Money>,
}

/// Auto-recharge of an account: its settings and its state (R7).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recharge {
    /// Kept while it is off.
    pub amounts: Option<Amounts>,
    /// Its state.
    pub state: State,
    /// The amount charged in a month, for the monthly limit.
    pub charged: Option<(Month, Money)>,
    /// The recharge amounts charged in a day, for the operator's limit (R6).
    pub counted: Option<(Date, u32)>,
    /// The last failure, until a charge succeeds.
    pub last_failure: Option<Failure>,
    /// When the account is due because it is low, in case the event is lost (R3).
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

/// The state of auto-recharge (R7).
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
    /// Stopped by a safeguard, until an administrator resumes it (R6, F9).
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
    /// Funds were refunded (F9).
    Refund,
    /// A purchase or recharge is disputed (F9).
    Dispute,
}

impl Safeguard {
    const ALL: [Self; 3] = [Self::Runaway, Self::Refund, Self::Dispute];

    /// Its name in the API and in what is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Runaway => "runaway",
            Self::Refund => "refund",
            Self::Dispute => "dispute",
        }
    }

    /// The safeguard of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|safeguard| safeguard.as_str() == name)
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
    /// Whether it is turned on.
    pub fn enabled(&self) -> bool {
        self.state != State::Off
    }

    /// The settings, if a charge may begin at `now`: it is on, and nothing holds it back.
    pub(super) fn ready(&self, now: Timestamp) -> Option<&Amounts> {
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

    /// When the account is due because of it.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        match self.state {
            State::Waiting { until, .. } | State::Limited { until, .. } => Some(until),
            _ => self.look_at,
        }
    }

    /// Failed attempts so far.
    pub(super) fn failures(&self) -> usize {
        match self.state {
            State::Charging { failures }
            | State::NeedsAction { failures }
            | State::Waiting { failures, .. } => failures,
            _ => 0,
        }
    }

    pub(super) fn charged_in(&self, month: Month, currency: Currency) -> Money {
        let charged = self.charged.filter(|(charged_in, _)| *charged_in == month);
        charged.map_or(Money::zero(currency), |(_, amount)| amount)
    }

    pub(super) fn counted_on(&self, day: Date) -> u32 {
        self.counted.filter(|(counted_on, _)| *counted_on == day).map_or(0, |(_, count)| count)
    }

    /// A new card or new settings are a new start (R4, F10).
    pub(super) fn start_anew(&mut self) {
        self.state = match self.state {
            State::Charging { .. } => State::Charging { failures: 0 },
            State::NeedsAction { .. } => State::NeedsAction { failures: 0 },
            State::Waiting { .. } | State::Stopped | State::Limited { .. } | State::Armed => State::Armed,
            kept @ (State::Off | State::Paused { .. }) => kept,
        };
    }
}
