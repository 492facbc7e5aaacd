//! Who was told what (N11): the table `notices`, one item for each event and recipient.
//!
//! ```text
//! absent ──> claimed ──> sent       the mail has gone
//!    ↑        │   └────> refused    the address is refused for good
//!    └────────┴ released, or left until the lease is over
//! ```
//!
//! A mail is sent by whoever holds the claim, so a repeated event sends no second one. Who dies between
//! sending and marking has told nobody so: that one mail is sent again when the lease is over, rather than lost.

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

const CLAIMED: &str = "claimed";
const SENT: &str = "sent";
const REFUSED: &str = "refused";

/// An item goes after this long: no queue delivers an event so late.
const KEPT_FOR: SignedDuration = SignedDuration::from_hours(400 * 24);

type Item = HashMap<String, AttributeValue>;

/// The table, and how long a claim on a mail holds.
#[derive(Clone, Debug)]
pub struct Claims {
    client: Client,
    table: String,
    /// Handlers read no clock for what they decide. This decides nothing: it is a time-out, after which a
    /// process is taken for dead, and like every time-out it goes by the machine's clock. The instant of the event
    /// would not do: a queue delivers it again and again with the same one, and the lease would never be over.
    lease: Duration,
}

/// Whether a mail may be sent now.
#[derive(Debug)]
pub enum Standing {
    /// It is ours to send.
    Ours(Claim),
    /// It was sent, or its address is refused for good.
    Done,
    /// Somebody is sending it, or died at it: to be looked at again later.
    Held,
}

/// A mail that is ours to send.
#[derive(Debug)]
pub struct Claim {
    event: String,
    recipient: String,
    holder: String,
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
    /// How long a claim holds: longer than the function runs, so that whoever is past it is dead.
    pub const LEASE: Duration = Duration::from_secs(90);

    /// Over a table that exists.
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
        let claim = Claim {
            event: event.to_owned(),
            recipient: recipient.to_lowercase(),
            holder: format!("{:032x}", fastrand::u128(..)),
        };
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
            .condition_expression("attribute_not_exists(#state) OR (#state = :claimed AND #until <= :now)")
            .expression_attribute_names("#state", STATE)
            .expression_attribute_names("#until", UNTIL)
            .expression_attribute_values(":claimed", text(CLAIMED))
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        let Err(error) = put else { return Ok(Standing::Ours(claim)) };
        let there = match error.as_service_error() {
            Some(PutItemError::ConditionalCheckFailedException(refusal)) => refusal.item().cloned(),
            _ => return Err(ClaimsError::from_sdk(error)),
        };
        let there = there.unwrap_or_default();
        let is = |name: &str, value: &str| {
            there.get(name).and_then(|it| it.as_s().ok()).is_some_and(|it| it == value)
        };
        Ok(if is(HOLDER, &claim.holder) {
            // A claim whose reply was lost is sent again by the SDK and finds itself.
            Standing::Ours(claim)
        } else if is(STATE, SENT) || is(STATE, REFUSED) {
            Standing::Done
        } else {
            Standing::Held
        })
    }

    /// Says that the mail has gone, whoever holds the claim by now.
    pub async fn mark_sent(&self, claim: &Claim) -> Result<(), ClaimsError> {
        self.put(claim.item(SENT, Timestamp::now())).await
    }

    /// Says that the address is refused for good, and why.
    pub async fn mark_refused(&self, claim: &Claim, reason: &str) -> Result<(), ClaimsError> {
        let mut item = claim.item(REFUSED, Timestamp::now());
        item.insert("reason".to_owned(), text(reason));
        self.put(item).await
    }

    /// Gives the claim back, since the mail could not be sent now; somebody else's is left alone.
    pub async fn release(&self, claim: &Claim) -> Result<(), ClaimsError> {
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
        match delete {
            Err(error)
                if !error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) =>
            {
                Err(ClaimsError::from_sdk(error))
            }
            _ => Ok(()),
        }
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
        Item::from([
            (EVENT_ID.to_owned(), text(&self.event)),
            (RECIPIENT.to_owned(), text(&self.recipient)),
            (STATE.to_owned(), text(state)),
            (EXPIRES_AT.to_owned(), number((now + KEPT_FOR).as_second())),
        ])
    }
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn number(number: i64) -> AttributeValue {
    AttributeValue::N(number.to_string())
}
