//! Who the caller is, and which accounts the caller reaches (X1).

use api::{Problem, Reply, Request, Role};
use contract::{Caller, CallerAccount};
use domain::AccountId;

use crate::Ports;

/// At most this many accounts of a token are shown.
const MAX_ACCOUNTS: usize = 100;

/// Read who the caller is
///
/// The answer has the roles of the token, and the accounts that it names and that there are: the first 100 of them by id. An
/// operator reaches all accounts, which `GET /v1/accounts` lists.
///
/// For operator, admin, viewer and platform.
#[utoipa::path(
    get,
    path = "/v1/caller",
    operation_id = "getCaller",
    tag = "Accounts",
    responses((status = 200, description = "The caller", body = Caller))
)]
pub async fn show(request: &Request, ports: &Ports) -> Result<Reply, Problem> {
    let caller = request.caller();
    let mut ids: Vec<_> = caller.accounts().filter_map(|id| AccountId::parse(id).ok()).collect();
    ids.sort_unstable();
    ids.truncate(MAX_ACCOUNTS);
    let accounts = ports.store.accounts_named(&ids).await?;
    let shown =
        accounts.iter().map(|(account, profile)| CallerAccount::show(account, profile, request.now()));
    Ok(Reply::json(
        200,
        &Caller {
            subject: caller.subject.clone(),
            name: caller.name.clone(),
            roles: caller.roles().map(|role: Role| role.as_str().to_owned()).collect(),
            accounts: shown.collect(),
        },
    ))
}
