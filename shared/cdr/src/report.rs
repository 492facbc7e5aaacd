//! Conversion of a row of a Microsoft Teams report, from Graph or CSV, to a usage record (S4, S6). Fields are read by name.
//! Other fields are ignored, and unknown values are accepted.

use std::convert::Infallible;

use domain::id::{RecordId, in_small_letters_if_uuid};
use domain::money::UnknownCurrency;
use domain::usage::{InvalidRecord, MAX_DURATION_SECONDS, Number, Service};
use domain::{Currency, Money, UsageRecord, time};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;

use crate::{Context, amount};

/// The only call type that is never rated: a call to a user.
const USER_IN: &str = "user_in";

/// One `T` for each field that is read from a row: its name in a format, its position in a file, or its text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Columns<T> {
    pub(crate) id: T,
    pub(crate) call_id: T,
    pub(crate) user_id: T,
    pub(crate) call_type: T,
    /// The kind of the organization's own number, which shows whether it is toll-free.
    pub(crate) number_type: T,
    /// The number that is called, also for an inbound call.
    pub(crate) number: T,
    pub(crate) started_at: T,
    pub(crate) duration: T,
    pub(crate) charge: T,
    pub(crate) connection_fee: T,
    pub(crate) currency: T,
    pub(crate) plan: T,
    pub(crate) country: T,
}

impl<T> Columns<T> {
    /// Applies `f` to each field in turn, and ends at the first error.
    pub(crate) fn try_map<'a, U, E>(
        &'a self,
        mut f: impl FnMut(&'a T) -> Result<U, E>,
    ) -> Result<Columns<U>, E> {
        Ok(Columns {
            id: f(&self.id)?,
            call_id: f(&self.call_id)?,
            user_id: f(&self.user_id)?,
            call_type: f(&self.call_type)?,
            number_type: f(&self.number_type)?,
            number: f(&self.number)?,
            started_at: f(&self.started_at)?,
            duration: f(&self.duration)?,
            charge: f(&self.charge)?,
            connection_fee: f(&self.connection_fee)?,
            currency: f(&self.currency)?,
            plan: f(&self.plan)?,
            country: f(&self.country)?,
        })
    }

    /// Applies `f` to each field in turn.
    pub(crate) fn map<'a, U>(&'a self, mut f: impl FnMut(&'a T) -> U) -> Columns<U> {
        let Ok(columns) = self.try_map(|value| Ok::<_, Infallible>(f(value)));
        columns
    }
}

/// Converts a row to a record, or returns its first problem under the field's name in this format.
///
/// `cells` are the row's texts, without space around them. An empty text means that the field is absent.
pub(crate) fn record(
    names: &Columns<&'static str>,
    cells: &Columns<&str>,
    context: &Context<'_>,
) -> Result<UsageRecord, InvalidRecord> {
    let id = record_id(cells.id).map_err(at(names.id))?;
    let call_type = call_type(cells.call_type).map_err(at(names.call_type))?;
    let number = Number::as_reported(named(cells.number).unwrap_or_default())
        .map_err(|_| InvalidRecord::new(names.number, "expected at most 64 visible characters"))?;
    let started_at = instant(cells.started_at).map_err(at(names.started_at))?;
    let currency = currency(cells.currency).map_err(at(names.currency))?;
    let priced_in = currency.unwrap_or(context.currency);
    let told = service(&call_type, is_toll_free(cells.number_type));
    // A report does not say which numbers are premium. The published rates do.
    let is_premium = told == Service::UserOut && context.rates.is_premium(&number, priced_in, started_at);
    Ok(UsageRecord {
        id,
        revision: 1,
        call_id: limited(cells.call_id, 128).map_err(at(names.call_id))?,
        user_id: limited(cells.user_id, 128).map_err(at(names.user_id))?,
        service: if is_premium { Service::Premium } else { told },
        service_by_rates: told == Service::UserOut,
        started_at,
        duration_seconds: duration(cells.duration).map_err(at(names.duration))?,
        charge: charge(names, cells, priced_in, context.rate_all && call_type != USER_IN)?,
        currency,
        plan: limited(cells.plan, 64).map_err(at(names.plan))?,
        user_country: alpha2(cells.country),
        cost_centre: None,
        hold_id: None,
        number,
    })
}

/// Makes a problem an [`InvalidRecord`] of this field.
pub(crate) fn at<P: ToString>(field: &'static str) -> impl FnOnce(P) -> InvalidRecord {
    move |problem| InvalidRecord::new(field, problem.to_string())
}

/// An id that an answer can repeat, valid or not: 1 to 128 printable ASCII characters. The limit keeps the answer to a file of
/// bad ids small.
pub(crate) fn kept_id(text: &str) -> Option<String> {
    let plain = (1..=128).contains(&text.len()) && text.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
    plain.then(|| text.to_owned())
}

/// A country's two letters, in capitals. Returns `None` for anything else, since some exports have the country's name instead.
pub(crate) fn alpha2(text: &str) -> Option<String> {
    (text.len() == 2 && text.bytes().all(|b| b.is_ascii_alphabetic())).then(|| text.to_ascii_uppercase())
}

/// Texts that Python, JavaScript, Ruby, SQL and spreadsheets write for a missing value.
const NO_VALUE: [&str; 6] = ["null", "none", "nil", "undefined", "n/a", "-"];

/// A text that is a value. Returns `None` if it is empty or stands for a missing value.
pub(crate) fn named(text: &str) -> Option<&str> {
    let says_none = text.is_empty() || NO_VALUE.iter().any(|none| text.eq_ignore_ascii_case(none));
    (!says_none).then_some(text)
}

/// Parses a record's id. A text that stands for a missing value is refused: calls that start in the same second would share it,
/// and all but the first would be lost as repeats (S2).
pub(crate) fn record_id(text: &str) -> Result<RecordId, String> {
    match named(text) {
        None if !text.is_empty() => Err(format!("expected the record's own id, not \"{text}\"")),
        _ => RecordId::sent(text).map_err(|problem| problem.to_string()),
    }
}

/// Checks a text of at most `max_chars` characters. Returns `None` if it is empty or stands for a missing value. A UUID is kept
/// in lower case.
pub(crate) fn limited(text: &str, max_chars: usize) -> Result<Option<String>, String> {
    match named(text) {
        None => Ok(None),
        Some(text) if text.chars().count() <= max_chars => {
            Ok(Some(in_small_letters_if_uuid(text).into_owned()))
        }
        Some(_) => Err(format!("expected at most {max_chars} characters")),
    }
}

/// Parses a whole number. It may have a fraction of zero, as spreadsheets and data frames write it: `219`, `219.0` (S4).
pub(crate) fn whole_number(text: &str) -> Option<u32> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_zero = !fraction.is_empty() && fraction.bytes().all(|digit| digit == b'0');
    if is_zero { whole.parse().ok() } else { None }
}

fn currency(code: &str) -> Result<Option<Currency>, UnknownCurrency> {
    if code.is_empty() { Ok(None) } else { Currency::parse(code).map(Some) }
}

/// The call type, in lower case. It is required, since it says who called whom.
fn call_type(text: &str) -> Result<String, &'static str> {
    named(text).map(str::to_ascii_lowercase).ok_or("expected a call type such as user_out")
}

/// Whether a number type is toll-free, such as `TollFree`, `Toll-free service` or `SharedCostTollFree`.
fn is_toll_free(number_type: &str) -> bool {
    let letters: String = number_type.chars().filter(char::is_ascii_alphabetic).collect();
    letters.to_ascii_lowercase().contains("tollfree")
}

/// The service of a call type in lower case. An unknown call type is a user's outbound call if it says `out`, and inbound
/// otherwise.
fn service(call_type: &str, toll_free: bool) -> Service {
    match call_type {
        USER_IN => Service::TollIn,
        "conf_out" | "user_out_conf" => Service::ConferenceOut,
        _ if is_outbound(call_type) => Service::UserOut,
        _ if toll_free => Service::TollFreeIn,
        _ => Service::TollIn,
    }
}

/// Whether a word of the call type begins or ends with `out`. Words are checked, so that `route_in` is inbound.
fn is_outbound(call_type: &str) -> bool {
    let mut words = call_type.split(|c: char| !c.is_ascii_alphabetic());
    words.any(|word| word.starts_with("out") || word.ends_with("out"))
}

/// The formats of a start without an offset that exports have had, with `T` or a space. They must match to the last character;
/// jiff's own parser of a civil time would drop an offset silently.
const WITHOUT_OFFSET: [&str; 2] = ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f"];

const SLASHES: &str =
    "expected an instant such as 2026-11-20T08:12:31Z: slashes do not say which number is the month";

/// Parses a start, to the second and in UTC if it has no offset. A date with slashes is refused (S4): a spreadsheet has saved the
/// file again, and it is unknown which number is the month.
fn instant(text: &str) -> Result<Timestamp, &'static str> {
    if text.trim_start_matches(|c: char| c.is_ascii_digit()).starts_with('/') {
        return Err(SLASHES);
    }
    let in_utc = || {
        let civil = WITHOUT_OFFSET.iter().find_map(|format| DateTime::strptime(format, text).ok())?;
        Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
    };
    let instant = text.parse().ok().or_else(in_utc).map(time::cut_to_second);
    instant
        .filter(|instant| time::in_range(*instant))
        .ok_or("expected an instant after the year 1999 such as 2026-11-20T08:12:31Z")
}

fn duration(text: &str) -> Result<u32, String> {
    let seconds = whole_number(text).filter(|seconds| *seconds <= MAX_DURATION_SECONDS);
    seconds.ok_or_else(|| format!("expected whole seconds from 0 to {MAX_DURATION_SECONDS}"))
}

/// The charge plus the connection fee, summed exactly and then rounded once to the precision of the ledger (S6). An empty fee is
/// zero. Returns `None` if the sum is zero and `rate_zero` leaves such a row to be rated.
fn charge(
    names: &Columns<&'static str>,
    cells: &Columns<&str>,
    currency: Currency,
    rate_zero: bool,
) -> Result<Option<Decimal>, InvalidRecord> {
    let part =
        |name, text| amount::reported(text).ok_or("expected an amount such as 0.1234").map_err(at(name));
    let charge = part(names.charge, cells.charge)?;
    let fee = match cells.connection_fee {
        "" => Decimal::ZERO,
        text => part(names.connection_fee, text)?,
    };
    let sum = charge
        .checked_add(fee)
        .filter(|sum| *sum >= Decimal::ZERO)
        .ok_or("expected zero or more, together with the connection fee")
        .map_err(at(names.charge))?;
    if sum.is_zero() && rate_zero {
        return Ok(None);
    }
    // A sum above zero that rounds to zero was charged all the same, so it is not rated again.
    Ok(Some(Money::rounded(sum, currency).map_err(at(names.charge))?.amount()))
}
