//! Results of usage records, as answers show them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::code::FieldError;
use crate::transaction::Why;

/// The results of a request with usage records.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Debits {
    /// Records accepted now or before: `accepted`, `duplicate` and `unrated`.
    pub accepted: usize,
    /// Records refused: `conflict` and `invalid`.
    pub rejected: usize,
    /// Records whose outcome was not known when the answer was due. Send the same request again after `Retry-After` seconds,
    /// until this is 0.
    pub not_reached: usize,
    /// Records by status.
    pub counts: Counts,
    /// The account's balance after the request.
    #[schema(example = "87.6500")]
    pub balance: String,
    /// The result of each record, in the order of the request.
    pub results: Vec<RecordResult>,
}

/// The number of records with each status.
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
    /// Not acceptable on this account.
    pub invalid: usize,
    /// Not decided on yet.
    pub not_reached: usize,
}

/// The status of one record.
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
    /// The request was answered before the record was decided on. Send the same request again.
    NotReached,
}

/// The result of one record.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RecordResult {
    /// The record's id as it was sent, if it could be read.
    pub id: Option<String>,
    /// The status of the record.
    pub status: RecordStatus,
    /// The transaction of the record; for a `conflict`, the one that it differs from. It is left out in the results of a
    /// file of more than 1,000 rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction_id: Option<String>,
    /// The charge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub charge: Option<String>,
    /// The rating basis of the charge. It is left out in the results of a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<Why>,
    /// Why the record was rejected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<RecordProblem>,
}

/// Why a record was rejected.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
pub struct RecordProblem {
    /// The line of the file at which the record begins, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<u64>,
    /// The wrong field and what was expected of it.
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
