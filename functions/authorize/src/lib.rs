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

use api::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse, Problem};
use contract::Authorization;
use domain::authorization;
use domain::time::Month;
use domain::{Account, Service};
use jiff::Timestamp;
use rates::PublishedRates;
use store::{Applied, ApplyError, Store};
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

/// Answers one request.
pub async fn handle(event: ApiGatewayV2httpRequest, ports: &Ports) -> ApiGatewayV2httpResponse {
    api::answer(event, ROUTES, async |request| route(request, ports).await).await
}

/// How long a switch waits for a decision at most. What is left of two seconds is for the way there and back.
const DECIDES_WITHIN: Duration = Duration::from_millis(1_500);

/// Waits for a decision, but no longer than a switch does. A commit that is in flight then may still be made; the same request sent
/// again finds its hold.
async fn in_time<T>(
    decision: impl Future<Output = Result<Applied<T>, ApplyError<Infallible>>>,
) -> Result<Applied<T>, Problem> {
    match timeout(DECIDES_WITHIN, decision).await {
        Ok(Ok(applied)) => Ok(applied),
        Ok(Err(ApplyError::NoAccount)) => Err(Problem::NoAccount),
        Ok(Err(ApplyError::Store(problem))) => Err((&problem).into()),
        Ok(Err(ApplyError::PaymentMoved)) => unreachable!("a hold has no payment"),
        Ok(Err(ApplyError::Refused(never))) => match never {},
        Err(_) => Err(Problem::Contended),
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
