//! Releasing holds: one, those of a call, or those of a switch (C4).

use api::{Problem, Reply, Request, Role};
use contract::Code;
use domain::authorization::release as decide;
use domain::hold::{Hold, HoldId, HoldKey};
use domain::id::in_small_letters_if_uuid;
use domain::{Account, AccountId, Pools};
use jiff::Timestamp;
use store::{Beside, Read, Seen, Wanted};

use crate::{Ports, undecided};

/// The holds that one commit is given. Each may take two items of it, and the account up to four.
const HOLDS_A_COMMIT: usize = 48;

/// Release a hold
///
/// For a call that did not come about. If there is no such hold any more, nothing happens.
///
/// For operator and platform.
#[utoipa::path(
    delete,
    path = "/v1/accounts/{id}/authorizations/{holdId}",
    operation_id = "releaseHold",
    tag = "Authorizations",
    params(
        ("id" = String, Path, description = "The account"),
        ("holdId" = String, Path, description = "The hold"),
    ),
    responses(
        (status = 204, description = "Nothing is held"),
        (status = 503, description = "No decision was reached in time", body = contract::ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u32, description = "Seconds after which to send the same request again"))),
    )
)]
pub async fn release_one(request: &Request, ports: &Ports) -> Result<Reply, Problem> {
    let id = request.account(&[Role::Operator, Role::Platform])?;
    ports.store.account_seen(&id).await?.ok_or(Problem::NoAccount)?;
    if let Some(hold) = request.path("holdId").and_then(HoldId::parse) {
        release(ports, &id, request.now(), vec![hold.key()], |live| live.id() == hold).await?;
    }
    Ok(Reply::nothing())
}

/// Release the holds of a call or of a switch
///
/// `callId` releases all holds of a call, also if the reply to its authorization was lost. `node` releases all holds that a switch
/// has taken, for a switch that started anew and knows nothing of its calls. One of the two is given.
///
/// For operator and platform.
#[utoipa::path(
    delete,
    path = "/v1/accounts/{id}/authorizations",
    operation_id = "releaseHolds",
    tag = "Authorizations",
    params(
        ("id" = String, Path, description = "The account"),
        ("callId" = Option<String>, Query, description = "The call"),
        ("node" = Option<String>, Query, description = "The switch"),
    ),
    responses(
        (status = 204, description = "Nothing is held"),
        (status = 422, description = "A parameter is wrong", body = contract::ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "No decision was reached in time; send the same request again", body = contract::ProblemBody, content_type = "application/problem+json", headers(("Retry-After" = u32, description = "Seconds after which to send the same request again"))),
    )
)]
pub async fn release_many(request: &Request, ports: &Ports) -> Result<Reply, Problem> {
    let id = request.account(&[Role::Operator, Role::Platform])?;
    ports.store.account_seen(&id).await?.ok_or(Problem::NoAccount)?;
    let call_id = request.query("callId").map(in_small_letters_if_uuid);
    let node = request.query("node");
    let beginning = match (&call_id, node) {
        (Some(call_id), None) => HoldKey::of_call(call_id),
        (None, Some(_)) => String::new(),
        (None, None) => return Err(Problem::field("callId", Code::Missing, "expected callId or node")),
        (Some(_), Some(_)) => {
            return Err(Problem::field("node", Code::NotAllowed, "expected either callId or node"));
        }
    };
    let is_meant = |hold: &Hold| match node {
        Some(node) => hold.node.as_deref() == Some(node),
        None => call_id.as_deref() == Some(hold.leg.call_id.as_str()),
    };
    let now = request.now();
    let holds = ports.store.holds_beginning(&id, &beginning).await?;
    let live: Vec<_> =
        holds.iter().filter(|hold| hold.lives_at(now) && is_meant(hold)).map(Hold::key).collect();
    for keys in live.chunks(HOLDS_A_COMMIT) {
        release(ports, &id, now, keys.to_vec(), &is_meant).await?;
    }
    Ok(Reply::nothing())
}

/// Ends those of these holds that live and are meant.
async fn release(
    ports: &Ports,
    id: &AccountId,
    now: Timestamp,
    keys: Vec<HoldKey>,
    is_meant: impl Fn(&Hold) -> bool + Send + Sync,
) -> Result<(), Problem> {
    let wanted = |_: &Account, _: &Seen, _: Read| Wanted { holds: keys.clone(), spending: None };
    let decide = |account: &Account, _: &Pools, _: &Seen, beside: &Beside| {
        let holds: Vec<_> = beside.holds.values().filter(|hold| is_meant(hold)).collect();
        decide(account, now, &holds)
    };
    ports.store.apply_with_holds(id, wanted, decide).await.map_err(undecided).map(drop)
}
