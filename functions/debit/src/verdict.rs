//! The verdict on one record of a request.

use domain::debit::Outcome;
use domain::journal::{EntryDetails, JournalEntry};
use domain::journal_key::JournalKey;
use domain::rate::RatingBasis;
use domain::rejected_record::{RejectedRecord, RejectionStatus};
use domain::usage::InvalidRecord;
use domain::{Currency, Money, UsageRecord};

/// The verdict on one record.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// The record is in the journal now.
    Accepted {
        /// Its row.
        row: JournalKey,
        /// What it cost.
        charge: Money,
        /// Why it cost that.
        basis: RatingBasis,
    },
    /// The record was in the journal already.
    Duplicate {
        /// Its row.
        row: JournalKey,
        /// What it cost, if it is rated.
        charge: Option<Money>,
    },
    /// The record is kept in the journal, without a rate (S9).
    Unrated {
        /// Its row.
        row: JournalKey,
    },
    /// The record's key is taken by a different record, or its revision is not due.
    Conflict {
        /// The row under its key, if there is one.
        row: Option<JournalKey>,
        /// What was expected.
        detail: String,
    },
    /// The record cannot be accepted.
    Invalid(InvalidRecord),
    /// The request was answered before the record was decided on (S3). The same request, sent again, goes on with it.
    NotReached,
}

impl Verdict {
    /// The rejection's status, its field and what was expected of it. `None` if the record was not rejected.
    pub fn refused(&self) -> Option<(RejectionStatus, &str, &str)> {
        match self {
            Self::Accepted { .. } | Self::Duplicate { .. } | Self::Unrated { .. } | Self::NotReached => None,
            Self::Conflict { detail, .. } => Some((RejectionStatus::Conflict, "id", detail)),
            Self::Invalid(problem) => Some((RejectionStatus::Invalid, &problem.field, &problem.detail)),
        }
    }

    /// The row under the record's key.
    pub fn row(&self) -> Option<&JournalKey> {
        match self {
            Self::Accepted { row, .. } | Self::Duplicate { row, .. } | Self::Unrated { row } => Some(row),
            Self::Conflict { row, .. } => row.as_ref(),
            Self::Invalid(_) | Self::NotReached => None,
        }
    }

    /// Whether the record was rejected for its currency alone. If its key has a row, it is a conflict instead (S2).
    pub(crate) fn is_for_currency(&self) -> bool {
        matches!(self, Self::Invalid(problem) if problem.is_for_currency)
    }

    /// The verdict on a record whose key has a row already: a duplicate or a conflict (S2).
    pub(crate) fn compare(record: &UsageRecord, row: &JournalEntry, currency: Currency) -> Self {
        let (accepted, charge) = match &row.details {
            EntryDetails::Usage { record, charge, .. } => (record, Some(*charge)),
            EntryDetails::Unrated { record } => (record, None),
            _ => return Self::other_content(row.key.clone()),
        };
        if record.repeats(accepted, currency) {
            Self::Duplicate { row: row.key.clone(), charge }
        } else {
            Self::other_content(row.key.clone())
        }
    }

    /// The verdict on a record that a commit decided on.
    pub(crate) fn of_outcome(outcome: Outcome, row: JournalKey) -> Self {
        match outcome {
            Outcome::Charged { charge, basis } => Self::Accepted { row, charge, basis },
            Outcome::Unrated => Self::Unrated { row },
            Outcome::Invalid(problem) => Self::Invalid(problem),
        }
    }

    /// The verdict on a follower, from its leader's. `same` says whether the follower repeats the leader's record.
    pub(crate) fn of_follower(same: bool, leader: &Self) -> Self {
        match leader {
            Self::Accepted { row, charge, .. } if same => {
                Self::Duplicate { row: row.clone(), charge: Some(*charge) }
            }
            Self::Unrated { row } if same => Self::Duplicate { row: row.clone(), charge: None },
            Self::Conflict { .. } if same => leader.clone(),
            _ => Self::Conflict { row: leader.row().cloned(), detail: OTHER_CONTENT.to_owned() },
        }
    }

    /// The verdict on a record that an earlier delivery of its message rejected.
    pub(crate) fn of_kept(rejected: &RejectedRecord) -> Self {
        let RejectedRecord { status, field, detail, .. } = rejected.clone();
        match status {
            RejectionStatus::Invalid => Self::Invalid(InvalidRecord::new(field, detail)),
            RejectionStatus::Conflict => Self::Conflict { row: None, detail },
        }
    }

    /// The verdict on a record whose key is taken by a different record.
    pub(crate) fn other_content(row: JournalKey) -> Self {
        Self::Conflict { row: Some(row), detail: OTHER_CONTENT.to_owned() }
    }

    /// The verdict on a revision whose predecessor does not exist, or is not reversed.
    pub(crate) fn revision_not_due() -> Self {
        let detail = "revision: expected the one before to exist and be reversed".to_owned();
        Self::Conflict { row: None, detail }
    }
}

/// What a conflict says.
pub(crate) const OTHER_CONTENT: &str =
    "the same record was accepted with another duration, service, charge or currency";
