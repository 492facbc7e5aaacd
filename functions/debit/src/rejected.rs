//! Rejected records of a message, on their way into the journal (S3). Nobody waits for a message's answer, so its
//! rejected records are written there, with what was expected of them.

use std::collections::HashSet;

use cdr::{Message, Row};
use domain::rejection::{self, Rejection, kept_text};

use crate::verdict::Verdict;

/// The rejected records of one message.
#[derive(Debug)]
pub(crate) struct Rejected<'a> {
    message: &'a rejection::Message,
    /// Each record's text, as it was sent.
    texts: &'a [&'a str],
    /// Rejections that are still to be committed.
    pending: Vec<Rejection>,
    /// Records whose rejection is pending or committed, by their indexes.
    settled: HashSet<usize>,
}

impl<'a> Rejected<'a> {
    /// The records of a message, of which an earlier delivery has written these rejections.
    pub(crate) fn of(body: &'a Message<'a>, message: &'a rejection::Message, written: &[Rejection]) -> Self {
        let settled = written.iter().map(|rejection| rejection.index as usize).collect();
        Self { message, texts: &body.texts, pending: Vec::new(), settled }
    }

    /// Rejections that are still to be committed.
    pub(crate) fn pending(&self) -> &[Rejection] {
        &self.pending
    }

    /// Whether this record's rejection is pending or committed.
    pub(crate) fn has(&self, index: usize) -> bool {
        self.settled.contains(&index)
    }

    /// Notes a record that this verdict rejects, once.
    pub(crate) fn note(&mut self, index: usize, row: &Row, verdict: &Verdict) {
        let Some((refusal, field, detail)) = verdict.refused() else { return };
        if !self.settled.insert(index) {
            return;
        }
        self.pending.push(Rejection {
            message: self.message.clone(),
            index: u32::try_from(index).expect("a message has at most 1,000 records"),
            record_id: row.id.clone(),
            refusal,
            field: field.to_owned(),
            detail: detail.to_owned(),
            text: kept_text(self.texts[index]),
        });
    }

    /// Forgets rejections that are in the journal by now.
    pub(crate) fn retain(&mut self, is_pending: impl Fn(&Rejection) -> bool) {
        self.pending.retain(is_pending);
    }
}
