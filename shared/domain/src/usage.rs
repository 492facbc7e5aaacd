//! A usage record, also called call detail record (CDR): one finished call (S2, S4, S6).

use std::borrow::Cow;

use jiff::{SignedDuration, Timestamp};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::id::{Fingerprint, RecordId};
use crate::journal_key::JournalKey;
use crate::money::{Currency, Money};
use crate::time::{FUTURE_TOLERANCE, LATE_RECORDS, in_range};

/// No call lasts longer: 31 days.
pub const MAX_DURATION_SECONDS: u32 = 31 * 24 * 3600;

/// The service that a call used. Each has rates of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Service {
    /// Inbound to one of the organization's toll-free numbers.
    TollFreeIn,
    /// Inbound to another number.
    TollIn,
    /// Dialled out of a conference.
    ConferenceOut,
    /// Dialled by a user.
    UserOut,
    /// Dialled by a user to a premium-rate number.
    Premium,
}

impl Service {
    /// Every service.
    pub const ALL: [Self; 5] =
        [Self::TollFreeIn, Self::TollIn, Self::ConferenceOut, Self::UserOut, Self::Premium];

    /// The API's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TollFreeIn => "tollFreeIn",
            Self::TollIn => "tollIn",
            Self::ConferenceOut => "conferenceOut",
            Self::UserOut => "userOut",
            Self::Premium => "premium",
        }
    }

    /// The service of this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.as_str() == name)
    }

    /// The service as a report names it: a report does not say which numbers are premium.
    fn as_a_report_tells_it(self) -> Self {
        if self == Self::Premium { Self::UserOut } else { self }
    }
}

/// The number that decides the rate. Its last digits may be masked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Number(String);

/// A text that is no number.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected an E.164 number such as +33123456789; its last digits may be masked with '*'")]
pub struct InvalidNumber;

impl Number {
    /// An E.164 number: `+`, then 1 to 15 digits of which the last may be masked with `*`, `x` or `X`.
    pub fn parse(text: &str) -> Result<Self, InvalidNumber> {
        let number = Self(text.to_owned());
        if number.e164_digits().is_some() { Ok(number) } else { Err(InvalidNumber) }
    }

    /// The number as a report has it: up to 64 visible characters. One that is not E.164 has no rate.
    pub fn as_reported(text: &str) -> Result<Self, InvalidNumber> {
        let text = text.trim();
        if text.chars().count() <= 64 && !text.chars().any(char::is_control) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidNumber)
        }
    }

    /// The text as given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The digits after the `+` and before the mask, if it is an E.164 number.
    pub fn e164_digits(&self) -> Option<&str> {
        let number = self.0.strip_prefix('+')?;
        let known = number.trim_end_matches(['*', 'x', 'X']);
        let valid = number.len() <= 15 && !known.is_empty() && known.bytes().all(|b| b.is_ascii_digit());
        valid.then_some(known)
    }
}

/// One finished call. The readers of each format let only valid values through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageRecord {
    /// The id that its source gave it.
    pub id: RecordId,
    /// From 1; n > 1 follows the reversal of n-1 (S2).
    pub revision: u32,
    /// The call it belongs to; several records may share one.
    pub call_id: Option<String>,
    /// Whose usage it is.
    pub user_id: Option<String>,
    /// What was used.
    pub service: Service,
    /// Whether the published rates told `userOut` from `premium` for this record. A report says only that a call went out, so
    /// the choice between the two is no part of its fingerprint.
    pub service_by_rates: bool,
    /// The number that decides the rate.
    pub number: Number,
    /// When it began, to the second.
    pub started_at: Timestamp,
    /// Its length, as its source gave it.
    pub duration_seconds: u32,
    /// Its charge, if its source has rated it (S6).
    pub charge: Option<Decimal>,
    /// The charge's currency, if its source names one.
    pub currency: Option<Currency>,
    /// The plan or licence it was made on.
    pub plan: Option<String>,
    /// The user's country, ISO 3166-1 alpha-2.
    pub user_country: Option<String>,
    /// The organization's own name for who pays.
    pub cost_centre: Option<String>,
    /// The hold taken when it was authorized.
    pub hold_id: Option<String>,
}

/// Why a record cannot be accepted on this account: the first wrong field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {detail}")]
pub struct InvalidRecord {
    /// The field's name in the API.
    pub field: Cow<'static, str>,
    /// What was expected.
    pub detail: String,
    /// Whether it is refused for its currency alone. An entry under its key makes it a conflict instead (S2).
    pub is_for_currency: bool,
}

impl InvalidRecord {
    /// This field, and what was expected of it.
    pub fn new(field: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self { field: field.into(), detail: detail.into(), is_for_currency: false }
    }

    /// A charge in another currency than the account's.
    fn in_currency(other: Currency, account_currency: Currency) -> Self {
        let detail = format!("expected {account_currency}, the account's currency, not {other}");
        Self { is_for_currency: true, ..Self::new("currency", detail) }
    }
}

impl UsageRecord {
    /// The key of its journal entry, whatever its outcome.
    pub fn key(&self) -> JournalKey {
        JournalKey::usage(self.started_at, &self.id, self.revision)
    }

    /// The entry that must exist before this revision is accepted: the reversal of the one before.
    pub fn requires(&self) -> Option<JournalKey> {
        (self.revision > 1)
            .then(|| JournalKey::usage(self.started_at, &self.id, self.revision - 1).reversal())
    }

    /// When the call ended.
    pub fn ended_at(&self) -> Timestamp {
        self.started_at + SignedDuration::from_secs(self.duration_seconds.into())
    }

    /// The instant that chooses its lots: its end, or now when it comes later than 72 h after that (T1, S10).
    pub fn draws_at(&self, now: Timestamp) -> Timestamp {
        let ended_at = self.ended_at();
        if now <= ended_at + LATE_RECORDS { ended_at } else { now }
    }

    /// Checks it against the account's currency and the clock (S6, T1), and returns the charge that its source gave, if any. A
    /// record that costs nothing may name any currency (S4).
    ///
    /// # Errors
    ///
    /// The field that is wrong, and what was expected of it.
    pub fn checked(&self, currency: Currency, now: Timestamp) -> Result<Option<Money>, InvalidRecord> {
        if self.started_at > now + FUTURE_TOLERANCE {
            return Err(InvalidRecord::new("startedAt", "expected a start at most five minutes after now"));
        }
        if !in_range(self.started_at) {
            return Err(InvalidRecord::new("startedAt", "expected an instant after the year 1999"));
        }
        let is_free = self.charge.map_or(self.duration_seconds == 0, |charge| charge.is_zero());
        if let Some(other) = self.currency.filter(|other| *other != currency && !is_free) {
            return Err(InvalidRecord::in_currency(other, currency));
        }
        let Some(charge) = self.charge else { return Ok(None) };
        if charge.is_sign_negative() && !charge.is_zero() {
            return Err(InvalidRecord::new("charge", "expected zero or more"));
        }
        Money::new(charge, currency)
            .map(Some)
            .map_err(|problem| InvalidRecord::new("charge", problem.to_string()))
    }

    /// The fingerprint that a resent record must have again: duration, service, charge and currency as they were sent (S2). The
    /// currency is the account's if the record names none, and the service is `userOut` if the rates chose between it and
    /// `premium`.
    pub fn fingerprint(&self, account_currency: Currency) -> Fingerprint {
        let service = if self.service_by_rates { self.service.as_a_report_tells_it() } else { self.service };
        Fingerprint::of([
            self.duration_seconds.to_string().as_str(),
            service.as_str(),
            self.charge.map(|charge| charge.normalize().to_string()).as_deref().unwrap_or("to rate"),
            self.currency.unwrap_or(account_currency).code(),
        ])
    }

    /// Whether this record repeats another one with the same key (S2). Two records that name their service must name the same
    /// one; if the rates chose the service of either, `userOut` and `premium` agree.
    ///
    /// Entries written before [`service_by_rates`](Self::service_by_rates) was stored count as naming their service, so a
    /// report's row still repeats them after the rates have changed.
    pub fn repeats(&self, other: &Self, account_currency: Currency) -> bool {
        let by_rates = self.service_by_rates || other.service_by_rates;
        let sent = |record: &Self| {
            let service = if by_rates { record.service.as_a_report_tells_it() } else { record.service };
            let currency = record.currency.unwrap_or(account_currency);
            (record.duration_seconds, service, record.charge, currency)
        };
        sent(self) == sent(other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn s4_a_reported_number_is_kept_as_it_is_up_to_64_visible_characters() {
        let longest = "9".repeat(64);
        for (text, kept) in [(" anonymous ", "anonymous"), ("", ""), (longest.as_str(), longest.as_str())] {
            assert_eq!(Number::as_reported(text).unwrap().as_str(), kept);
        }
        for bad in ["9".repeat(65).as_str(), "two\nlines"] {
            assert_eq!(Number::as_reported(bad), Err(InvalidNumber), "{bad}");
        }
    }

    #[test]
    fn s2_a_record_in_another_currency_says_so() {
        let [eur, usd] = ["EUR", "USD"].map(|code| Currency::parse(code).unwrap());
        assert!(InvalidRecord::in_currency(usd, eur).is_for_currency);
        assert!(!InvalidRecord::new("currency", "expected EUR").is_for_currency);
    }

    #[test]
    fn s4_a_call_lasts_31_days_at_most() {
        assert_eq!(MAX_DURATION_SECONDS, 2_678_400);
    }

    #[test]
    fn a_number_may_be_masked_at_its_end() {
        for (text, digits) in
            [("+33123456789", "33123456789"), ("+4420794600**", "4420794600"), ("+1425555xxxx", "1425555")]
        {
            assert_eq!(Number::parse(text).unwrap().e164_digits(), Some(digits));
        }
        for bad in ["112", "+", "+***", "+33 1 23", "+1234567890123456", "+12*34", "", "anonymous"] {
            assert_eq!(Number::parse(bad), Err(InvalidNumber), "{bad}");
        }
        assert_eq!(
            Number::as_reported("112").unwrap().e164_digits(),
            None,
            "a short number has no E.164 prefix"
        );
    }
}
