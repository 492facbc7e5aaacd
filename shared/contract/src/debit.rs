//! Results of usage records, as answers show them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::code::FieldError;
use crate::transaction::Why;

/// What became of a request.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Debits {
    /// Records accepted now or before: `accepted`, `duplicate` and `unrated`.
    pub accepted: usize,
    /// Records refused: `conflict` and `invalid`.
    pub rejected: usize,
    /// Records that were not processed before the answer was due: neither accepted nor rejected. Send the same request again after
    /// `Retry-After` seconds, until this is 0.
    pub not_reached: usize,
    /// Records by status.
    pub counts: Counts,
    /// The account's balance after it.
    #[schema(example = "87.6500")]
    pub balance: String,
    /// One for each record, in order.
    pub results: Vec<RecordResult>,
}

/// How many records have which status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Recorded by this request.
    pub accepted: usize,
    /// Recorded before, with the same content.
    pub duplicate: usize,
    /// Recorded by this request, without a published rate.
    pub unrated: usize,
    /// Recorded before with other content, or of a revision that is not due.
    pub conflict: usize,
    /// Not acceptable.
    pub invalid: usize,
    /// Not decided on yet.
    pub not_reached: usize,
}

/// What became of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum RecordStatus {
    /// It is in the journal now.
    Accepted,
    /// It was in the journal already.
    Duplicate,
    /// It is kept in the journal, without a published rate.
    Unrated,
    /// It was accepted with other content, or its revision is not due.
    Conflict,
    /// It cannot be accepted.
    Invalid,
    /// The request was answered before it was decided on: send the same request again.
    NotReached,
}

/// What became of one record.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordResult {
    /// The record's id as it was sent, if it could be read.
    pub id: Option<String>,
    /// What became of it.
    pub status: RecordStatus,
    /// The transaction that stands for it; for a `conflict`, the one that it differs from. Left out in the results of a
    /// file of more than 1,000 rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction_id: Option<String>,
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
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RecordProblem {
    /// The line of the file it begins at, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The field, if it is one, and what was expected.
    #[serde(flatten)]
    pub error: FieldError,
}

impl Counts {
    /// Counts one more record with this status.
    pub fn add(&mut self, status: RecordStatus) {
        *match status {
            RecordStatus::Accepted => &mut self.accepted,
            RecordStatus::Duplicate => &mut self.duplicate,
            RecordStatus::Unrated => &mut self.unrated,
            RecordStatus::Conflict => &mut self.conflict,
            RecordStatus::Invalid => &mut self.invalid,
            RecordStatus::NotReached => &mut self.not_reached,
        } += 1;
    }
}
