//! The operator's corrections (F9).

use api::fields::{anything, text};
use api::{Fields, Problem, Reply, Request, Role};
use contract::{Amount, Code, Transaction};
use domain::adjustment::{self, AdjustmentRefusal, AdjustmentRequest};
use domain::journal_key::{EntryKind, JournalKey};
use domain::time::cut_to_millisecond;
use domain::{AccountId, Fingerprint, JournalEntry, PaymentKind};
use jiff::Timestamp;
use utoipa::ToSchema;

use crate::Ports;
use crate::idempotency::{Keyed, Once, once};

/// A reason has at most this many characters.
pub(crate) const LONGEST_REASON: usize = 500;

/// A correction.
#[derive(ToSchema)]
#[schema(as = NewAdjustment, rename_all = "camelCase")]
pub struct Body {
    /// A positive amount adds a lot. A negative amount draws on lots, oldest expiry first.
    #[schema(example = "-5.00")]
    amount: Amount,
    /// The reason for the correction, up to 500 characters.
    #[schema(pattern = r"^[ \t\r\n]*\S([\s\S]{0,498}\S)?[ \t\r\n]*$")]
    reason: String,
    /// When added funds expire; in 12 months by default.
    expires_at: Option<Timestamp>,
    /// Whether the correction may take more than is available.
    allow_negative: Option<bool>,
}

impl Body {
    fn read(mut fields: Fields) -> Result<Self, Problem> {
        let amount = fields.required("amount", anything::<Amount>);
        let reason = fields.required("reason", text("reason", LONGEST_REASON));
        let expires_at = fields.optional("expiresAt", anything::<Timestamp>);
        let allow_negative = fields.optional("allowNegative", anything::<bool>);
        fields.finish(|| Some(Self { amount: amount?, reason: reason?, expires_at, allow_negative }))
    }
}

/// Adjust funds
///
/// Requests with the same `Idempotency-Key` and body stand for the same adjustment for ever.
///
/// For operator.
#[utoipa::path(
    post,
    path = "/v1/accounts/{id}/adjustments",
    operation_id = "adjustFunds",
    tag = "Funds",
    params(
        ("id" = String, Path, description = "The account"),
        ("Idempotency-Key" = String, Header, pattern = "^[!-~]{1,255}$", description = "1 to 255 visible ASCII characters"),
    ),
    request_body = Body,
    responses(
        (status = 201, description = "The adjustment's row of the journal", body = Transaction),
        (status = 409, description = "The amount is more than is available, or the key was used with another body", body = contract::ProblemBody, content_type = "application/problem+json"),
        (status = 422, description = "A field is wrong", body = contract::ProblemBody, content_type = "application/problem+json"),
    )
)]
pub async fn adjust(request: &Request, ports: &Ports) -> Result<Reply, Problem> {
    let account = request.account(&[Role::Operator])?;
    let key = request.idempotency_key()?;
    let body = Body::read(request.fields()?)?;
    let keyed = Keyed::new(&account, PaymentKind::Adjustment, key, fingerprint(&body));

    if let Some(entry) = made_before(ports, &account, &keyed).await? {
        return Ok(Reply::json(201, &Transaction::from(&entry)));
    }
    let wanted = AdjustmentRequest {
        id: keyed.id.clone(),
        fingerprint: keyed.fingerprint.clone(),
        amount: body.amount.0,
        reason: body.reason,
        author: request.caller().subject.clone(),
        expires_at: body.expires_at.map(cut_to_millisecond),
        allow_negative: body.allow_negative.unwrap_or_default(),
    };
    let adjusted = ports
        .store
        .apply(&account, |account, _| adjustment::decide(account, request.now(), &wanted).map_err(Refusal));
    let adjusted = adjusted.await.map(|adjusted| adjusted.answer);
    let (Once::Made(entry) | Once::Before(entry)) =
        once(adjusted, made_before(ports, &account, &keyed)).await?;
    Ok(Reply::json(201, &Transaction::from(&entry)))
}

fn fingerprint(body: &Body) -> Fingerprint {
    let amount = body.amount.0.normalize().to_string();
    let expires_at = body.expires_at.map(|instant| instant.to_string()).unwrap_or_default();
    let allow = if body.allow_negative == Some(true) { "negative" } else { "" };
    Fingerprint::of([amount.as_str(), body.reason.as_str(), expires_at.as_str(), allow])
}

/// The journal entry of the adjustment that the key names, if it was made.
async fn made_before(
    ports: &Ports,
    account: &AccountId,
    keyed: &Keyed,
) -> Result<Option<JournalEntry>, Problem> {
    let Some(adjustment) = ports.store.adjustment(account, &keyed.id).await? else { return Ok(None) };
    keyed.check(&adjustment.fingerprint)?;
    let key = JournalKey::payment(adjustment.created_at, EntryKind::Adjustment, &keyed.id);
    let entry = ports.store.entry(account, &key).await?;
    let missing = || Problem::Internal(format!("adjustment {} has no journal entry", keyed.id));
    entry.ok_or_else(missing).map(Some)
}

/// A refusal of the domain, which becomes a problem.
struct Refusal(AdjustmentRefusal);

impl From<Refusal> for Problem {
    fn from(Refusal(refusal): Refusal) -> Self {
        let said = refusal.to_string();
        match refusal {
            AdjustmentRefusal::Zero => Self::field("amount", Code::OutOfRange, said),
            AdjustmentRefusal::Amount(wrong) => Self::field("amount", Code::of_amount(&wrong), said),
            AdjustmentRefusal::Expiry => Self::field("expiresAt", Code::OutOfRange, said),
            AdjustmentRefusal::BeyondAvailable { .. } => Self::Conflict(Code::BeyondAvailable, said),
            AdjustmentRefusal::TooManyLots => Self::Conflict(Code::TooManyLots, said),
        }
    }
}
