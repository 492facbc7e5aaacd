//! A row of a Microsoft Teams report, from Graph or CSV, as a usage record (S4, S6). Read by name; what is not
//! named here is ignored, and values not seen before are accepted.

use std::convert::Infallible;

use domain::id::RecordId;
use domain::money::UnknownCurrency;
use domain::usage::{InvalidRecord, MAX_DURATION_SECONDS, Number, Service};
use domain::{Currency, Money, UsageRecord, time};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use rust_decimal::Decimal;

use crate::{Context, amount};

/// The one call type that is never rated: a call to a user.
const USER_IN: &str = "user_in";

/// One `T` for each thing we read of a row: its name in a format, its place in a file, its text.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Columns<T> {
    pub(crate) id: T,
    pub(crate) call_id: T,
    pub(crate) user_id: T,
    pub(crate) call_type: T,
    /// What kind of number ours is: tells the toll-free ones.
    pub(crate) number_type: T,
    /// The number called, inbound too.
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
    /// Each in turn; the first problem ends it.
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

    /// Each in turn.
    pub(crate) fn map<'a, U>(&'a self, mut f: impl FnMut(&'a T) -> U) -> Columns<U> {
        let Ok(columns) = self.try_map(|value| Ok::<_, Infallible>(f(value)));
        columns
    }
}

/// The record a row stands for, or its first problem under the name its format has for the field.
///
/// `cells` are the row's texts, without space around them; an empty one is absent.
pub(crate) fn record(
    names: &Columns<&'static str>,
    cells: &Columns<&str>,
    context: &Context<'_>,
) -> Result<UsageRecord, InvalidRecord> {
    let id = RecordId::parse(cells.id).map_err(at(names.id))?;
    let call_type = call_type(cells.call_type).map_err(at(names.call_type))?;
    let number = Number::as_reported(cells.number)
        .map_err(|_| InvalidRecord::new(names.number, "expected at most 64 visible characters"))?;
    let started_at = instant(cells.started_at).map_err(at(names.started_at))?;
    let currency = currency(cells.currency).map_err(at(names.currency))?;
    let priced_in = currency.unwrap_or(context.currency);
    let is_premium = || context.rates.is_premium(&number, priced_in, started_at);
    Ok(UsageRecord {
        id,
        revision: 1,
        call_id: limited(cells.call_id, 128).map_err(at(names.call_id))?,
        user_id: limited(cells.user_id, 128).map_err(at(names.user_id))?,
        service: service(&call_type, is_toll_free(cells.number_type), is_premium),
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

/// A problem, put under its field's name.
pub(crate) fn at<P: ToString>(field: &'static str) -> impl FnOnce(P) -> InvalidRecord {
    move |problem| InvalidRecord::new(field, problem.to_string())
}

/// An id that can be given back to the client, be it valid or not: short and plain, so that the answer to
/// a file of bad ids stays small.
pub(crate) fn kept_id(text: &str) -> Option<String> {
    let plain = (1..=128).contains(&text.len()) && text.bytes().all(|b| b == b' ' || b.is_ascii_graphic());
    plain.then(|| text.to_owned())
}

/// A country as two letters, in capitals; some exports have its name instead.
pub(crate) fn alpha2(text: &str) -> Option<String> {
    (text.len() == 2 && text.bytes().all(|b| b.is_ascii_alphabetic())).then(|| text.to_ascii_uppercase())
}

/// A text of so many characters at most. An empty one says nothing.
pub(crate) fn limited(text: &str, max_chars: usize) -> Result<Option<String>, String> {
    match text.chars().count() {
        0 => Ok(None),
        chars if chars <= max_chars => Ok(Some(text.to_owned())),
        _ => Err(format!("expected at most {max_chars} characters")),
    }
}

fn currency(code: &str) -> Result<Option<Currency>, UnknownCurrency> {
    if code.is_empty() { Ok(None) } else { Currency::parse(code).map(Some) }
}

/// In lower case. Without one there is no telling who called whom.
fn call_type(text: &str) -> Result<String, &'static str> {
    if text.is_empty() { Err("expected a call type such as user_out") } else { Ok(text.to_ascii_lowercase()) }
}

/// `TollFree`, `Toll-free service`, `SharedCostTollFree`…
fn is_toll_free(number_type: &str) -> bool {
    let letters: String = number_type.chars().filter(char::is_ascii_alphabetic).collect();
    letters.to_ascii_lowercase().contains("tollfree")
}

/// What a call type, in lower case, is billed as. One not seen before is a user's call out if it says `out`,
/// else inbound.
fn service(call_type: &str, toll_free: bool, is_premium: impl FnOnce() -> bool) -> Service {
    match call_type {
        USER_IN => Service::TollIn,
        "conf_out" | "user_out_conf" => Service::ConferenceOut,
        _ if is_outbound(call_type) && is_premium() => Service::Premium,
        _ if is_outbound(call_type) => Service::UserOut,
        _ if toll_free => Service::TollFreeIn,
        _ => Service::TollIn,
    }
}

/// By its words, so that `route_in` is no call out.
fn is_outbound(call_type: &str) -> bool {
    let mut words = call_type.split(|c: char| !c.is_ascii_alphabetic());
    words.any(|word| word.starts_with("out") || word.ends_with("out"))
}

/// Starts without an offset, as exports have had them: with `T` or a space, or US style with the month first.
/// Matched to the last character, where jiff's own reading of a civil time would drop an offset in silence.
const WITHOUT_OFFSET: [&str; 4] =
    ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %H:%M:%S"];

/// A start to the second, in UTC where it has no offset.
fn instant(text: &str) -> Result<Timestamp, &'static str> {
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
    let seconds = text.parse().ok().filter(|seconds| *seconds <= MAX_DURATION_SECONDS);
    seconds.ok_or_else(|| format!("expected whole seconds from 0 to {MAX_DURATION_SECONDS}"))
}

/// Charge + connection fee (an empty fee is none), exact, then rounded once to what the ledger keeps (S6).
/// None where nothing was charged and it is to be rated like our own.
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
    // A sum that rounds to zero was charged all the same: it is not rated again.
    Ok(Some(Money::rounded(sum, currency).map_err(at(names.charge))?.amount()))
}
