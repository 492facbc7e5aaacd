//! Reading accounts.

use api::{PageParameters, Problem, Reply, Request, Role};
use contract::{Account, Accounts};
use domain::AccountId;

use crate::Ports;

/// List accounts
///
/// For operator.
#[utoipa::path(
    get,
    path = "/v1/accounts",
    operation_id = "listAccounts",
    tag = "Accounts",
    params(
        PageParameters,
    ),
    responses((status = 200, description = "One page, by id", body = Accounts))
)]
pub async fn list(request: &Request, ports: &Ports) -> Result<Reply, Problem> {
    request.caller().is(&[Role::Operator])?;
    let (cursor, limit) = request.page()?;
    let page = ports.store.accounts(cursor.as_ref(), limit).await?;
    let accounts = page
        .items
        .iter()
        .map(|(account, profile)| Account::show(account, profile, request.now(), &ports.policy));
    Ok(Reply::json(
        200,
        &Accounts { accounts: accounts.collect(), next: page.next.map(|next| next.encoded()) },
    ))
}

/// Read an account
///
/// For operator, admin, viewer and platform.
#[utoipa::path(
    get,
    path = "/v1/accounts/{id}",
    operation_id = "getAccount",
    tag = "Accounts",
    params(("id" = String, Path, description = "The account")),
    responses(
        (status = 200, description = "The account", body = Account),
        (status = 404, description = "There is no such account, or it is another organization's", body = contract::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn show(request: &Request, ports: &Ports) -> Result<Reply, Problem> {
    let id = request.account(&[Role::Operator, Role::Admin, Role::Viewer, Role::Platform])?;
    as_it_stands(request, ports, &id).await
}

/// Answers with the account as it stands.
pub(crate) async fn as_it_stands(request: &Request, ports: &Ports, id: &AccountId) -> Result<Reply, Problem> {
    let (account, profile) = ports.store.account_with_profile(id).await?.ok_or(Problem::NoAccount)?;
    Ok(Reply::json(200, &Account::show(&account, &profile, request.now(), &ports.policy)))
}
