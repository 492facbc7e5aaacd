//! Extending an authorization: `PUT /v1/accounts/{id}/authorizations/{holdId}` (C4).

use api::fields::whole;
use api::{Problem, Reply, Request, Role};
use contract::Authorization;
use domain::authorization::extend as decide;
use domain::hold::HoldId;
use domain::{Account, Decision, Pools};
use store::{Beside, Read, Seen, Wanted};
use utoipa::ToSchema;

use crate::ask::{DURATIONS, within_margin};
use crate::{Ports, show, spending_wanted, undecided};

/// How long a call is to last.
#[derive(ToSchema)]
#[schema(as = Extension, rename_all = "camelCase")]
pub struct Extension {
    /// How long the call is to last at most, in seconds since it was authorized: more than the account's margin.
    #[schema(minimum = 1, maximum = 86_400)]
    #[expect(dead_code, reason = "it is read field by field; this is its schema")]
    max_duration_seconds: u32,
}

/// Extend an authorization
///
/// The time is that since the call was authorized, not since the latest request. Ask before the granted time ends. It is decided as
/// for a new call: the answer has the time that the call may last in all. The same request sent again gets
/// the same answer, or more once there are funds for it. Refused,
/// what was granted before stays granted, and `maxDurationSeconds` says how much that is.
///
/// For operator and platform.
#[utoipa::path(
    put,
    path = "/v1/accounts/{id}/authorizations/{holdId}",
    operation_id = "extendAuthorization",
    tag = "Authorizations",
    params(
        ("id" = String, Path, description = "The account"),
        ("holdId" = String, Path, description = "The hold"),
    ),
    request_body = Extension,
    responses(
        (status = 200, description = "How long the call may last", body = Authorization),
        (status = 404, description = "There is no such hold: it has ended, was released, or has lapsed. Authorize the call again", body = contract::ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "A field is wrong", body = contract::ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "No decision was reached in time", body = contract::ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u32, description = "Seconds after which to send the same request again"))),
    )
)]
pub async fn extend(request: &Request, ports: &Ports) -> Result<Reply, Problem> {
    let id = request.account(&[Role::Operator, Role::Platform])?;
    let mut fields = request.fields()?;
    let seconds = fields.required("maxDurationSeconds", whole("maxDurationSeconds", DURATIONS));
    let seconds = fields.finish(|| seconds)?;
    ports.store.account_seen(&id).await?.ok_or(Problem::NoAccount)?;
    let hold = request.path("holdId").and_then(HoldId::parse).ok_or(Problem::NotFound("hold"))?;
    let (key, now, rates) = (hold.key(), request.now(), ports.rates.get()?);
    // The user of the hold, whose spending the decision needs where users have a limit. A hold keeps its user.
    let read = ports.store.holds_beginning(&id, key.as_str()).await?;
    let read = read.into_iter().find(|read| read.id() == hold).ok_or(Problem::NotFound("hold"))?;
    let wanted = |account: &Account, _: &Seen, _: Read| Wanted {
        holds: vec![key.clone()],
        spending: spending_wanted(account, read.user_id.as_ref(), now),
    };
    let decide = |account: &Account, pools: &Pools, _: &Seen, beside: &Beside| {
        let at = now.max(account.as_of);
        let live = beside.holds.get(&key).filter(|live| live.id() == hold && live.lives_at(at));
        let Some(live) = live else { return Decision::unchanged(Err(Problem::NotFound("hold"))) };
        if seconds <= account.limits.margin_seconds {
            return Decision::unchanged(Err(within_margin(account)));
        }
        let decision = decide(account, now, live, seconds, beside.spending.as_ref(), rates, pools);
        Decision { change: decision.change, answer: Ok(decision.answer) }
    };
    let applied = ports.store.apply_with_holds(&id, wanted, decide).await.map_err(undecided)?;
    let decided = applied.answer?;
    Ok(Reply::json(200, &show(&decided, read.leg.service, &applied.account)))
}
