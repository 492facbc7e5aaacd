//! The leases of mails (N11): the table `notices`, with one item for each event and recipient.
//!
//! ```text
//! absent ──> claimed ──> sent       the mail has gone
//!    ↑        │ ↑ ├────> refused    the address is refused for good
//!    │        │ │ ├────> unsure     SES never answered, so the mail may have gone
//!    │        │ └─┼────────┘
//!    │        │   └────> givenUp    SES never answered twice
//!    └────────┴ released, or left until the lease is over
//! ```
//!
//! Only the holder of a lease sends its mail, so a repeated event sends no second one. A process that dies after sending and
//! before marking leaves no trace of the send: that mail is sent again when the lease is over, rather than lost. A send
//! without an answer is counted and tried once more at most, since a slow SES often accepts a mail that it does not
//! answer in time.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use jiff::{SignedDuration, Timestamp};

use crate::definition::TableDefinition;
use crate::error::StoreError;
use crate::item::{Item, Writer};

const EVENT_ID: &str = "eventId";
const RECIPIENT: &str = "recipient";
const STATE: &str = "state";
const HOLDER: &str = "holder";
const UNTIL: &str = "until";
const EXPIRES_AT: &str = "expiresAt";
const UNANSWERED: &str = "unanswered";

const CLAIMED: &str = "claimed";
const SENT: &str = "sent";
const REFUSED: &str = "refused";
const UNSURE: &str = "unsure";
const GIVEN_UP: &str = "givenUp";

/// A mail is given up after so many sends without an answer: it has most likely gone.
const MOST_UNANSWERED: u32 = 2;

/// An item is deleted after this long: no queue delivers an event so late.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(400 * 24);

/// The table of mails' leases. It is no part of the books, but without it people would get mails twice.
pub const NOTICES: TableDefinition = TableDefinition {
    expiry: Some(EXPIRES_AT),
    ..TableDefinition::new("notices", EVENT_ID, Some(RECIPIENT))
};

/// The table, and how long a lease lasts.
#[derive(Clone, Debug)]
pub struct MailLeases {
    client: Client,
    table: String,
    /// Handlers read no clock for a decision. A lease is no decision but a time-out, after which a process is taken for dead,
    /// so it goes by the machine's clock. The event's instant would not do: each delivery has the same one, and the lease
    /// would never end.
    duration: Duration,
}

/// Whether a mail may be sent now.
#[derive(Debug)]
pub enum Standing {
    /// This process holds the lease and sends it.
    Ours(MailLease),
    /// It was sent, its address is refused for good, or it was given up.
    Done,
    /// Another process is sending it, or died doing so. The event comes back later.
    Held,
}

/// The lease of one mail, held by this process.
#[derive(Debug)]
pub struct MailLease {
    event: String,
    recipient: String,
    holder: String,
    /// Earlier sends that SES did not answer.
    unanswered: u32,
}

/// The consequence of a send that SES did not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// The mail may be sent once more.
    OnceMore,
    /// It is not sent again.
    GivenUp,
}

impl MailLeases {
    /// How long a lease lasts: longer than the function runs, so that a holder past it is dead.
    pub const LASTING: Duration = Duration::from_secs(90);

    /// Over a table that exists; a lease lasts for `duration`.
    pub fn new(client: Client, table: impl Into<String>, duration: Duration) -> Self {
        Self { client, table: table.into(), duration }
    }

    /// Creates the table unless it exists.
    ///
    /// # Errors
    ///
    /// The database is unavailable.
    pub async fn create_table(&self) -> Result<(), StoreError> {
        NOTICES.create(&self.client, &self.table).await
    }

    /// Takes the lease of the mail about an event to a recipient, whose address is the same in upper and lower case.
    ///
    /// # Errors
    ///
    /// The database is unavailable: the event comes back later.
    pub async fn take(&self, event: &str, recipient: &str) -> Result<Standing, StoreError> {
        let mut lease = MailLease {
            event: event.to_owned(),
            recipient: recipient.to_lowercase(),
            holder: format!("{:032x}", fastrand::u128(..)),
            unanswered: 0,
        };
        let Some(there) = self.write(&lease, None).await? else { return Ok(Standing::Ours(lease)) };
        let is_free = match text_of(&there, STATE) {
            Some(SENT | REFUSED | GIVEN_UP) => return Ok(Standing::Done),
            Some(UNSURE) => true,
            _ => number_of(&there, UNTIL).is_some_and(|until| until <= Timestamp::now().as_millisecond()),
        };
        let Some(holder) = text_of(&there, HOLDER).filter(|_| is_free) else { return Ok(Standing::Held) };
        lease.unanswered =
            number_of(&there, UNANSWERED).and_then(|count| u32::try_from(count).ok()).unwrap_or_default();
        let taken = self.write(&lease, Some(holder)).await?;
        Ok(if taken.is_none() { Standing::Ours(lease) } else { Standing::Held })
    }

    /// Writes the lease if there is no item, or if the item is still this holder's. Returns the item that is there instead, if
    /// any.
    async fn write(&self, lease: &MailLease, from: Option<&str>) -> Result<Option<Item>, StoreError> {
        let now = Timestamp::now();
        let until = now + SignedDuration::try_from(self.duration).expect("a lease is short");
        let item = lease.item(CLAIMED, now).text(HOLDER, &lease.holder).instant(UNTIL, until);
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item.done()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let put = match from {
            None => put
                .condition_expression("attribute_not_exists(#state)")
                .expression_attribute_names("#state", STATE),
            Some(holder) => put
                .condition_expression("#holder = :holder AND #state IN (:claimed, :unsure)")
                .expression_attribute_names("#holder", HOLDER)
                .expression_attribute_names("#state", STATE)
                .expression_attribute_values(":holder", text(holder))
                .expression_attribute_values(":claimed", text(CLAIMED))
                .expression_attribute_values(":unsure", text(UNSURE)),
        };
        let Err(error) = put.send().await else { return Ok(None) };
        let there = match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(refusal)) => refusal.item().cloned(),
            _ => return Err(StoreError::from_sdk(error)),
        };
        // A lease whose reply was lost is sent again by the SDK and finds itself.
        let there = there.unwrap_or_default();
        Ok(if text_of(&there, HOLDER) == Some(&lease.holder) { None } else { Some(there) })
    }

    /// Marks the mail as sent, even if another process holds the lease by now.
    ///
    /// # Errors
    ///
    /// The database is unavailable. The mail goes out again when the lease is over.
    pub async fn mark_sent(&self, lease: &MailLease) -> Result<(), StoreError> {
        self.put(lease.item(SENT, Timestamp::now())).await
    }

    /// Marks the address as refused for good.
    pub async fn mark_refused(&self, lease: &MailLease, reason: &str) -> Result<(), StoreError> {
        self.put(lease.item(REFUSED, Timestamp::now()).text("reason", reason)).await
    }

    /// Counts a send that SES did not answer: the mail may have gone.
    pub async fn mark_unanswered(&self, lease: &MailLease) -> Result<Unanswered, StoreError> {
        let (unanswered, now) = (lease.unanswered + 1, Timestamp::now());
        let (state, follows) = if unanswered < MOST_UNANSWERED {
            (UNSURE, Unanswered::OnceMore)
        } else {
            (GIVEN_UP, Unanswered::GivenUp)
        };
        self.put(lease.item(state, now).text(HOLDER, &lease.holder).number(UNANSWERED, unanswered)).await?;
        Ok(follows)
    }

    /// Releases the lease, since the mail was not sent. A lease of another process is left alone, and earlier sends without an
    /// answer stay counted.
    pub async fn release(&self, lease: &MailLease) -> Result<(), StoreError> {
        if lease.unanswered > 0 {
            let item = lease.item(UNSURE, Timestamp::now()).text(HOLDER, &lease.holder);
            let put = self
                .client
                .put_item()
                .table_name(&self.table)
                .set_item(Some(item.done()))
                .condition_expression("#holder = :holder AND #state = :claimed")
                .expression_attribute_names("#holder", HOLDER)
                .expression_attribute_names("#state", STATE)
                .expression_attribute_values(":holder", text(&lease.holder))
                .expression_attribute_values(":claimed", text(CLAIMED));
            return unless_refused(put.send().await);
        }
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key(EVENT_ID, text(&lease.event))
            .key(RECIPIENT, text(&lease.recipient))
            .condition_expression("#holder = :holder")
            .expression_attribute_names("#holder", HOLDER)
            .expression_attribute_values(":holder", text(&lease.holder))
            .send()
            .await;
        unless_refused(delete)
    }

    async fn put(&self, item: Writer) -> Result<(), StoreError> {
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item.done()));
        put.send().await.map_err(StoreError::from_sdk)?;
        Ok(())
    }
}

impl MailLease {
    /// `expiresAt` goes by the machine's clock, as DynamoDB's deletion does.
    fn item(&self, state: &str, now: Timestamp) -> Writer {
        let item = Writer::default()
            .text(EVENT_ID, &self.event)
            .text(RECIPIENT, &self.recipient)
            .text(STATE, state)
            .number(EXPIRES_AT, (now + KEPT_FOR).as_second());
        if self.unanswered > 0 { item.number(UNANSWERED, self.unanswered) } else { item }
    }
}

/// Succeeds also if the write's condition did not hold: another process holds the item, and the write is that process's.
fn unless_refused<T, E>(written: Result<T, SdkError<E>>) -> Result<(), StoreError>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let code = |error: &SdkError<E>| {
        error.as_service_error().and_then(ProvideErrorMetadata::code).map(str::to_owned)
    };
    match written {
        Err(error) if code(&error).as_deref() != Some("ConditionalCheckFailedException") => {
            Err(StoreError::from_sdk(error))
        }
        _ => Ok(()),
    }
}

fn text_of<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

fn number_of(item: &Item, name: &str) -> Option<i64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}
