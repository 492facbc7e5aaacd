//! May a call start, and how long may it last (C1-C4)? A switch asks before it connects a call, extends while the call goes on, and
//! releases what a call that did not come about would have needed.
//!
//! | file | what |
//! |---|---|
//! | [`ask`] | authorize a call |
//! | [`extend`] | extend an authorization |
//! | [`release`] | release one hold, those of a call, or those of a switch |
//!
//! A call waits for the answer, so a request that meets too many others is answered with 503 within two seconds. A switch treats that
//! as no answer.

pub mod ask;
pub mod extend;
pub mod release;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use api::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse, Problem, Request};
use contract::Authorization;
use domain::authorization;
use domain::time::Month;
use domain::{Account, Service};
use jiff::Timestamp;
use rates::PublishedRates;
use store::{ApplyError, Store};
use telemetry::metric::AUTHORIZATIONS;
use tokio::time::timeout;

/// The ports of the handler.
#[derive(Clone)]
pub struct Ports {
    /// Accounts and their holds.
    pub store: Arc<Store>,
    /// Published rates.
    pub rates: PublishedRates,
}

api::routes! { &Ports;
    "POST /v1/accounts/{id}/authorizations" () => ask::authorize,
    "PUT /v1/accounts/{id}/authorizations/{holdId}" () => extend::extend,
    "DELETE /v1/accounts/{id}/authorizations/{holdId}" () => release::release_one,
    "DELETE /v1/accounts/{id}/authorizations" ("callId", "node") => release::release_many,
}

/// How long a switch waits for an answer at most. What is left of two seconds is for the way there and back.
const ANSWERS_WITHIN: Duration = Duration::from_millis(1_500);

/// Answers one request. A commit that is in flight when time is up may still be made; the same request sent again finds what it did.
pub async fn handle(event: ApiGatewayV2httpRequest, ports: &Ports) -> ApiGatewayV2httpResponse {
    let in_time = async |request: &Request| {
        timeout(ANSWERS_WITHIN, route(request, ports)).await.unwrap_or_else(|_| {
            AUTHORIZATIONS.add_for("unanswered", 1);
            Err(Problem::Contended)
        })
    };
    api::answer(event, ROUTES, in_time).await
}

/// The problem of a decision about holds that was not made.
fn undecided(error: ApplyError<Infallible>) -> Problem {
    match error {
        ApplyError::NoAccount => Problem::NoAccount,
        ApplyError::Store(problem) => (&problem).into(),
        ApplyError::PaymentMoved => unreachable!("a hold has no payment"),
        ApplyError::Refused(never) => match never {},
    }
}

/// The spending of a user that a decision needs: none where users have no limit.
fn spending_wanted(
    account: &Account,
    user_id: Option<&String>,
    now: Timestamp,
) -> Option<(String, Month, Timestamp)> {
    let limit = account.limits.per_user_monthly?;
    Some((user_id?.clone(), Month::of(now.max(account.as_of)), limit.since))
}

/// The answer to a switch.
fn show(
    authorization: &authorization::Authorization<'_>,
    service: Service,
    account: &Account,
) -> Authorization {
    let authorization::Authorization { refusal, hold, granted_seconds, rate, available } = authorization;
    AUTHORIZATIONS.add_for(refusal.map_or("allowed", authorization::Refusal::as_str), 1);
    Authorization {
        allowed: refusal.is_none(),
        reason: refusal.map(|refusal| refusal.as_str().to_owned()),
        sip_status: refusal.map(authorization::Refusal::sip_status),
        hold_id: hold.as_ref().map(|id| id.as_str().to_owned()),
        service: service.as_str().to_owned(),
        max_duration_seconds: *granted_seconds,
        rate: rate.map(Into::into),
        currency: account.currency.code().to_owned(),
        available: available.to_string(),
    }
}
