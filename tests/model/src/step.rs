//! Steps, which are everything that can happen to an account, and the data that they carry.

use std::fmt;

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// The currency of an account. Two are enough: one with minor digits, one without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Currency {
    /// Euro: two minor digits, so charges have four decimals.
    Eur,
    /// Yen: no minor digits, so charges have two decimals.
    Jpy,
}

impl Currency {
    /// The ISO 4217 code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Eur => "EUR",
            Self::Jpy => "JPY",
        }
    }

    /// Decimals of amounts that cards and invoices use.
    pub fn minor_digits(self) -> u32 {
        match self {
            Self::Eur => 2,
            Self::Jpy => 0,
        }
    }

    /// T3: decimals of charges.
    pub fn charge_digits(self) -> u32 {
        self.minor_digits() + 2
    }
}

/// A1: how the account pays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Billing {
    /// The part of a charge that no lot covers is owed.
    Prepaid,
    /// S8: post-usage was asked for while auto-recharge is on. Until it is off, the account pays as a prepaid one, but cannot buy.
    Switching,
    /// The part of a charge that no lot covers is post-usage. The switch is complete (S8).
    PostUsage,
}

/// The kind of a call, by which rates and pools choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Service {
    /// Inbound to a toll-free number.
    TollFreeIn,
    /// Inbound to a toll number.
    TollIn,
    /// Dialled out of a conference.
    ConferenceOut,
    /// Dialled by a user.
    UserOut,
    /// Dialled by a user to a premium-rate number.
    Premium,
}

/// One thing that happens to an account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", deny_unknown_fields)]
pub enum Step {
    /// A purchase is settled (F1). Its id is its lot's id.
    Buy {
        /// The purchase, and its lot.
        id: String,
        /// The payment.
        amount: Decimal,
    },
    /// A recharge is settled. It adds a lot as a purchase does.
    Recharge {
        /// The recharge, and its lot.
        id: String,
        /// The payment.
        amount: Decimal,
    },
    /// Auto-recharge is turned on, or its amounts are changed (R1).
    SetAutoRecharge {
        /// A recharge is wanted when the available balance is at or below this amount.
        trigger: Decimal,
        /// The recharge amount.
        amount: Decimal,
    },
    /// Auto-recharge is turned off (R5).
    TurnOff,
    /// The account is to pay after use (S8).
    Switch,
    /// A card is saved (F10). A new account has one.
    SaveCard,
    /// The card is removed (F10).
    RemoveCard,
    /// The operator adjusts the balance (F9).
    Adjust {
        /// The adjustment, and its lot if the amount is positive.
        id: String,
        /// Positive adds a lot, negative draws on lots.
        amount: Decimal,
        /// The expiry of the new lot. Without it, the lot expires after 12 months.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        expires_at: Option<Timestamp>,
        /// Whether a negative adjustment may exceed the available balance.
        #[serde(default)]
        allow_negative: bool,
    },
    /// A usage record arrives (S2 to S7, S10).
    Call(Record),
    /// A usage entry is reversed (S11).
    Reverse(RecordKey),
    /// The list of pools is replaced (S7).
    SetPools(Vec<Pool>),
    /// A new file of rates replaces the one before. It rates no record by itself: `RateUnrated` follows.
    Publish(Vec<Rate>),
    /// Every unrated record that has a rate now is charged (S9).
    RateUnrated,
    /// The nightly sweep books expired funds (E1).
    Sweep,
    /// A switch asks whether a call may start (C1), or asks again, perhaps for a longer call (C4).
    Authorize(CallRequest),
    /// A switch asks whether a call may last longer (C4).
    Extend {
        /// The call's hold.
        hold: HoldName,
        /// How long the call is to last at most, counted from its authorization. It is more than the margin.
        max_seconds: u32,
    },
    /// Holds are released (C1).
    Release(ReleasedHolds),
    /// The spending limits (C2) and the margin (C1) are set.
    SetLimits(NewLimits),
}

/// C1: the question whether a call may start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CallRequest {
    /// The leg.
    #[serde(flatten)]
    pub leg: Leg,
    /// The user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The user's plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// The user's country.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_country: Option<String>,
    /// The switch that asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// How long the call is to last at most. It is more than the margin.
    pub max_seconds: u32,
}

/// A part of a call that is billed by itself.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Leg {
    /// The call.
    pub call: String,
    /// The kind of the call.
    pub service: Service,
    /// The number that the rate goes by.
    pub number: String,
}

/// A hold, named by its leg and its place among the holds that the leg has had. Each implementation has its own ids, and a driver
/// translates these names. A hold that was never taken is named as well: its id belongs to no hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HoldName {
    /// The leg.
    #[serde(flatten)]
    pub leg: Leg,
    /// Which of the leg's holds it is, from 1.
    pub nth: usize,
}

/// The holds that are released.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ReleasedHolds {
    /// One hold.
    One(HoldName),
    /// Every hold of a call.
    OfCall(String),
    /// Every hold that a switch has taken.
    OfNode(String),
}

/// C1, C2: the limits and the margin as they are to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewLimits {
    /// How much the calls of each user may cost in a month (UTC), if that is limited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_user: Option<Decimal>,
    /// How much the calls of the account may cost in a day (UTC), if that is limited.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub per_day: Option<Decimal>,
    /// How many seconds of what is held a call is not granted, from 0 to 60.
    #[serde(default = "usual_margin")]
    pub margin_seconds: u32,
}

/// C1: the margin of an account that has not set one.
pub(crate) fn usual_margin() -> u32 {
    2
}

/// How a usage record names the hold of its call (C1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum NamedHold {
    /// By the id of a hold of this account, or of none.
    Id(HoldName),
    /// By an id that is no hold's.
    Foreign(String),
}

/// A usage record: one finished call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Record {
    /// The platform's id of the call.
    pub id: String,
    /// S2: which correction of the call this is, from 1.
    #[serde(default = "first_revision")]
    pub revision: u32,
    /// The kind of the call.
    pub service: Service,
    /// The number that the rate goes by, as E.164 with a plus sign. Its last digits may be masked with `*`.
    pub number: String,
    /// When the call started. Fractions of a second are cut off.
    pub started_at: Timestamp,
    /// How long the call lasted.
    pub duration_seconds: u32,
    /// S6: the charge that the record came with, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charge: Option<SentCharge>,
    /// The user's plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<String>,
    /// The user's country.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_country: Option<String>,
    /// The user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// The call of which the record is a leg.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<String>,
    /// The hold of the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<NamedHold>,
}

/// S6: the charge of a record that arrives rated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SentCharge {
    /// The price of the call, with no more decimals than charges have (T3).
    pub amount: Decimal,
    /// The ISO 4217 code of its currency.
    pub currency: String,
}

fn first_revision() -> u32 {
    1
}

/// S2: the identity of a usage record within its account.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RecordKey {
    /// The platform's id of the call.
    pub id: String,
    /// When the call started.
    pub started_at: Timestamp,
    /// Which correction of the call this is, from 1.
    #[serde(default = "first_revision")]
    pub revision: u32,
}

impl RecordKey {
    /// S2: the same key for every way to write it. The start is cut to the second, and a UUID has small letters.
    #[must_use]
    pub fn normalised(&self) -> Self {
        Self {
            id: if is_uuid(&self.id) { self.id.to_lowercase() } else { self.id.clone() },
            started_at: cut_to_the_second(self.started_at),
            revision: self.revision,
        }
    }
}

impl fmt::Display for RecordKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}#{}", self.started_at, self.id, self.revision)
    }
}

impl Record {
    /// The record's identity.
    pub fn key(&self) -> RecordKey {
        RecordKey { id: self.id.clone(), started_at: self.started_at, revision: self.revision }.normalised()
    }

    /// When the call started, to the second.
    pub fn start(&self) -> Timestamp {
        cut_to_the_second(self.started_at)
    }

    /// When the call ended.
    pub fn end(&self) -> Timestamp {
        self.start() + SignedDuration::from_secs(i64::from(self.duration_seconds))
    }
}

fn is_uuid(text: &str) -> bool {
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12])
        && groups.iter().all(|group| group.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

fn cut_to_the_second(instant: Timestamp) -> Timestamp {
    // Every instant of the model is after 1970, so this cuts downwards.
    Timestamp::from_second(instant.as_second()).expect("the second of a valid instant is valid")
}

/// S7: included minutes of one plan in one country.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Pool {
    /// The plan that has the minutes.
    pub plan: String,
    /// The country of the users that have them.
    pub country: String,
    /// Minutes a month and licence.
    pub minutes_per_licence: u64,
    /// How many licences there are.
    pub licences: u64,
    /// The services that may use the minutes.
    pub services: Vec<Service>,
    /// The countries that may be called. Empty means that every country may be.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub destination_countries: Vec<String>,
}

impl Pool {
    /// Minutes a month.
    pub fn size(&self) -> u64 {
        self.minutes_per_licence * self.licences
    }
}

/// S5: one row of the file of rates.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Rate {
    /// The kind of call that the rate is for.
    pub service: Service,
    /// The digits with which the number starts, without a plus sign.
    pub prefix: String,
    /// The destination's country.
    pub country: String,
    /// The ISO 4217 code of the currency.
    pub currency: String,
    /// The price of a minute.
    pub per_minute: Decimal,
    /// The connection fee, once a call.
    pub connection_fee: Decimal,
    /// The shortest billed duration, in seconds.
    pub first_increment: u32,
    /// The steps in which longer durations are billed, in seconds.
    pub next_increment: u32,
    /// The day (UTC) from which the rate is in force.
    pub effective_from: Date,
}
