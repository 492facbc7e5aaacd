//! What the API says of debits: requests for its document, answers for its callers.

use api::FieldError;
use api::view::Why;
use cdr::Row;
use domain::rejection::Refusal;
use serde::Serialize;
use utoipa::{OpenApi, ToSchema};

use crate::batch::{Done, Verdict};

/// This function's part of the API's document.
#[derive(OpenApi)]
#[openapi(paths(crate::debit))]
pub struct Doc;

/// Usage records of ours.
#[derive(ToSchema)]
pub struct Records {
    /// 1 to 1,000.
    #[schema(min_items = 1, max_items = 1000)]
    pub records: Vec<UsageRecord>,
}

/// One finished call. An unknown field makes the record `invalid`.
#[derive(ToSchema)]
#[schema(rename_all = "camelCase")]
pub struct UsageRecord {
    /// Its source's name for it: 1 to 128 visible ASCII characters without `#`.
    #[schema(example = "rec-0001")]
    pub id: String,
    /// From 1. One above needs the reversal of the one before, which is not built yet: it is a conflict.
    pub revision: Option<u32>,
    /// The call it belongs to; up to 128 characters.
    pub call_id: Option<String>,
    /// Whose usage it is; up to 128 characters.
    pub user_id: Option<String>,
    /// `tollFreeIn`, `tollIn`, `conferenceOut`, `userOut` or `premium`.
    #[schema(example = "userOut")]
    pub service: String,
    /// What the rate goes by: the number dialled, or for inbound the number called. E.164; the last digits may
    /// be masked with `*`.
    #[schema(example = "+33123456***")]
    pub number: String,
    /// Cut to the second; at most five minutes after now.
    #[schema(value_type = String, format = DateTime, example = "2026-11-20T08:12:31Z")]
    pub started_at: String,
    /// Up to 31 days.
    pub duration_seconds: u32,
    /// What it cost, if it is rated already.
    pub charge: Option<api::Amount>,
    /// The charge's currency, which must be the account's.
    pub currency: Option<String>,
    /// The plan it was made on; kept, without effect yet. Up to 64 characters.
    pub plan: Option<String>,
    /// The user's country, ISO 3166-1 alpha-2; kept, without effect yet.
    pub user_country: Option<String>,
    /// Who pays within the organization; up to 64 characters.
    pub cost_centre: Option<String>,
    /// The hold that its authorization took; kept, without effect yet. Up to 64 characters.
    pub hold_id: Option<String>,
}

/// What became of a request.
#[derive(Debug, Serialize, ToSchema)]
pub struct Debits {
    /// Records accepted now or before: `accepted`, `duplicate` and `unrated`.
    pub accepted: usize,
    /// Records refused: `conflict` and `invalid`.
    pub rejected: usize,
    /// The account's balance after it.
    #[schema(example = "87.6500")]
    pub balance: String,
    /// One for each record, in order.
    pub results: Vec<RecordResult>,
}

/// What became of one record.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecordResult {
    /// The record's id, if it could be read.
    pub id: Option<String>,
    /// `accepted`, `duplicate`, `unrated`, `conflict` or `invalid`.
    pub status: &'static str,
    /// What it cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charge: Option<String>,
    /// Why it cost that; not in the results of a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<Why>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<RecordProblem>,
}

/// Why a record was refused.
#[derive(Debug, Serialize, ToSchema)]
pub struct RecordProblem {
    /// The line of the file it begins at, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The field, if it is one, and what was expected.
    #[serde(flatten)]
    pub error: FieldError,
}

impl Debits {
    /// As the caller sees it.
    pub fn show(rows: &[Row], done: &Done, with_why: bool) -> Self {
        let results: Vec<_> = rows
            .iter()
            .zip(&done.verdicts)
            .map(|(row, verdict)| RecordResult::show(row, verdict, with_why))
            .collect();
        let rejected = results.iter().filter(|result| result.problem.is_some()).count();
        Self { accepted: results.len() - rejected, rejected, balance: done.balance.to_string(), results }
    }
}

impl RecordResult {
    fn show(row: &Row, verdict: &Verdict, with_why: bool) -> Self {
        let (status, charge, why) = match verdict {
            Verdict::Accepted { charge, why } => ("accepted", Some(*charge), Some(why)),
            Verdict::Duplicate { charge } => ("duplicate", *charge, None),
            Verdict::Unrated => ("unrated", None, None),
            Verdict::Conflict(_) => (Refusal::Conflict.as_str(), None, None),
            Verdict::Invalid(_) => (Refusal::Invalid.as_str(), None, None),
        };
        Self {
            id: row.id.clone(),
            status,
            charge: charge.map(|charge| charge.to_string()),
            why: why.filter(|_| with_why).map(Why::from),
            problem: verdict.refused().map(|(_, field, detail)| RecordProblem {
                line: row.line,
                error: FieldError { field: field.to_owned(), detail: detail.to_owned() },
            }),
        }
    }
}
