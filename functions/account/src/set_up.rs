//! Saving a card that a person enters on the card processor's own page (F10, X2).
//!
//! [`begin`] answers a request with the address of that page. Once a card is entered there, `payments::set_up` saves it.

use api::fields::anything;
use api::{Fields, Problem, Reply, Request, Role};
use contract::{CardPage, Code};
use domain::profile::CardUse;
use jiff::SignedDuration;
use payments::NewSetUp;
use utoipa::ToSchema;

use crate::Ports;

/// How long a card can be entered. It is the longest time that Stripe keeps such a page open.
const OPEN_FOR: SignedDuration = SignedDuration::from_hours(24);

/// The card to be entered.
#[derive(ToSchema)]
#[schema(as = NewSetUp, rename_all = "camelCase")]
pub struct Body {
    /// Whether it is the backup card, which auto-recharge charges once when the first card is declined.
    #[schema(default = false)]
    backup: Option<bool>,
}

impl Body {
    fn read(mut fields: Fields) -> Result<Self, Problem> {
        let backup = fields.optional("backup", anything::<bool>);
        fields.finish(|| Some(Self { backup }))
    }
}

/// Let a card be entered
///
/// Begins a set-up: the answer has the address of the card processor's own page, where a person enters a card within 24 hours. The
/// page leads back to the portal's page of the account's cards. Once the card is entered, it is saved as with `PUT`, and the caller of
/// this operation is the author of the change.
///
/// For operator and admin.
#[utoipa::path(
    post,
    path = "/v1/accounts/{id}/payment-method/setup",
    operation_id = "setUpPaymentMethod",
    tag = "Accounts",
    params(("id" = String, Path, description = "The account")),
    request_body = Body,
    responses(
        (status = 200, description = "The page where the card is entered", body = CardPage),
        (status = 409, description = "There is no card that a backup card could stand in for", body = contract::ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "A field is wrong", body = contract::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn begin(request: &Request, ports: &Ports) -> Result<Reply, Problem> {
    let id = request.account(&[Role::Operator, Role::Admin])?;
    let body = Body::read(request.fields()?)?;
    let (_, profile) = ports.store.account_with_profile(&id).await?.ok_or(Problem::NoAccount)?;
    let card = if body.backup.unwrap_or_default() { CardUse::Backup } else { CardUse::Main };
    if card == CardUse::Backup && profile.payment_method.is_none() {
        let detail = "there is no card that a backup card could stand in for".to_owned();
        return Err(Problem::Conflict(Code::NoPaymentMethod, detail));
    }
    let new = NewSetUp {
        account: &id,
        customer: profile.customer(),
        card,
        by: &request.caller().author(),
        return_url: &ports.portal.payment_method(&id),
        expires_at: request.now() + OPEN_FOR,
    };
    let set_up = ports.processor.set_up(&new).await.map_err(|error| Problem::processor(&error))?;
    Ok(Reply::json(200, &CardPage { url: set_up.url }))
}
