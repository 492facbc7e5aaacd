//! Buying funds by card (F1-F7, F11).

use api::fields::anything;
use api::{Fields, Problem, Reply, Request, Role};
use contract::{Amount, Code, Purchase, PurchaseStatus};
use domain::profile::PaymentMethod;
use domain::purchase::{self, PurchaseRefusal, PurchaseRequest};
use domain::{AccountId, CardPayment, Fingerprint, PaymentKind};
use utoipa::ToSchema;

use crate::Ports;
use crate::idempotency::{Keyed, Once, once};

/// Funds to buy.
#[derive(ToSchema)]
#[schema(as = NewPurchase, rename_all = "camelCase")]
pub struct Body {
    /// The amount to charge, in units of the currency: `"100.00"` is one hundred euros. It has at most the decimals that a
    /// card is charged in (EUR 2, JPY 0), and is within the operator's limits.
    #[schema(example = "100.00")]
    amount: Amount,
    /// The processor's token of a card, if the saved card is not to be charged.
    #[schema(example = "pm_card_visa")]
    payment_method: Option<String>,
}

impl Body {
    fn read(mut fields: Fields) -> Result<Self, Problem> {
        let amount = fields.required("amount", anything::<Amount>);
        let payment_method = fields.optional("paymentMethod", anything::<String>);
        fields.finish(|| Some(Self { amount: amount?, payment_method }))
    }
}

/// Buy funds
///
/// Requests with the same `Idempotency-Key` and body stand for the same purchase for ever, and are answered with the
/// purchase as it is now: the card is charged once at most. A new try after a decline needs a new key. If the outcome is
/// unknown, the purchase stays `pending` and resolves by itself.
///
/// For operator and admin.
#[utoipa::path(
    post,
    path = "/v1/accounts/{id}/purchases",
    operation_id = "buyFunds",
    tag = "Funds",
    params(
        ("id" = String, Path, description = "The account"),
        ("Idempotency-Key" = String, Header, pattern = "^[!-~]{1,255}$", description = "1 to 255 visible ASCII characters"),
    ),
    request_body = Body,
    responses(
        (status = 201, description = "The card was charged and the funds added", body = Purchase),
        (status = 202, description = "The purchase is pending, or the card's owner must confirm it (`nextAction`)", body = Purchase),
        (status = 402, description = "The card was declined", body = contract::ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The key was used with another body, or the account cannot buy funds", body = contract::ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "A field is wrong", body = contract::ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The account is contended, or a dependency is down: send the request again with the same key", body = contract::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn buy(request: &Request, ports: &Ports) -> Result<Reply, Problem> {
    let account = request.account(&[Role::Operator, Role::Admin])?;
    let key = request.idempotency_key()?;
    let body = Body::read(request.fields()?)?;
    let amount = body.amount.0.normalize().to_string();
    let fingerprint = Fingerprint::of([amount.as_str(), body.payment_method.as_deref().unwrap_or_default()]);
    let keyed = Keyed::new(&account, PaymentKind::Purchase, key, fingerprint);

    if let Some(payment) = ports.store.card_payment(&account, &keyed.id).await? {
        return repeated(&keyed, &payment);
    }
    let method = method_named(ports, &account, body.payment_method.as_deref()).await?;
    let wanted = PurchaseRequest {
        id: keyed.id.clone(),
        fingerprint: keyed.fingerprint.clone(),
        amount: body.amount.0,
        method,
    };
    let opened = ports.store.apply_with_profile(&account, |account, profile| {
        purchase::open(account, profile, request.now(), &wanted, &ports.limits).map_err(Refusal)
    });
    let opened = opened.await.map(|opened| opened.answer);
    let find = async { Ok(ports.store.card_payment(&account, &keyed.id).await?) };
    match once(opened, find).await? {
        Once::Before(payment) => repeated(&keyed, &payment),
        Once::Made(payment) => show(&ports.cashier().charge(payment, request.now()).await?),
    }
}

fn repeated(keyed: &Keyed, payment: &CardPayment) -> Result<Reply, Problem> {
    keyed.check(&payment.fingerprint)?;
    show(payment)
}

fn show(payment: &CardPayment) -> Result<Reply, Problem> {
    let purchase = Purchase::from(payment);
    match purchase.status {
        PurchaseStatus::Succeeded | PurchaseStatus::Refunded | PurchaseStatus::Disputed => {
            Ok(Reply::json(201, &purchase))
        }
        PurchaseStatus::Pending | PurchaseStatus::NeedsAction => Ok(Reply::json(202, &purchase)),
        PurchaseStatus::Declined => Err(Problem::Declined(Box::new(purchase))),
    }
}

async fn method_named(
    ports: &Ports,
    account: &AccountId,
    token: Option<&str>,
) -> Result<Option<PaymentMethod>, Problem> {
    let Some(token) = token else { return Ok(None) };
    let (_, profile) = ports.store.account_with_profile(account).await?.ok_or(Problem::NoAccount)?;
    let kept = ports.processor.save_method(account, profile.customer(), token).await;
    kept.map(Some).map_err(|error| Problem::payment_method("paymentMethod", &error))
}

/// A refusal of the domain, which becomes a problem.
struct Refusal(PurchaseRefusal);

impl From<Refusal> for Problem {
    fn from(Refusal(refusal): Refusal) -> Self {
        let said = refusal.to_string();
        match refusal {
            PurchaseRefusal::BelowMinimum { .. }
            | PurchaseRefusal::AboveMaximum { .. }
            | PurchaseRefusal::NotCharged { .. }
            | PurchaseRefusal::AccountTooLarge => Self::field("amount", Code::OutOfRange, said),
            PurchaseRefusal::NotChargeable { .. } => Self::field("amount", Code::TooManyDecimals, said),
            PurchaseRefusal::NoPaymentMethod => Self::field("paymentMethod", Code::Missing, said),
            PurchaseRefusal::PostUsage => Self::Conflict(Code::PostUsageAccount, said),
            PurchaseRefusal::TooManyLots => Self::Conflict(Code::TooManyLots, said),
            PurchaseRefusal::TooManyDeclines { .. } => Self::Conflict(Code::TooManyDeclines, said),
        }
    }
}
