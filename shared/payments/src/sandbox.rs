//! A card processor for machines without network. It knows Stripe's test cards, and keeps its own record of
//! what it was asked and what it charged, in a table of its own: what it has charged is the truth that the
//! books are checked against.

use std::collections::HashMap;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder;
use aws_sdk_dynamodb::types::AttributeValue;
use domain::profile::{Card, CardUse, PaymentMethod};
use domain::{AccountId, Currency, Fingerprint, Locale, Money};
use jiff::Timestamp;
use store::{IndexDefinition, StoreError, TableDefinition};

use crate::processor::{
    CompleteSetUp, Intent, IntentState, NewIntent, NewSetUp, Processor, ProcessorError, Refund, SetUp,
    SetUpState,
};

/// What a test card does when it is charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Behaviour {
    Succeeds,
    Declines(Decline),
    WantsItsOwner,
    LosesTheReply,
}

/// How a test card is declined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Decline {
    /// The processor's code.
    reason: &'static str,
    english: &'static str,
    french: &'static str,
}

const fn declines(reason: &'static str, english: &'static str, french: &'static str) -> Behaviour {
    Behaviour::Declines(Decline { reason, english, french })
}

/// Stripe's test payment methods, and one of ours. Source: docs.stripe.com/testing.
const TEST_CARDS: [TestCard; 8] = [
    test_card("pm_card_visa", "visa", "4242", Behaviour::Succeeds),
    test_card("pm_card_mastercard", "mastercard", "4444", Behaviour::Succeeds),
    test_card(
        "pm_card_chargeDeclined",
        "visa",
        "0002",
        declines("card_declined", "is declined", "est refusée"),
    ),
    test_card(
        "pm_card_chargeDeclinedInsufficientFunds",
        "visa",
        "9995",
        declines(
            "insufficient_funds",
            "is declined: insufficient funds",
            "est refusée : provision insuffisante",
        ),
    ),
    test_card(
        "pm_card_chargeDeclinedExpiredCard",
        "visa",
        "0069",
        declines("expired_card", "is declined: the card has expired", "est refusée : la carte a expiré"),
    ),
    test_card(
        "pm_card_chargeDeclinedLostCard",
        "visa",
        "9987",
        declines(
            "lost_card",
            "is declined: the card was reported as lost",
            "est refusée : la carte a été déclarée perdue",
        ),
    ),
    test_card("pm_card_authenticationRequired", "visa", "3184", Behaviour::WantsItsOwner),
    test_card("pm_sandbox_timeout", "visa", "0408", Behaviour::LosesTheReply),
];

const fn test_card(
    token: &'static str,
    brand: &'static str,
    last4: &'static str,
    behaviour: Behaviour,
) -> TestCard {
    TestCard { token, brand, last4, behaviour }
}

/// A card of the sandbox, as people choose one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TestCard {
    /// What it is saved and charged by.
    pub token: &'static str,
    /// `visa`, `mastercard`, …
    pub brand: &'static str,
    /// Last four digits.
    pub last4: &'static str,
    behaviour: Behaviour,
}

impl TestCard {
    /// What happens when it is charged, for people.
    pub fn outcome(&self, locale: Locale) -> &'static str {
        match (locale, self.behaviour) {
            (Locale::En, Behaviour::Succeeds) => "is charged",
            (Locale::Fr, Behaviour::Succeeds) => "est débitée",
            (Locale::En, Behaviour::Declines(decline)) => decline.english,
            (Locale::Fr, Behaviour::Declines(decline)) => decline.french,
            (Locale::En, Behaviour::WantsItsOwner) => "wants its owner to confirm",
            (Locale::Fr, Behaviour::WantsItsOwner) => "demande la confirmation de son titulaire",
            (Locale::En, Behaviour::LosesTheReply) => "is charged, and the reply is lost",
            (Locale::Fr, Behaviour::LosesTheReply) => "est débitée, et la réponse se perd",
        }
    }
}

const ID: &str = "id";
const CUSTOMER: &str = "customer";
const CUSTOMER_INDEX: &str = "byCustomer";
const CUSTOMER_PREFIX: &str = "cus_";
const SET_UP_PREFIX: &str = "cs_";
const RETURN_URL: &str = "returnUrl";

/// The table of the sandbox's record.
pub const SANDBOX: TableDefinition = TableDefinition {
    indexes: &[IndexDefinition::of_items(CUSTOMER_INDEX, CUSTOMER, ID)],
    ..TableDefinition::new("sandbox", ID, None)
};

/// The addresses of the sandbox's pages. The id of the object that a page is about follows, after a `/`.
#[derive(Clone, Debug)]
pub struct Pages {
    /// Where a card's owner confirms a payment.
    pub authentication: String,
    /// Where a card is entered.
    pub cards: String,
}

/// The sandbox: a table, and pages for people.
#[derive(Clone, Debug)]
pub struct Sandbox {
    client: Client,
    table: String,
    pages: Pages,
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
    /// Where the page that asks the card's owner leads back to, once the object was confirmed.
    pub return_url: Option<String>,
}

/// A set-up of the sandbox's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetUpRecord {
    /// `cs_…`
    pub id: String,
    /// Whose card it will be.
    pub account: AccountId,
    /// Which card of the account it will be.
    pub card: CardUse,
    /// Where its page leads back to.
    pub return_url: String,
    /// How far it is.
    pub state: SetUpState,
}

type Item = HashMap<String, AttributeValue>;

impl Sandbox {
    /// Over its own table.
    pub fn new(client: Client, table: impl Into<String>, pages: Pages) -> Self {
        Self { client, table: table.into(), pages }
    }

    /// The cards that it knows.
    pub fn test_cards() -> &'static [TestCard] {
        &TEST_CARDS
    }

    /// Over the table that the setting `SANDBOX_TABLE` names, with the pages at `AUTHENTICATION_PAGE` and `CARD_PAGE`; the error
    /// is the name of the one that is missing.
    pub fn from_env(client: Client) -> Result<Self, &'static str> {
        let value = |setting: &'static str| std::env::var(setting).map_err(|_| setting);
        let pages = Pages { authentication: value("AUTHENTICATION_PAGE")?, cards: value("CARD_PAGE")? };
        Ok(Self::new(client, value("SANDBOX_TABLE")?, pages))
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
        self.move_on(intent, &["needsAction", "declined"], &state, None).await?;
        record(&self.item(intent).await?)
    }

    /// A set-up of its record. One whose time is over expires.
    pub async fn set_up_record(&self, id: &str, now: Timestamp) -> Result<SetUpRecord, ProcessorError> {
        let open_and_over = "#state = :open AND expiresAt <= :now";
        let expired = self.update_set_up(id, "SET #state = :next", open_and_over, now);
        let expired = expired.expression_attribute_values(":next", text("expired"));
        expired.send().await.map(|_| ()).or_else(unless_refused)?;
        set_up_record(&self.item(id).await?)
    }

    /// Carries out what a person did at the page of a set-up: enters a card. A set-up that has a card keeps it, and one whose
    /// time is over takes none. Answers with the set-up afterwards.
    pub async fn enter_card(
        &self,
        id: &str,
        token: &str,
        now: Timestamp,
    ) -> Result<SetUpRecord, ProcessorError> {
        let card = known_card(token)?;
        let open_and_in_time = "#state = :open AND expiresAt > :now";
        let complete = self.update_set_up(id, "SET #state = :next, #method = :method", open_and_in_time, now);
        let complete = complete
            .expression_attribute_names("#method", "method")
            .expression_attribute_values(":next", text("complete"))
            .expression_attribute_values(":method", text(card.token));
        complete.send().await.map(|_| ()).or_else(unless_refused)?;
        self.set_up_record(id, now).await
    }

    fn update_set_up(
        &self,
        id: &str,
        update: &str,
        condition: &str,
        now: Timestamp,
    ) -> UpdateItemFluentBuilder {
        self.client
            .update_item()
            .table_name(&self.table)
            .key(ID, text(id))
            .update_expression(update)
            .condition_expression(condition)
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":open", text("open"))
            .expression_attribute_values(":now", milliseconds(now))
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
    async fn move_on(
        &self,
        id: &str,
        from: &[&str],
        to: &IntentState,
        return_url: Option<&str>,
    ) -> Result<Intent, ProcessorError> {
        let (name, detail) = state_to_text(to);
        let keeps_decline =
            if matches!(to, IntentState::Declined { .. }) { ", decline = :detail" } else { "" };
        let returns = if return_url.is_some() { ", returnUrl = :returnUrl" } else { "" };
        let mut update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key(ID, text(id))
            .update_expression(format!("SET #state = :to, detail = :detail{keeps_decline}{returns}"))
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":to", text(name))
            .expression_attribute_values(":detail", text(detail));
        if let Some(return_url) = return_url {
            update = update.expression_attribute_values(":returnUrl", text(return_url));
        }
        let mut allowed = Vec::new();
        for (number, state) in from.iter().enumerate() {
            allowed.push(format!("#state = :from{number}"));
            update = update.expression_attribute_values(format!(":from{number}"), text(state));
        }
        let update = update.condition_expression(allowed.join(" OR "));
        update.send().await.map(|_| ()).or_else(unless_refused)?;
        self.look_up(id).await
    }
}

#[async_trait]
impl Processor for Sandbox {
    async fn set_up(&self, new: &NewSetUp<'_>) -> Result<SetUp, ProcessorError> {
        let id = format!("{SET_UP_PREFIX}{:032x}", fastrand::u128(..));
        let card = match new.card {
            CardUse::Main => "main",
            CardUse::Backup => "backup",
        };
        // A set-up has no customer: the index by customer lists charges and refunds only.
        let item = Item::from([
            (ID.to_owned(), text(&id)),
            ("account".to_owned(), text(new.account.as_str())),
            ("card".to_owned(), text(card)),
            ("by".to_owned(), text(new.by)),
            (RETURN_URL.to_owned(), text(new.return_url)),
            ("expiresAt".to_owned(), milliseconds(new.expires_at)),
            ("state".to_owned(), text("open")),
        ]);
        self.put_new(item).await?;
        let url = format!("{}/{id}", self.pages.cards);
        Ok(SetUp { id, url })
    }

    async fn look_up_set_up(&self, set_up: &str) -> Result<SetUpState, ProcessorError> {
        Ok(set_up_record(&self.item(set_up).await?)?.state)
    }

    async fn save_method(&self, account: &AccountId, token: &str) -> Result<PaymentMethod, ProcessorError> {
        let TestCard { brand, last4, .. } = known_card(token)?;
        let card =
            Card { brand: (*brand).to_owned(), last4: (*last4).to_owned(), exp_month: 12, exp_year: 2034 };
        Ok(PaymentMethod { customer: customer_of(account), token: token.to_owned(), card })
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

    async fn confirm(&self, intent: &str, return_url: &str) -> Result<Intent, ProcessorError> {
        let item = self.item(intent).await?;
        let behaviour = known_card(field(&item, "method")?)?.behaviour;
        let state = match behaviour {
            Behaviour::Succeeds | Behaviour::LosesTheReply => IntentState::Succeeded,
            Behaviour::Declines(decline) => IntentState::Declined { reason: decline.reason.to_owned() },
            Behaviour::WantsItsOwner => {
                IntentState::NeedsAction { url: format!("{}/{intent}", self.pages.authentication) }
            }
        };
        let intent = self.move_on(intent, &["unconfirmed", "declined"], &state, Some(return_url)).await?;
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
        self.move_on(intent, &["unconfirmed", "needsAction", "declined"], &cancelled, None).await
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

fn known_card(token: &str) -> Result<&'static TestCard, ProcessorError> {
    TEST_CARDS.iter().find(|card| card.token == token).ok_or_else(|| refused("resource_missing"))
}

/// Passes over the failure of an update whose condition did not hold: the item stays as it is.
fn unless_refused(error: SdkError<UpdateItemError>) -> Result<(), ProcessorError> {
    match error.as_service_error() {
        Some(refusal) if refusal.is_conditional_check_failed_exception() => Ok(()),
        _ => Err(unknown(error)),
    }
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

fn milliseconds(instant: Timestamp) -> AttributeValue {
    AttributeValue::N(instant.as_millisecond().to_string())
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
        return_url: field(item, RETURN_URL).ok().map(str::to_owned),
    })
}

fn set_up_record(item: &Item) -> Result<SetUpRecord, ProcessorError> {
    let id = field(item, ID)?;
    if !id.starts_with(SET_UP_PREFIX) {
        return Err(refused("resource_missing"));
    }
    let broken = || ProcessorError::Unknown("a set-up of the sandbox is broken".into());
    let account = AccountId::parse(field(item, "account")?).map_err(unknown)?;
    let card = match field(item, "card")? {
        "main" => CardUse::Main,
        "backup" => CardUse::Backup,
        _ => return Err(broken()),
    };
    let state = match field(item, "state")? {
        "open" => SetUpState::Open,
        "expired" => SetUpState::Expired,
        "complete" => SetUpState::Complete(CompleteSetUp {
            account: account.clone(),
            card,
            by: field(item, "by")?.to_owned(),
            token: field(item, "method")?.to_owned(),
        }),
        _ => return Err(broken()),
    };
    let return_url = field(item, RETURN_URL)?.to_owned();
    Ok(SetUpRecord { id: id.to_owned(), account, card, return_url, state })
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
