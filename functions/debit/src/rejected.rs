//! Rejected records of a message, on their way into the journal (S3). No caller waits for the answer to a message, so its
//! rejected records are written into the journal, with what was expected of them.

use std::collections::HashSet;

use cdr::{Message, Row};
use domain::rejected_record::{self, RejectedRecord, kept_text};

use crate::verdict::Verdict;

/// The rejected records of one message.
#[derive(Debug)]
pub(crate) struct Rejected<'a> {
    message: &'a rejected_record::Message,
    /// Each record's text, as it was sent.
    texts: &'a [&'a str],
    /// Rejections that are still to be committed.
    pending: Vec<RejectedRecord>,
    /// The indexes of rejected records that are to be written or are in the journal.
    settled: HashSet<usize>,
}

impl<'a> Rejected<'a> {
    /// The rejected records of a message. An earlier delivery has written those in `written`.
    pub(crate) fn of(
        body: &'a Message<'a>,
        message: &'a rejected_record::Message,
        written: &[RejectedRecord],
    ) -> Self {
        let settled = written.iter().map(|rejected| rejected.index as usize).collect();
        Self { message, texts: &body.texts, pending: Vec::new(), settled }
    }

    /// Rejections that are still to be committed.
    pub(crate) fn pending(&self) -> &[RejectedRecord] {
        &self.pending
    }

    /// Whether this record is to be written as rejected, or is in the journal as rejected.
    pub(crate) fn has(&self, index: usize) -> bool {
        self.settled.contains(&index)
    }

    /// Notes a record if this verdict rejects it. A record is noted once.
    pub(crate) fn note(&mut self, index: usize, row: &Row, verdict: &Verdict) {
        let Some((status, field, detail)) = verdict.refused() else { return };
        if !self.settled.insert(index) {
            return;
        }
        self.pending.push(RejectedRecord {
            message: self.message.clone(),
            index: u32::try_from(index).expect("a message has at most 1,000 records"),
            record_id: row.id.clone(),
            status,
            field: field.to_owned(),
            detail: detail.to_owned(),
            text: kept_text(self.texts[index]),
        });
    }

    /// Keeps the rejected records that are not in the journal yet.
    pub(crate) fn retain(&mut self, is_pending: impl Fn(&RejectedRecord) -> bool) {
        self.pending.retain(is_pending);
    }
}
