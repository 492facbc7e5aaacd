//! Claims of mails (N11): the table `notices`, with one item for each event and recipient.
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
//! Only the holder of a claim sends its mail, so a repeated event sends no second one. A process that dies after sending and
//! before marking leaves no trace of the send: that mail is sent again when the lease is over, rather than lost. A send
//! without an answer is counted and tried once more at most, since a slow SES often accepts a mail that it does not
//! answer in time.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{BoxError, ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType,
    ReturnValuesOnConditionCheckFailure, ScalarAttributeType, TimeToLiveSpecification,
};
use jiff::{SignedDuration, Timestamp};

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

type Item = HashMap<String, AttributeValue>;

/// The table, and the lease of a claim.
#[derive(Clone, Debug)]
pub struct Claims {
    client: Client,
    table: String,
    /// Handlers read no clock for a decision. A lease is no decision but a time-out, after which a process is taken for dead,
    /// so it goes by the machine's clock. The event's instant would not do: each delivery has the same one, and the lease
    /// would never end.
    lease: Duration,
}

/// Whether a mail may be sent now.
#[derive(Debug)]
pub enum Standing {
    /// This process holds the claim and sends it.
    Ours(Claim),
    /// It was sent, its address is refused for good, or it was given up.
    Done,
    /// Another process is sending it, or died doing so. The event comes back later.
    Held,
}

/// A claim that this process holds.
#[derive(Debug)]
pub struct Claim {
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

/// The table could not be read or written. The caller comes back later.
#[derive(Debug, thiserror::Error)]
#[error("the table of notices is unavailable ({code})")]
pub struct ClaimsError {
    code: String,
    #[source]
    source: BoxError,
}

impl ClaimsError {
    fn from_sdk<E>(error: SdkError<E>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let code = error.as_service_error().and_then(ProvideErrorMetadata::code).unwrap_or("no reply");
        Self { code: code.to_owned(), source: error.into() }
    }
}

impl Claims {
    /// The lease of a claim: longer than the function runs, so that a holder past it is dead.
    pub const LEASE: Duration = Duration::from_secs(90);

    /// Claims in a table that exists.
    pub fn new(client: Client, table: impl Into<String>, lease: Duration) -> Self {
        Self { client, table: table.into(), lease }
    }

    /// Creates the table unless it exists, for the one-machine host and tests; a deployment's template creates
    /// the same one.
    pub async fn create_table(&self) -> Result<(), ClaimsError> {
        let attribute = |name: &str| {
            let attribute = AttributeDefinition::builder().attribute_name(name);
            attribute.attribute_type(ScalarAttributeType::S).build().expect("name and type are set")
        };
        let key = |name: &str, key_type: KeyType| {
            KeySchemaElement::builder().attribute_name(name).key_type(key_type).build().expect("both are set")
        };
        let created = self
            .client
            .create_table()
            .table_name(&self.table)
            .billing_mode(BillingMode::PayPerRequest)
            .attribute_definitions(attribute(EVENT_ID))
            .attribute_definitions(attribute(RECIPIENT))
            .key_schema(key(EVENT_ID, KeyType::Hash))
            .key_schema(key(RECIPIENT, KeyType::Range))
            .send()
            .await;
        match created {
            Ok(_) => self.let_items_expire().await,
            Err(error) if error.as_service_error().is_some_and(|e| e.is_resource_in_use_exception()) => {
                Ok(())
            }
            Err(error) => Err(ClaimsError::from_sdk(error)),
        }
    }

    async fn let_items_expire(&self) -> Result<(), ClaimsError> {
        let ttl = TimeToLiveSpecification::builder().attribute_name(EXPIRES_AT).enabled(true).build();
        let ttl = ttl.expect("both are set");
        let update =
            self.client.update_time_to_live().table_name(&self.table).time_to_live_specification(ttl);
        update.send().await.map_err(ClaimsError::from_sdk)?;
        Ok(())
    }

    /// Claims the mail about an event to a recipient, whose address is the same in upper and lower case.
    pub async fn claim(&self, event: &str, recipient: &str) -> Result<Standing, ClaimsError> {
        let mut claim = Claim {
            event: event.to_owned(),
            recipient: recipient.to_lowercase(),
            holder: format!("{:032x}", fastrand::u128(..)),
            unanswered: 0,
        };
        let Some(there) = self.take(&claim, None).await? else { return Ok(Standing::Ours(claim)) };
        let is_free = match text_of(&there, STATE) {
            Some(SENT | REFUSED | GIVEN_UP) => return Ok(Standing::Done),
            Some(UNSURE) => true,
            _ => number_of(&there, UNTIL).is_some_and(|until| until <= Timestamp::now().as_millisecond()),
        };
        let Some(holder) = text_of(&there, HOLDER).filter(|_| is_free) else { return Ok(Standing::Held) };
        claim.unanswered =
            number_of(&there, UNANSWERED).and_then(|count| u32::try_from(count).ok()).unwrap_or_default();
        let taken = self.take(&claim, Some(holder)).await?;
        Ok(if taken.is_none() { Standing::Ours(claim) } else { Standing::Held })
    }

    /// Writes the claim if there is no item, or if the item is still this holder's. Returns the item that is there instead, if
    /// any.
    async fn take(&self, claim: &Claim, from: Option<&str>) -> Result<Option<Item>, ClaimsError> {
        let now = Timestamp::now();
        let until = now + SignedDuration::try_from(self.lease).expect("a lease is short");
        let mut item = claim.item(CLAIMED, now);
        item.insert(HOLDER.to_owned(), text(&claim.holder));
        item.insert(UNTIL.to_owned(), number(until.as_millisecond()));
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
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
            _ => return Err(ClaimsError::from_sdk(error)),
        };
        // A claim whose reply was lost is sent again by the SDK and finds itself.
        let there = there.unwrap_or_default();
        Ok(if text_of(&there, HOLDER) == Some(&claim.holder) { None } else { Some(there) })
    }

    /// Marks the mail as sent, even if another process holds the claim by now.
    pub async fn mark_sent(&self, claim: &Claim) -> Result<(), ClaimsError> {
        self.put(claim.item(SENT, Timestamp::now())).await
    }

    /// Marks the address as refused for good.
    pub async fn mark_refused(&self, claim: &Claim, reason: &str) -> Result<(), ClaimsError> {
        let mut item = claim.item(REFUSED, Timestamp::now());
        item.insert("reason".to_owned(), text(reason));
        self.put(item).await
    }

    /// Counts a send that SES did not answer: the mail may have gone.
    pub async fn mark_unanswered(&self, claim: &Claim) -> Result<Unanswered, ClaimsError> {
        let (unanswered, now) = (claim.unanswered + 1, Timestamp::now());
        let (state, follows) = if unanswered < MOST_UNANSWERED {
            (UNSURE, Unanswered::OnceMore)
        } else {
            (GIVEN_UP, Unanswered::GivenUp)
        };
        let mut item = claim.item(state, now);
        item.insert(HOLDER.to_owned(), text(&claim.holder));
        item.insert(UNANSWERED.to_owned(), number(unanswered.into()));
        self.put(item).await?;
        Ok(follows)
    }

    /// Releases the claim, since the mail was not sent. A claim of another process is left alone, and earlier sends without an
    /// answer stay counted.
    pub async fn release(&self, claim: &Claim) -> Result<(), ClaimsError> {
        if claim.unanswered > 0 {
            let mut item = claim.item(UNSURE, Timestamp::now());
            item.insert(HOLDER.to_owned(), text(&claim.holder));
            let put = self
                .client
                .put_item()
                .table_name(&self.table)
                .set_item(Some(item))
                .condition_expression("#holder = :holder AND #state = :claimed")
                .expression_attribute_names("#holder", HOLDER)
                .expression_attribute_names("#state", STATE)
                .expression_attribute_values(":holder", text(&claim.holder))
                .expression_attribute_values(":claimed", text(CLAIMED));
            return unless_refused(put.send().await);
        }
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key(EVENT_ID, text(&claim.event))
            .key(RECIPIENT, text(&claim.recipient))
            .condition_expression("#holder = :holder")
            .expression_attribute_names("#holder", HOLDER)
            .expression_attribute_values(":holder", text(&claim.holder))
            .send()
            .await;
        unless_refused(delete)
    }

    async fn put(&self, item: Item) -> Result<(), ClaimsError> {
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        put.send().await.map_err(ClaimsError::from_sdk)?;
        Ok(())
    }
}

impl Claim {
    /// `expiresAt` goes by the machine's clock, as DynamoDB's deletion does.
    fn item(&self, state: &str, now: Timestamp) -> Item {
        let mut item = Item::from([
            (EVENT_ID.to_owned(), text(&self.event)),
            (RECIPIENT.to_owned(), text(&self.recipient)),
            (STATE.to_owned(), text(state)),
            (EXPIRES_AT.to_owned(), number((now + KEPT_FOR).as_second())),
        ]);
        if self.unanswered > 0 {
            item.insert(UNANSWERED.to_owned(), number(self.unanswered.into()));
        }
        item
    }
}

/// Succeeds also if the write's condition did not hold: another process holds the item, and the write is that process's.
fn unless_refused<T, E>(written: Result<T, SdkError<E>>) -> Result<(), ClaimsError>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let code = |error: &SdkError<E>| {
        error.as_service_error().and_then(ProvideErrorMetadata::code).map(str::to_owned)
    };
    match written {
        Err(error) if code(&error).as_deref() != Some("ConditionalCheckFailedException") => {
            Err(ClaimsError::from_sdk(error))
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

fn number(number: i64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}
