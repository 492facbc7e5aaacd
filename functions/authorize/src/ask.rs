//! Authorizing a call: `POST /v1/accounts/{id}/authorizations` (C1-C3).

use std::ops::RangeInclusive;

use api::fields::{is_country, text, whole};
use api::{Fields, Problem, Reply, Request, Role};
use contract::names::ServiceName;
use contract::{Authorization, Code, FieldError};
use domain::authorization::{self, DEFAULT_DURATION_SECONDS, MAX_DURATION_SECONDS, authorize as decide};
use domain::emergency::is_emergency;
use domain::hold::{HoldKey, Leg};
use domain::id::in_small_letters_if_uuid;
use domain::usage::Number;
use domain::{Account, Decision, Pools, RateTable, Service};
use jiff::Timestamp;
use serde::Deserialize;
use store::{Beside, Read, Seen, Wanted};
use utoipa::ToSchema;

use crate::{Ports, show, spending_wanted, undecided};

/// A call that is to start: one leg of it, as it will be billed.
#[derive(ToSchema)]
#[schema(as = NewAuthorization, rename_all = "camelCase")]
pub struct Call {
    /// The call. Its legs that are billed are authorized one by one.
    #[schema(min_length = 1, max_length = 128)]
    call_id: String,
    /// Whose usage it is, as its record will say.
    #[schema(max_length = 128)]
    user_id: Option<String>,
    /// The service, as its record will say. Either this or `direction` is given.
    #[schema(value_type = Option<ServiceName>)]
    service: Option<Service>,
    /// `outbound` or `inbound`, from the user's side: the published rates then tell `premium` from `userOut`, or `tollFreeIn` from
    /// `tollIn`, by the number called.
    direction: Option<Direction>,
    /// The number that is called, in E.164, such as `+33123456789`: for inbound calls the organization's own. An emergency number may
    /// be a short code, such as `112`.
    #[schema(value_type = String, pattern = r"^(\+[0-9]{1,15}[*xX]{0,14}|[0-9]{1,6})$")]
    number: Dialled,
    /// The plan or licence that the call is made on.
    #[schema(max_length = 64)]
    plan: Option<String>,
    /// The user's country, ISO 3166-1 alpha-2.
    #[schema(pattern = "^[A-Z]{2}$")]
    user_country: Option<String>,
    /// How long the call is to last at most, in seconds: more than the account's margin.
    #[schema(minimum = 1, maximum = 86_400, default = 3_600)]
    max_duration_seconds: u32,
    /// The name of the switch, by which its holds can be released.
    #[schema(max_length = 64)]
    node: Option<String>,
}

/// Which way a call goes, from the user's side.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum Direction {
    /// The user is called.
    Inbound,
    /// The user calls.
    Outbound,
}

impl Direction {
    /// The service of a call to this number.
    fn service(self, number: &Number, account: &Account, rates: &RateTable, now: Timestamp) -> Service {
        match self {
            Self::Inbound if rates.is_toll_free(number, account.currency, now) => Service::TollFreeIn,
            Self::Inbound => Service::TollIn,
            Self::Outbound if rates.is_premium(number, account.currency, now) => Service::Premium,
            Self::Outbound => Service::UserOut,
        }
    }
}

/// A number as it was dialled.
enum Dialled {
    /// An E.164 number.
    Full(Number),
    /// Another text: perhaps an emergency number.
    Short(String),
}

impl Dialled {
    fn as_str(&self) -> &str {
        match self {
            Self::Full(number) => number.as_str(),
            Self::Short(text) => text,
        }
    }
}

impl Call {
    fn read(mut fields: Fields) -> Result<Self, Problem> {
        let id = |field, longest| {
            let text = text(field, longest);
            move |given: String| text(given).map(|id| in_small_letters_if_uuid(&id).into_owned())
        };
        let call_id = fields.required("callId", id("callId", 128));
        let user_id = fields.optional("userId", id("userId", 128));
        let service = fields.optional("service", |name: String| {
            let names = Service::ALL.map(Service::as_str).join(", ");
            Service::parse(&name).ok_or_else(|| {
                FieldError::new("service", Code::NotAllowed, format!("expected one of {names}"))
            })
        });
        let direction = fields.optional("direction", |name: String| match name.as_str() {
            "inbound" => Ok(Direction::Inbound),
            "outbound" => Ok(Direction::Outbound),
            _ => Err(FieldError::new("direction", Code::NotAllowed, "expected inbound or outbound")),
        });
        let number = fields.required("number", dialled);
        let plan = fields.optional("plan", text("plan", 64));
        let user_country = fields.optional("userCountry", |country: String| {
            let expected = "expected two capitals, ISO 3166-1 alpha-2";
            if is_country(&country) {
                Ok(country)
            } else {
                Err(FieldError::new("userCountry", Code::WrongFormat, expected))
            }
        });
        let max = fields.optional("maxDurationSeconds", whole("maxDurationSeconds", DURATIONS));
        let node = fields.optional("node", text("node", 64));
        let call = fields.finish(|| {
            Some(Self {
                call_id: call_id?,
                user_id,
                service,
                direction,
                number: number?,
                plan,
                user_country,
                max_duration_seconds: max.unwrap_or(DEFAULT_DURATION_SECONDS),
                node,
            })
        })?;
        match (call.service, call.direction) {
            (Some(_), Some(_)) => {
                Err(Problem::field("direction", Code::NotAllowed, "expected either a service or a direction"))
            }
            (None, None) => {
                Err(Problem::field("service", Code::Missing, "expected a service or a direction"))
            }
            _ => Ok(call),
        }
    }

    /// Whether it is called from the outside, so that it is no emergency call.
    fn is_inbound(&self) -> bool {
        matches!(self.service, Some(Service::TollFreeIn | Service::TollIn))
            || matches!(self.direction, Some(Direction::Inbound))
    }

    fn is_emergency(&self) -> bool {
        !self.is_inbound() && is_emergency(self.number.as_str(), self.user_country.as_deref())
    }
}

fn dialled(text: String) -> Result<Dialled, FieldError> {
    match Number::parse(&text) {
        Ok(number) => Ok(Dialled::Full(number)),
        Err(_) if !text.is_empty() && text.len() <= 6 && text.bytes().all(|b| b.is_ascii_digit()) => {
            Ok(Dialled::Short(text))
        }
        Err(problem) => {
            let expected = format!("{problem}; or an emergency number such as 112");
            Err(FieldError::new("number", Code::WrongFormat, expected))
        }
    }
}

/// The range of how long a call is to last.
pub(crate) const DURATIONS: RangeInclusive<u32> = 1..=MAX_DURATION_SECONDS;

/// The problem of a call that is to last no longer than the margin of the account's calls.
pub(crate) fn within_margin(account: &Account) -> Problem {
    let margin = account.limits.margin_seconds;
    let expected = format!(
        "expected a whole number from {} to {MAX_DURATION_SECONDS}: more than the margin",
        margin + 1
    );
    Problem::field("maxDurationSeconds", Code::OutOfRange, expected)
}

/// Ask whether a call may start
///
/// Ask once for each leg of a call that will be billed, before it is connected. If the call may start, cut it after
/// `maxDurationSeconds`, or extend it before. What it may cost is held until its usage record comes, it is released, or the hold
/// lapses: 15 minutes after the granted time, rounded up to five minutes (or to an hour, if that is more than two hours away).
///
/// The record ends the hold that its `holdId` names, or else that of the same `callId`, `service` and `number`. The call is charged
/// for its length, however much was held.
///
/// The same request sent again gets the same answer, or more once there are funds for it. A request for the same leg that asks for a longer call extends it. There is no
/// hold for a call that is free, nor for one that is invoiced after use and bound by no limit.
///
/// An emergency number is always allowed and never held. A switch must know emergency numbers itself, and must not wait for an
/// answer before it connects them.
///
/// A refusal has a `reason` and a `sipStatus` for the caller's side: `insufficientFunds` 402, `limitReached`, `noRate` and
/// `tooManyHolds` 403. Further reasons may come; then go by `sipStatus`. A 503, which comes within two seconds, is no answer.
///
/// For operator and platform.
#[utoipa::path(
    post,
    path = "/v1/accounts/{id}/authorizations",
    operation_id = "authorizeCall",
    tag = "Authorizations",
    params(("id" = String, Path, description = "The account")),
    request_body = Call,
    responses(
        (status = 200, description = "Whether the call may start, and how long it may last", body = Authorization),
        (status = 422, description = "A field is wrong", body = contract::ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "No decision was reached in time", body = contract::ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u32, description = "Seconds after which to send the same request again"))),
    )
)]
pub async fn authorize(request: &Request, ports: &Ports) -> Result<Reply, Problem> {
    let id = request.account(&[Role::Operator, Role::Platform])?;
    let call = Call::read(request.fields()?)?;
    let account = ports.store.account_seen(&id).await?.ok_or(Problem::NoAccount)?;
    let now = request.now();
    if call.is_emergency() {
        return Ok(Reply::json(200, &of_emergency(&call, &account, now)));
    }
    let rates = ports.rates.get()?;
    let Call { call_id, user_id, service, direction, number, plan, user_country, max_duration_seconds, node } =
        call;
    let Dialled::Full(number) = number else {
        let expected =
            "expected an E.164 number such as +33123456789; this short number is no emergency number";
        return Err(Problem::field("number", Code::WrongFormat, expected));
    };
    let by_rates = || direction.map(|direction| direction.service(&number, &account, rates, now));
    let service = service.or_else(by_rates).expect("a service or a direction is given");
    let leg = Leg { call_id, service, number };
    let key = HoldKey::of(&leg);
    let call = authorization::Request { leg, user_id, plan, user_country, node, max_duration_seconds };
    let wanted = |account: &Account, seen: &Seen, read: Read| {
        let user_id = seen.hold(&key).map_or(call.user_id.as_ref(), |hold| hold.user_id.as_ref());
        // The hold that the leg may have is part of what is held. Once the account is read, so is the hold: what is refused is never
        // refused because of it.
        let may_have_hold = read == Read::Now && account.held.count(now.max(account.as_of)) > 0;
        Wanted {
            holds: may_have_hold.then(|| key.clone()).into_iter().collect(),
            spending: spending_wanted(account, user_id, now),
        }
    };
    let decide = |account: &Account, pools: &Pools, seen: &Seen, beside: &Beside| {
        if max_duration_seconds <= account.limits.margin_seconds {
            return Decision::unchanged(None);
        }
        let known = seen.hold(&key).or_else(|| beside.holds.get(&key));
        let decision = decide(account, now, &call, known, beside.spending.as_ref(), rates, pools);
        Decision { change: decision.change, answer: Some(decision.answer) }
    };
    let applied = ports.store.apply_with_holds(&id, wanted, decide).await.map_err(undecided)?;
    let decided = applied.answer.ok_or_else(|| within_margin(&applied.account))?;
    Ok(Reply::json(200, &show(&decided, service, &applied.account)))
}

/// An emergency call is always allowed (C3).
fn of_emergency(call: &Call, account: &Account, now: Timestamp) -> Authorization {
    Authorization {
        allowed: true,
        reason: None,
        sip_status: None,
        hold_id: None,
        service: call.service.unwrap_or(Service::UserOut).as_str().to_owned(),
        max_duration_seconds: MAX_DURATION_SECONDS,
        rate: None,
        currency: account.currency.code().to_owned(),
        available: account.available(now.max(account.as_of)).to_string(),
    }
}
