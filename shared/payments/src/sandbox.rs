//! A card processor for machines without network. It knows Stripe's test cards, and keeps its own record of
//! what it was asked and what it charged, in a table of its own: what it has charged is the truth that the
//! books are checked against.

use std::collections::HashMap;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::profile::{Card, PaymentMethod};
use domain::{AccountId, Currency, Fingerprint, Money};
use store::{IndexDefinition, StoreError, TableDefinition};

use crate::processor::{Intent, IntentState, NewIntent, Processor, ProcessorError, Refund};

/// What a test card does when it is charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Behaviour {
    Succeeds,
    Declines(&'static str),
    WantsItsOwner,
    LosesTheReply,
}

/// Stripe's test payment methods, and one of ours. Source: docs.stripe.com/testing.
const TEST_CARDS: [(&str, &str, &str, Behaviour); 8] = [
    ("pm_card_visa", "visa", "4242", Behaviour::Succeeds),
    ("pm_card_mastercard", "mastercard", "4444", Behaviour::Succeeds),
    ("pm_card_chargeDeclined", "visa", "0002", Behaviour::Declines("card_declined")),
    ("pm_card_chargeDeclinedInsufficientFunds", "visa", "9995", Behaviour::Declines("insufficient_funds")),
    ("pm_card_chargeDeclinedExpiredCard", "visa", "0069", Behaviour::Declines("expired_card")),
    ("pm_card_chargeDeclinedLostCard", "visa", "9987", Behaviour::Declines("lost_card")),
    ("pm_card_authenticationRequired", "visa", "3184", Behaviour::WantsItsOwner),
    ("pm_sandbox_timeout", "visa", "0408", Behaviour::LosesTheReply),
];

/// A card of the sandbox, as people choose one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestCard {
    /// What it is saved and charged by.
    pub token: &'static str,
    /// `visa`, `mastercard`, …
    pub brand: &'static str,
    /// Last four digits.
    pub last4: &'static str,
    /// What happens when it is charged, for people.
    pub outcome: String,
}

const ID: &str = "id";
const CUSTOMER: &str = "customer";
const CUSTOMER_INDEX: &str = "byCustomer";
const CUSTOMER_PREFIX: &str = "cus_";

/// The table of the sandbox's record.
pub const SANDBOX: TableDefinition = TableDefinition {
    indexes: &[IndexDefinition::of_items(CUSTOMER_INDEX, CUSTOMER, ID)],
    ..TableDefinition::new("sandbox", ID, None)
};

/// The sandbox: a table, and the page where a person confirms a payment.
#[derive(Clone, Debug)]
pub struct Sandbox {
    client: Client,
    table: String,
    authentication_page: String,
}

/// One object of the sandbox's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// `pi_…`, or `re_…` for a refund.
    pub id: String,
    /// Whose charge it is.
    pub account: AccountId,
    /// The key it was created with.
    pub key: String,
    /// In the currency's minor units.
    pub amount: Money,
    /// How far it is; a refund has succeeded.
    pub state: IntentState,
}

type Item = HashMap<String, AttributeValue>;

impl Sandbox {
    /// Over its own table; people confirm at `authentication_page` + `/` + the object's id.
    pub fn new(client: Client, table: impl Into<String>, authentication_page: impl Into<String>) -> Self {
        Self { client, table: table.into(), authentication_page: authentication_page.into() }
    }

    /// The cards that it knows.
    pub fn test_cards() -> impl Iterator<Item = TestCard> {
        TEST_CARDS.iter().map(|&(token, brand, last4, behaviour)| {
            let outcome = match behaviour {
                Behaviour::Succeeds => "is charged".to_owned(),
                Behaviour::Declines(reason) => format!("is declined: {}", reason.replace('_', " ")),
                Behaviour::WantsItsOwner => "wants its owner to confirm".to_owned(),
                Behaviour::LosesTheReply => "is charged, and the reply is lost".to_owned(),
            };
            TestCard { token, brand, last4, outcome }
        })
    }

    /// Over the table that the setting `SANDBOX_TABLE` names, with the page at `AUTHENTICATION_PAGE`; the error
    /// is the name of the one that is missing.
    pub fn from_env(client: Client) -> Result<Self, &'static str> {
        let value = |setting: &'static str| std::env::var(setting).map_err(|_| setting);
        Ok(Self::new(client, value("SANDBOX_TABLE")?, value("AUTHENTICATION_PAGE")?))
    }

    /// Creates the table unless it exists.
    ///
    /// # Errors
    ///
    /// The database is unavailable.
    pub async fn create_table(&self) -> Result<(), StoreError> {
        SANDBOX.create(&self.client, &self.table).await
    }

    /// Everything it was ever asked for an account, charged or not.
    pub async fn records(&self, account: &AccountId) -> Result<Vec<Record>, ProcessorError> {
        self.items_of(&customer_of(account)).await?.iter().map(record).collect()
    }

    /// One object of its record.
    pub async fn record(&self, intent: &str) -> Result<Record, ProcessorError> {
        record(&self.item(intent).await?)
    }

    /// Carries out what the person did at the authentication page, and answers with the object afterwards. An object
    /// that waits for the person changes, and so does one that was declined: the page may still be open.
    pub async fn authenticate(&self, intent: &str, approved: bool) -> Result<Record, ProcessorError> {
        let state = if approved {
            IntentState::Succeeded
        } else {
            IntentState::Declined { reason: "authentication_required".to_owned() }
        };
        self.move_on(intent, &["needsAction", "declined"], &state).await?;
        record(&self.item(intent).await?)
    }

    async fn items_of(&self, customer: &str) -> Result<Vec<Item>, ProcessorError> {
        let mut items = Vec::new();
        let mut start = None;
        loop {
            let output = self
                .client
                .query()
                .table_name(&self.table)
                .index_name(CUSTOMER_INDEX)
                .key_condition_expression("customer = :customer")
                .expression_attribute_values(":customer", text(customer))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(unknown)?;
            items.extend(output.items.unwrap_or_default());
            start = output.last_evaluated_key;
            if start.is_none() {
                return Ok(items);
            }
        }
    }

    async fn item(&self, id: &str) -> Result<Item, ProcessorError> {
        let get = self.client.get_item().table_name(&self.table).key(ID, text(id)).consistent_read(true);
        get.send().await.map_err(unknown)?.item.ok_or_else(|| refused("resource_missing"))
    }

    /// Writes an object unless it exists.
    async fn put_new(&self, item: Item) -> Result<(), ProcessorError> {
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        match put.condition_expression("attribute_not_exists(id)").send().await {
            Err(error)
                if !error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) =>
            {
                Err(unknown(error))
            }
            _ => Ok(()),
        }
    }

    /// Moves an object on if it is in one of these states; answers with what it is afterwards. A cancelled object
    /// keeps the reason of its decline.
    async fn move_on(&self, id: &str, from: &[&str], to: &IntentState) -> Result<Intent, ProcessorError> {
        let (name, detail) = state_to_text(to);
        let keeps_decline =
            if matches!(to, IntentState::Declined { .. }) { ", decline = :detail" } else { "" };
        let mut update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key(ID, text(id))
            .update_expression(format!("SET #state = :to, detail = :detail{keeps_decline}"))
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":to", text(name))
            .expression_attribute_values(":detail", text(detail));
        let mut allowed = Vec::new();
        for (number, state) in from.iter().enumerate() {
            allowed.push(format!("#state = :from{number}"));
            update = update.expression_attribute_values(format!(":from{number}"), text(state));
        }
        match update.condition_expression(allowed.join(" OR ")).send().await {
            Err(error)
                if !error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) =>
            {
                Err(unknown(error))
            }
            _ => self.look_up(id).await,
        }
    }
}

#[async_trait]
impl Processor for Sandbox {
    async fn save_method(&self, account: &AccountId, token: &str) -> Result<PaymentMethod, ProcessorError> {
        let (_, brand, last4, _) = test_card(token)?;
        Ok(PaymentMethod {
            customer: customer_of(account),
            token: token.to_owned(),
            card: Card {
                brand: (*brand).to_owned(),
                last4: (*last4).to_owned(),
                exp_month: 12,
                exp_year: 2034,
            },
        })
    }

    async fn create(&self, new: &NewIntent<'_>) -> Result<Intent, ProcessorError> {
        let id = format!("pi_{}", Fingerprint::of([new.key]).as_str());
        let item = Item::from([
            (ID.to_owned(), text(&id)),
            (CUSTOMER.to_owned(), text(&new.method.customer)),
            ("key".to_owned(), text(new.key)),
            ("method".to_owned(), text(&new.method.token)),
            ("amount".to_owned(), minor_units(new.amount)?),
            ("currency".to_owned(), text(new.amount.currency().code())),
            ("state".to_owned(), text("unconfirmed")),
            ("detail".to_owned(), text("")),
        ]);
        self.put_new(item).await?;
        self.look_up(&id).await
    }

    async fn confirm(&self, intent: &str) -> Result<Intent, ProcessorError> {
        let item = self.item(intent).await?;
        let (_, _, _, behaviour) = test_card(field(&item, "method")?)?;
        let state = match behaviour {
            Behaviour::Succeeds | Behaviour::LosesTheReply => IntentState::Succeeded,
            Behaviour::Declines(reason) => IntentState::Declined { reason: (*reason).to_owned() },
            Behaviour::WantsItsOwner => {
                IntentState::NeedsAction { url: format!("{}/{intent}", self.authentication_page) }
            }
        };
        let intent = self.move_on(intent, &["unconfirmed", "declined"], &state).await?;
        match behaviour {
            Behaviour::LosesTheReply => Err(ProcessorError::Unknown("the reply was lost".into())),
            _ => Ok(intent),
        }
    }

    async fn look_up(&self, intent: &str) -> Result<Intent, ProcessorError> {
        let record = record(&self.item(intent).await?)?;
        Ok(Intent { id: record.id, state: record.state })
    }

    async fn find(&self, customer: &str, key: &str) -> Result<Option<Intent>, ProcessorError> {
        let items = self.items_of(customer).await?;
        let records = items.iter().map(record).collect::<Result<Vec<_>, _>>()?;
        let found = records.into_iter().find(|record| record.key == key);
        Ok(found.map(|record| Intent { id: record.id, state: record.state }))
    }

    async fn cancel(&self, intent: &str) -> Result<Intent, ProcessorError> {
        let cancelled = IntentState::Cancelled { decline: None };
        self.move_on(intent, &["unconfirmed", "needsAction", "declined"], &cancelled).await
    }

    async fn refund(&self, intent: &str, amount: Money, key: &str) -> Result<Refund, ProcessorError> {
        let item = self.item(intent).await?;
        let charge = record(&item)?;
        let customer = field(&item, CUSTOMER)?;
        let id = format!("re_{}", Fingerprint::of([key]).as_str());
        let refunds = self.items_of(customer).await?;
        let refunds =
            refunds.iter().filter(|item| field(item, "charge").is_ok_and(|charge| charge == intent));
        let refunds = refunds.map(record).collect::<Result<Vec<_>, _>>()?;
        if refunds.iter().any(|refund| refund.id == id) {
            return Ok(Refund { id });
        }
        let refunded = refunds.iter().fold(amount, |sum, refund| sum + refund.amount);
        if charge.state != IntentState::Succeeded || !amount.is_positive() || refunded > charge.amount {
            return Err(refused("charge_not_refundable"));
        }
        let item = Item::from([
            (ID.to_owned(), text(&id)),
            (CUSTOMER.to_owned(), text(customer)),
            ("key".to_owned(), text(key)),
            ("charge".to_owned(), text(intent)),
            ("amount".to_owned(), minor_units(amount)?),
            ("currency".to_owned(), text(amount.currency().code())),
            ("state".to_owned(), text("succeeded")),
            ("detail".to_owned(), text("")),
        ]);
        self.put_new(item).await?;
        Ok(Refund { id })
    }
}

fn test_card(
    token: &str,
) -> Result<&'static (&'static str, &'static str, &'static str, Behaviour), ProcessorError> {
    TEST_CARDS.iter().find(|(known, ..)| *known == token).ok_or_else(|| refused("resource_missing"))
}

fn customer_of(account: &AccountId) -> String {
    format!("{CUSTOMER_PREFIX}{account}")
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn minor_units(amount: Money) -> Result<AttributeValue, ProcessorError> {
    let units = amount.minor_units().ok_or_else(|| refused("amount_invalid"))?;
    Ok(AttributeValue::N(units.to_string()))
}

fn refused(reason: &str) -> ProcessorError {
    ProcessorError::Refused { reason: reason.to_owned() }
}

fn unknown(error: impl std::error::Error + Send + Sync + 'static) -> ProcessorError {
    ProcessorError::Unknown(Box::new(error))
}

fn field<'a>(item: &'a Item, name: &str) -> Result<&'a str, ProcessorError> {
    let value = item.get(name).and_then(|value| value.as_s().ok());
    value.map(String::as_str).ok_or_else(|| ProcessorError::Unknown(format!("a record has no {name}").into()))
}

fn record(item: &Item) -> Result<Record, ProcessorError> {
    let broken = || ProcessorError::Unknown("a record of the sandbox is broken".into());
    let currency = Currency::parse(field(item, "currency")?).map_err(unknown)?;
    let units = item.get("amount").and_then(|units| units.as_n().ok()).and_then(|units| units.parse().ok());
    let amount = Money::of_minor_units(units.ok_or_else(broken)?, currency);
    let detail = field(item, "detail")?.to_owned();
    let state = match field(item, "state")? {
        "unconfirmed" => IntentState::Unconfirmed,
        "needsAction" => IntentState::NeedsAction { url: detail },
        "succeeded" => IntentState::Succeeded,
        "declined" => IntentState::Declined { reason: detail },
        "cancelled" => IntentState::Cancelled { decline: field(item, "decline").ok().map(str::to_owned) },
        _ => return Err(broken()),
    };
    let account = field(item, CUSTOMER)?.strip_prefix(CUSTOMER_PREFIX).ok_or_else(broken)?;
    let account = AccountId::parse(account).map_err(unknown)?;
    Ok(Record {
        id: field(item, ID)?.to_owned(),
        account,
        key: field(item, "key")?.to_owned(),
        amount,
        state,
    })
}

fn state_to_text(state: &IntentState) -> (&'static str, &str) {
    match state {
        IntentState::Unconfirmed => ("unconfirmed", ""),
        IntentState::Processing => ("processing", ""),
        IntentState::NeedsAction { url } => ("needsAction", url),
        IntentState::Succeeded => ("succeeded", ""),
        IntentState::Declined { reason } => ("declined", reason),
        IntentState::Cancelled { .. } => ("cancelled", ""),
    }
}
