//! Refunds of a purchase's unspent part (F9).

use api::fields::text;
use api::{Fields, Problem, Reply, Request, Role};
use contract::{Code, Purchase};
use domain::refund::{Refund, RefundState};
use domain::refunding::{self, RefundRefusal, RefundRequest};
use domain::{CardPayment, Fingerprint, PaymentId};
use utoipa::ToSchema;

use crate::Ports;
use crate::adjust::LONGEST_REASON;
use crate::idempotency::{Keyed, Once, once};

/// A refund.
#[derive(ToSchema)]
#[schema(as = NewRefund, rename_all = "camelCase")]
pub struct Body {
    /// The reason for the refund, up to 500 characters.
    #[schema(pattern = r"^[ \t\r\n]*\S([\s\S]{0,498}\S)?[ \t\r\n]*$")]
    reason: String,
}

impl Body {
    fn read(mut fields: Fields) -> Result<Self, Problem> {
        let reason = fields.required("reason", text("reason", LONGEST_REASON));
        fields.finish(|| Some(Self { reason: reason? }))
    }
}

/// Refund a purchase
///
/// Returns what is unspent of a purchase or recharge to its card, rounded down to what the card processor pays back (minor units, or
/// coarser): at most what is `spendable`, and what the card does not have back yet. The funds leave the account first. If the card processor cannot pay the card back, they return.
/// Auto-recharge pauses until somebody resumes it.
///
/// Requests with the same `Idempotency-Key` and body stand for the same refund for ever. They are answered with the purchase as it
/// is now.
///
/// For operator.
#[utoipa::path(
    post,
    path = "/v1/accounts/{id}/purchases/{purchaseId}/refund",
    operation_id = "refundPurchase",
    tag = "Funds",
    params(
        ("id" = String, Path, description = "The account"),
        ("purchaseId" = String, Path, description = "The purchase"),
        ("Idempotency-Key" = String, Header, pattern = "^[!-~]{1,255}$", description = "1 to 255 visible ASCII characters"),
    ),
    request_body = Body,
    responses(
        (status = 201, description = "The card processor pays it back", body = Purchase),
        (status = 202, description = "The funds have left the account, and whether the card processor pays it back is not known yet", body = Purchase),
        (status = 404, description = "There is no such purchase", body = contract::ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "Nothing can be refunded, the card processor refused, or the key was used with another body", body = contract::ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "A field is wrong", body = contract::ProblemBody, content_type = "application/problem+json"),
        (status = 503, description = "The account is contended, or a dependency is down: send the request again with the same key", body = contract::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn refund(request: &Request, ports: &Ports) -> Result<Reply, Problem> {
    let account = request.account(&[Role::Operator])?;
    let key = request.idempotency_key()?;
    let none = || Problem::NotFound("purchase");
    let purchase_id = request.purchase_id().ok_or_else(none)?;
    let body = Body::read(request.fields()?)?;
    let find = async || Ok::<_, Problem>(ports.store.card_payment(&account, &purchase_id).await?);
    let payment = find().await?.ok_or_else(none)?;
    let keyed = Keyed {
        id: PaymentId::of_refund(&account, &purchase_id, key),
        fingerprint: Fingerprint::of([body.reason.as_str()]),
    };
    if let Some(refund) = made(&payment, &keyed) {
        return repeated(&keyed, refund, &payment);
    }
    let wanted = RefundRequest {
        id: keyed.id.clone(),
        fingerprint: keyed.fingerprint.clone(),
        reason: body.reason,
        author: request.caller().subject.clone(),
    };
    let cashier = ports.cashier();
    let begins_at = cashier.begins_at(request.now());
    let opened = ports.store.apply(&account, |account, _| {
        let charged = ports.limits.charged();
        refunding::open(account, &payment, request.now(), &wanted, begins_at, charged).map_err(Refusal)
    });
    let opened = opened.await.map(|opened| opened.answer);
    // Another request may have refunded the purchase meanwhile: this very one, sent twice, or another.
    let found = async { Ok(find().await?.filter(|payment| made(payment, &keyed).is_some())) };
    match once(opened, found).await? {
        Once::Before(payment) => {
            let refund = made(&payment, &keyed).expect("a payment without it was left out");
            repeated(&keyed, refund, &payment)
        }
        Once::Made(payment) => {
            let payment = cashier.refund(payment, &keyed.id, request.now()).await?;
            let refund = made(&payment, &keyed).expect("a refund stays in its payment");
            show(refund, &payment)
        }
    }
}

fn made<'a>(payment: &'a CardPayment, keyed: &Keyed) -> Option<&'a Refund> {
    payment.repayments().and_then(|repayments| repayments.refund(&keyed.id))
}

fn repeated(keyed: &Keyed, refund: &Refund, payment: &CardPayment) -> Result<Reply, Problem> {
    keyed.check(refund.origin.fingerprint().expect("a refund with our key was asked for by the operator"))?;
    show(refund, payment)
}

fn show(refund: &Refund, payment: &CardPayment) -> Result<Reply, Problem> {
    let purchase = Purchase::from(payment);
    match &refund.state {
        RefundState::Open => Ok(Reply::json(202, &purchase)),
        RefundState::Paid(_) => Ok(Reply::json(201, &purchase)),
        RefundState::Returned { reason, .. } => {
            let said =
                format!("the card was not paid back ({reason}), and the funds are back in the account");
            Err(Problem::Conflict(Code::RefundFailed, said))
        }
    }
}

/// A refusal of the domain, which becomes a problem.
struct Refusal(RefundRefusal);

impl From<Refusal> for Problem {
    fn from(Refusal(refusal): Refusal) -> Self {
        let code = match refusal {
            RefundRefusal::NotCharged | RefundRefusal::NothingUnspent => Code::NothingToRefund,
            RefundRefusal::Disputed => Code::PurchaseDisputed,
            RefundRefusal::TooMany => Code::TooManyRefunds,
        };
        Self::Conflict(code, refusal.to_string())
    }
}
