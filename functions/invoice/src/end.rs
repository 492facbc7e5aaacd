//! The end of an invoice: the operator marks it as paid, or cancels it (S8).

use api::fields::{line, text};
use api::{Fields, Problem, Reply, Request, Role};
use contract::{Code, Invoice};
use domain::invoicing::{self, InvoiceRefusal};
use domain::time::{cut_to_millisecond, in_range};
use domain::{Account, AccountId, Decision, PaymentId, invoice};
use jiff::Timestamp;
use store::ApplyError;
use utoipa::ToSchema;

use crate::Ports;

/// A reference has at most this many characters.
const LONGEST_REFERENCE: usize = 200;

/// A reason has at most this many characters.
const LONGEST_REASON: usize = 500;

/// How often an invoice that moves while it is decided on is read again.
const MAX_TRIES: u32 = 3;

/// A payment of an invoice.
#[derive(ToSchema)]
#[schema(as = InvoicePayment, rename_all = "camelCase")]
pub struct Payment {
    /// What names the payment, such as a bank's reference: one line of 1 to 200 characters.
    #[schema(
        example = "SEPA 2026-12-19 4711",
        pattern = r"^[ \t\r\n]*[^\s\x00-\x1f\x7f-\x9f]([^\x00-\x1f\x7f-\x9f]{0,198}[^\s\x00-\x1f\x7f-\x9f])?[ \t\r\n]*$"
    )]
    reference: String,
    /// When it was paid, which is not later than now.
    paid_at: Timestamp,
}

impl Payment {
    fn read(mut fields: Fields) -> Result<Self, Problem> {
        let reference = fields.required("reference", line("reference", LONGEST_REFERENCE));
        let paid_at = fields.required("paidAt", |paid_at: Timestamp| {
            let expected = Code::OutOfRange.at("paidAt");
            let is_kept = in_range(paid_at).then(|| cut_to_millisecond(paid_at));
            is_kept.ok_or_else(|| expected("expected an instant after the year 1999"))
        });
        fields.finish(|| Some(Self { reference: reference?, paid_at: paid_at? }))
    }
}

/// A cancellation of an invoice.
#[derive(ToSchema)]
#[schema(as = InvoiceCancellation)]
pub struct Cancellation {
    /// The reason, up to 500 characters.
    #[schema(pattern = r"^[ \t\r\n]*\S([\s\S]{0,498}\S)?[ \t\r\n]*$")]
    reason: String,
}

impl Cancellation {
    fn read(mut fields: Fields) -> Result<Self, Problem> {
        let reason = fields.required("reason", text("reason", LONGEST_REASON));
        fields.finish(|| Some(Self { reason: reason? }))
    }
}

/// Mark an invoice as paid
///
/// A repeat with the same reference and instant changes nothing.
///
/// For operator.
#[utoipa::path(
    post,
    path = "/v1/accounts/{id}/invoices/{invoiceId}/paid",
    operation_id = "payInvoice",
    tag = "Invoices",
    params(
        ("id" = String, Path, description = "The account"),
        ("invoiceId" = String, Path, description = "The invoice"),
    ),
    request_body = Payment,
    responses(
        (status = 200, description = "The invoice", body = Invoice),
        (status = 404, description = "There is no such invoice", body = contract::ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The invoice is void, or was paid with another reference or at another instant", body = contract::ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "A field is wrong", body = contract::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn pay(request: &Request, ports: &Ports) -> Result<Reply, Problem> {
    let account = request.account(&[Role::Operator])?;
    let Payment { reference, paid_at } = Payment::read(request.fields()?)?;
    let by = &request.caller().subject;
    end(request, ports, &account, |account, invoice| {
        invoicing::pay(account, invoice, request.now(), &reference, paid_at, by)
    })
    .await
}

/// Cancel an invoice
///
/// Nothing is to be paid for it any more, and nothing is credited: neither now, nor when a call that it asks for is reversed later.
/// A repeat with the same reason changes nothing.
///
/// For operator.
#[utoipa::path(
    post,
    path = "/v1/accounts/{id}/invoices/{invoiceId}/void",
    operation_id = "voidInvoice",
    tag = "Invoices",
    params(
        ("id" = String, Path, description = "The account"),
        ("invoiceId" = String, Path, description = "The invoice"),
    ),
    request_body = Cancellation,
    responses(
        (status = 200, description = "The invoice", body = Invoice),
        (status = 404, description = "There is no such invoice", body = contract::ProblemBody, content_type = "application/problem+json"),
        (status = 409, description = "The invoice is paid, or was cancelled for another reason", body = contract::ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "A field is wrong", body = contract::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn void(request: &Request, ports: &Ports) -> Result<Reply, Problem> {
    let account = request.account(&[Role::Operator])?;
    let Cancellation { reason } = Cancellation::read(request.fields()?)?;
    let by = &request.caller().subject;
    end(request, ports, &account, |account, invoice| {
        invoicing::void(account, invoice, request.now(), &reason, by)
    })
    .await
}

/// Reads the invoice and ends it. If it has moved in between, or a reply was lost, it is read again: a repeat changes nothing.
async fn end(
    request: &Request,
    ports: &Ports,
    account: &AccountId,
    decide: impl Fn(&Account, &invoice::Invoice) -> Result<Decision<invoice::Invoice>, InvoiceRefusal> + Sync,
) -> Result<Reply, Problem> {
    let none = || Problem::NotFound("invoice");
    let id = request.path("invoiceId").and_then(|id| PaymentId::parse(id).ok()).ok_or_else(none)?;
    ports.store.account_seen(account).await?.ok_or(Problem::NoAccount)?;
    for _ in 0..MAX_TRIES {
        let invoice = ports.store.invoice(account, &id).await?.ok_or_else(none)?;
        let ended = ports.store.apply(account, |account, _| decide(account, &invoice).map_err(Refusal)).await;
        match ended {
            Ok(applied) => return Ok(Reply::json(200, &Invoice::show(&applied.answer, request.now()))),
            Err(ApplyError::PaymentMoved) => {}
            Err(problem) => return Err(problem.into()),
        }
    }
    Err(Problem::Contended)
}

/// A refusal of the domain, which becomes a problem.
struct Refusal(InvoiceRefusal);

impl From<Refusal> for Problem {
    fn from(Refusal(refusal): Refusal) -> Self {
        let said = refusal.to_string();
        match refusal {
            InvoiceRefusal::NotYet => Self::field("paidAt", Code::OutOfRange, said),
            InvoiceRefusal::PaidOtherwise | InvoiceRefusal::Paid | InvoiceRefusal::Void => {
                Self::Conflict(Code::InvoiceEnded, said)
            }
        }
    }
}
