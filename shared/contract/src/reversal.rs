//! Results of reversals (S11), and of charging for records that had no rate when they came (S9), as answers show them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::debit::RecordProblem;
use crate::transaction::Returned;

/// The results of a request that reverses records.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Reversals {
    /// Records whose charge is taken back, now or before: `reversed` and `duplicate`.
    pub accepted: usize,
    /// Records that cannot be reversed: `notFound`, `conflict` and `invalid`.
    pub rejected: usize,
    /// Records whose outcome was not known when the answer was due. Send the same request again after `Retry-After` seconds,
    /// until this is 0.
    pub not_reached: usize,
    /// Records by status.
    pub counts: ReversalCounts,
    /// The account's balance after the request.
    #[schema(example = "87.6500")]
    pub balance: String,
    /// The result of each record, in the order of the request.
    pub results: Vec<ReversalResult>,
}

/// The number of records with each status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReversalCounts {
    /// Reversed by this request.
    pub reversed: usize,
    /// Reversed before.
    pub duplicate: usize,
    /// Never accepted on this account.
    pub not_found: usize,
    /// Accepted with other content than the record in the file.
    pub conflict: usize,
    /// Not readable, or not to be reversed.
    pub invalid: usize,
    /// Not decided on yet.
    pub not_reached: usize,
}

/// The status of one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub enum ReversalStatus {
    /// Its charge is taken back now.
    Reversed,
    /// Its charge was taken back before, by the same transaction.
    Duplicate,
    /// It was never accepted on this account.
    NotFound,
    /// It was accepted with other content than the record in the file. It stays as it is.
    Conflict,
    /// It cannot be read, or cannot be reversed.
    Invalid,
    /// The request was answered before the record was decided on. Send the same request again.
    NotReached,
}

/// The result of one record.
#[derive(Clone, Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReversalResult {
    /// The record's id as it was sent, if it could be read.
    pub id: Option<String>,
    /// The status of the record.
    pub status: ReversalStatus,
    /// The transaction of the reversal. It is left out in the results of a file of more than 1,000 rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction_id: Option<String>,
    /// The amount by which the balance changed, without what expired lots forfeit again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub amount: Option<String>,
    /// What the reversal returned. It is left out in the results of a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub returned: Option<Returned>,
    /// Why the record was not reversed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<RecordProblem>,
}

impl ReversalCounts {
    /// Counts one more record with this status.
    pub fn add(&mut self, status: ReversalStatus) {
        *match status {
            ReversalStatus::Reversed => &mut self.reversed,
            ReversalStatus::Duplicate => &mut self.duplicate,
            ReversalStatus::NotFound => &mut self.not_found,
            ReversalStatus::Conflict => &mut self.conflict,
            ReversalStatus::Invalid => &mut self.invalid,
            ReversalStatus::NotReached => &mut self.not_reached,
        } += 1;
    }
}

/// What a request did that rates unrated records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RatedNow {
    /// Records that are charged for now.
    pub rated: usize,
    /// Records that still have no rate.
    pub still_unrated: usize,
    /// The `cursor` of the next page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
