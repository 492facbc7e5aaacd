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
use domain::dispute::{DisputePhase, SeenDispute};
use domain::profile::{Author, Card, CardUse, PaymentMethod};
use domain::recharge::AUTHENTICATION_REQUIRED;
use domain::refund::{RefundStatus, SeenRefund};
use domain::{AccountId, Currency, Fingerprint, Locale, Money, PaymentId};
use jiff::Timestamp;
use store::{IndexDefinition, StoreError, TableDefinition};

use crate::message::ProcessorMessage;
use crate::processor::{
    CompleteSetUp, Confirmation, Intent, IntentState, NewIntent, NewRefund, NewSetUp, Processor,
    ProcessorError, SetUp, SetUpState,
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
const REFUND_PREFIX: &str = "re_";
const DISPUTE_PREFIX: &str = "dp_";
/// The attribute of a refund or a dispute that has the charge's id.
const CHARGE: &str = "charge";
const RETURN_URL: &str = "returnUrl";
const BY_NAME: &str = "byName";

// The states of a charge, as stored.
const UNCONFIRMED: &str = "unconfirmed";
const NEEDS_ACTION: &str = "needsAction";
const NEEDS_OWNER: &str = "needsOwner";
const SUCCEEDED: &str = "succeeded";
const DECLINED: &str = "declined";
/// Of a refund.
const FAILED: &str = "failed";
const CANCELLED: &str = "cancelled";

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

impl Record {
    /// The payment that it was created for.
    pub fn payment(&self) -> Option<PaymentId> {
        self.key.split(':').next().and_then(|id| PaymentId::parse(id).ok())
    }
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

    /// The charges and refunds that it was ever asked for on an account, made or not.
    pub async fn records(&self, account: &AccountId) -> Result<Vec<Record>, ProcessorError> {
        let items = self.items_of(&customer_of(account)).await?;
        let is_dispute = |item: &&Item| field(item, ID).is_ok_and(|id| id.starts_with(DISPUTE_PREFIX));
        items.iter().filter(|item| !is_dispute(item)).map(record).collect()
    }

    /// Refunds part of a charge as somebody does in a processor's dashboard: without a key of ours. Answers with its id.
    pub async fn refund_in_dashboard(&self, intent: &str, amount: Money) -> Result<String, ProcessorError> {
        let id = format!("{REFUND_PREFIX}{:032x}", fastrand::u128(..));
        self.put_refund(id.clone(), intent, amount, None).await?;
        Ok(id)
    }

    /// Lets a refund fail, as a bank may do weeks later.
    pub async fn fail_refund(&self, refund: &str) -> Result<(), ProcessorError> {
        self.change(refund, REFUND_PREFIX, FAILED, Some("expired_or_canceled_card")).await
    }

    /// Opens a dispute about part or all of a charge, or an inquiry, which moves no money. Answers with its id.
    pub async fn dispute(
        &self,
        intent: &str,
        amount: Money,
        is_inquiry: bool,
    ) -> Result<String, ProcessorError> {
        let charge = self.item(intent).await?;
        let id = format!("{DISPUTE_PREFIX}{:032x}", fastrand::u128(..));
        let state = if is_inquiry { "inquiry" } else { "open" };
        self.put_new(object_of(&id, intent, &charge, amount, state)?).await?;
        Ok(id)
    }

    /// Lets the bank decide on a dispute. The card keeps `lost`; if it is nothing, the dispute is won.
    pub async fn end_dispute(&self, dispute: &str, lost: Money) -> Result<(), ProcessorError> {
        let units = lost.minor_units().ok_or_else(|| refused("amount_invalid"))?.to_string();
        let state = if lost.is_zero() { "won" } else { "lost" };
        self.change(dispute, DISPUTE_PREFIX, state, Some(&units)).await
    }

    /// Turns an inquiry into a dispute that moves money.
    pub async fn escalate(&self, dispute: &str) -> Result<(), ProcessorError> {
        self.change(dispute, DISPUTE_PREFIX, "open", None).await
    }

    /// Sets the state of a refund or a dispute.
    async fn change(
        &self,
        id: &str,
        prefix: &str,
        state: &str,
        detail: Option<&str>,
    ) -> Result<(), ProcessorError> {
        if !id.starts_with(prefix) {
            return Err(refused("resource_missing"));
        }
        let mut item = self.item(id).await?;
        item.insert("state".to_owned(), text(state));
        item.insert("detail".to_owned(), text(detail.unwrap_or_default()));
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item));
        put.send().await.map(|_| ()).map_err(unknown)
    }

    /// Writes a refund, unless it exists, or more would go back than was charged.
    async fn put_refund(
        &self,
        id: String,
        intent: &str,
        amount: Money,
        key: Option<&str>,
    ) -> Result<SeenRefund, ProcessorError> {
        let charge = self.item(intent).await?;
        let refunds = self.refunds(intent).await?;
        if let Some(made) = refunds.iter().find(|refund| refund.id == id) {
            return Ok(made.clone());
        }
        let kept = refunds.iter().filter(|refund| !matches!(refund.status, RefundStatus::Failed { .. }));
        let refunded = kept.fold(amount, |sum, refund| sum + refund.amount);
        let Record { state, amount: charged, .. } = record(&charge)?;
        let was_charged = matches!(state, IntentState::Succeeded { .. });
        if !was_charged || !amount.is_positive() || refunded > charged {
            return Err(refused("charge_not_refundable"));
        }
        let mut item = object_of(&id, intent, &charge, amount, SUCCEEDED)?;
        item.insert("key".to_owned(), text(key.unwrap_or_default()));
        self.put_new(item).await?;
        Ok(SeenRefund { id, key: key.map(str::to_owned), amount, status: RefundStatus::Succeeded })
    }

    /// The refunds or disputes of a charge, by how their ids begin.
    async fn objects_of(&self, intent: &str, prefix: &str) -> Result<Vec<Item>, ProcessorError> {
        let charge = self.item(intent).await?;
        let mut items = self.items_of(field(&charge, CUSTOMER)?).await?;
        items.retain(|item| {
            let is_of_charge = field(item, CHARGE).is_ok_and(|charge| charge == intent);
            is_of_charge && field(item, ID).is_ok_and(|id| id.starts_with(prefix))
        });
        Ok(items)
    }

    /// One object of its record.
    pub async fn record(&self, intent: &str) -> Result<Record, ProcessorError> {
        record(&self.item(intent).await?)
    }

    /// Carries out what the person did at the authentication page, and answers with the object afterwards. An object
    /// that waits for the person changes, and so does one that was declined: the page may still be open.
    pub async fn authenticate(&self, intent: &str, approved: bool) -> Result<Record, ProcessorError> {
        let next = if approved { (SUCCEEDED, "") } else { (DECLINED, AUTHENTICATION_REQUIRED) };
        self.move_on(intent, &[NEEDS_ACTION, DECLINED], next, None).await?;
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

    /// Moves an object on to a state and its detail, if it is in one of the states `from`; answers with what it is afterwards. A
    /// cancelled object keeps the reason of its decline.
    async fn move_on(
        &self,
        id: &str,
        from: &[&str],
        (state, detail): (&str, &str),
        return_url: Option<&str>,
    ) -> Result<Intent, ProcessorError> {
        let keeps_decline = if state == DECLINED { ", decline = :detail" } else { "" };
        let returns = if return_url.is_some() { ", returnUrl = :returnUrl" } else { "" };
        let mut update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key(ID, text(id))
            .update_expression(format!("SET #state = :to, detail = :detail{keeps_decline}{returns}"))
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":to", text(state))
            .expression_attribute_values(":detail", text(detail));
        if let Some(return_url) = return_url {
            update = update.expression_attribute_values(":returnUrl", text(return_url));
        }
        let mut allowed = Vec::new();
        for (number, from) in from.iter().enumerate() {
            allowed.push(format!("#state = :from{number}"));
            update = update.expression_attribute_values(format!(":from{number}"), text(from));
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
        // A set-up has no customer: the index by customer lists charges and refunds only.
        let mut item = Item::from([
            (ID.to_owned(), text(&id)),
            ("account".to_owned(), text(new.account.as_str())),
            ("card".to_owned(), text(new.card.as_str())),
            ("by".to_owned(), text(&new.by.subject)),
            (RETURN_URL.to_owned(), text(new.return_url)),
            ("expiresAt".to_owned(), milliseconds(new.expires_at)),
            ("state".to_owned(), text("open")),
        ]);
        item.extend(new.by.name.as_deref().map(|name| (BY_NAME.to_owned(), text(name))));
        self.put_new(item).await?;
        let url = format!("{}/{id}", self.pages.cards);
        Ok(SetUp { id, url })
    }

    async fn look_up_set_up(&self, set_up: &str) -> Result<SetUpState, ProcessorError> {
        Ok(set_up_record(&self.item(set_up).await?)?.state)
    }

    async fn save_method(
        &self,
        account: &AccountId,
        _: Option<&str>,
        token: &str,
    ) -> Result<PaymentMethod, ProcessorError> {
        let TestCard { brand, last4, .. } = known_card(token)?;
        let card =
            Card { brand: (*brand).to_owned(), last4: (*last4).to_owned(), exp_month: 12, exp_year: 2034 };
        Ok(PaymentMethod { customer: customer_of(account), token: token.to_owned(), card })
    }

    /// The test cards never change.
    async fn look_up_method(&self, saved: &PaymentMethod) -> Result<Option<PaymentMethod>, ProcessorError> {
        let is_known = TEST_CARDS.iter().any(|card| card.token == saved.token);
        Ok(is_known.then(|| saved.clone()))
    }

    async fn account_of(&self, customer: &str) -> Result<Option<AccountId>, ProcessorError> {
        Ok(account_of(customer))
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
            ("state".to_owned(), text(UNCONFIRMED)),
            ("detail".to_owned(), text("")),
        ]);
        self.put_new(item).await?;
        self.look_up(&id).await
    }

    /// The key of a confirmation is not needed: an object's state says whether it was confirmed.
    async fn confirm(&self, confirmation: &Confirmation<'_>) -> Result<Intent, ProcessorError> {
        let Confirmation { intent, return_url, owner_is_present, .. } = *confirmation;
        let item = self.item(intent).await?;
        let behaviour = known_card(field(&item, "method")?)?.behaviour;
        let page = format!("{}/{intent}", self.pages.authentication);
        let next = match behaviour {
            Behaviour::Succeeds | Behaviour::LosesTheReply => (SUCCEEDED, ""),
            Behaviour::Declines(decline) => (DECLINED, decline.reason),
            Behaviour::WantsItsOwner if owner_is_present => (NEEDS_ACTION, page.as_str()),
            Behaviour::WantsItsOwner => (NEEDS_OWNER, ""),
        };
        let intent =
            self.move_on(intent, &[UNCONFIRMED, NEEDS_OWNER, DECLINED], next, Some(return_url)).await?;
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
        // A refund has a key, too.
        let has_key = |item: &&Item| {
            !item.contains_key(CHARGE) && field(item, "key").is_ok_and(|of_item| of_item == key)
        };
        let found = items.iter().find(has_key).map(record).transpose()?;
        Ok(found.map(|record| Intent { id: record.id, state: record.state }))
    }

    async fn payment_of(&self, intent: &str) -> Result<Option<(AccountId, PaymentId)>, ProcessorError> {
        match self.record(intent).await {
            Ok(record) => Ok(record.payment().map(|payment| (record.account, payment))),
            Err(ProcessorError::Refused { .. }) => Ok(None),
            Err(unknown) => Err(unknown),
        }
    }

    async fn cancel(&self, intent: &str) -> Result<Intent, ProcessorError> {
        let from = [UNCONFIRMED, NEEDS_ACTION, NEEDS_OWNER, DECLINED];
        self.move_on(intent, &from, (CANCELLED, ""), None).await
    }

    async fn refund(&self, new: &NewRefund<'_>) -> Result<SeenRefund, ProcessorError> {
        let id = format!("{REFUND_PREFIX}{}", Fingerprint::of([new.key]).as_str());
        self.put_refund(id, new.intent, new.amount, Some(new.key)).await
    }

    async fn refunds(&self, intent: &str) -> Result<Vec<SeenRefund>, ProcessorError> {
        self.objects_of(intent, REFUND_PREFIX).await?.iter().map(seen_refund).collect()
    }

    async fn disputes(&self, intent: &str) -> Result<Vec<SeenDispute>, ProcessorError> {
        self.objects_of(intent, DISPUTE_PREFIX).await?.iter().map(seen_dispute).collect()
    }

    async fn is_live(&self) -> Result<bool, ProcessorError> {
        Ok(false)
    }

    /// It sends no messages: its pages tell the functions at once.
    async fn undelivered(&self, _: Timestamp, _: usize) -> Result<Vec<ProcessorMessage>, ProcessorError> {
        Ok(Vec::new())
    }
}

/// A refund or dispute of a charge, without a key.
fn object_of(
    id: &str,
    intent: &str,
    charge: &Item,
    amount: Money,
    state: &str,
) -> Result<Item, ProcessorError> {
    Ok(Item::from([
        (ID.to_owned(), text(id)),
        (CUSTOMER.to_owned(), text(field(charge, CUSTOMER)?)),
        ("key".to_owned(), text("")),
        (CHARGE.to_owned(), text(intent)),
        ("amount".to_owned(), minor_units(amount)?),
        ("currency".to_owned(), text(amount.currency().code())),
        ("state".to_owned(), text(state)),
        ("detail".to_owned(), text("")),
    ]))
}

fn seen_refund(item: &Item) -> Result<SeenRefund, ProcessorError> {
    Ok(SeenRefund {
        id: field(item, ID)?.to_owned(),
        key: Some(field(item, "key")?).filter(|key| !key.is_empty()).map(str::to_owned),
        amount: amount_of(item)?,
        status: match field(item, "state")? {
            SUCCEEDED => RefundStatus::Succeeded,
            _ => RefundStatus::Failed { reason: field(item, "detail")?.to_owned() },
        },
    })
}

fn seen_dispute(item: &Item) -> Result<SeenDispute, ProcessorError> {
    let amount = amount_of(item)?;
    let phase = match field(item, "state")? {
        "inquiry" => DisputePhase::Inquiry,
        "open" => DisputePhase::Open,
        "won" => DisputePhase::Won,
        _ => {
            let units = field(item, "detail")?.parse().map_err(unknown)?;
            DisputePhase::Lost { lost: Money::of_minor_units(units, amount.currency()) }
        }
    };
    Ok(SeenDispute { id: field(item, ID)?.to_owned(), amount, reason: "fraudulent".to_owned(), phase })
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

fn account_of(customer: &str) -> Option<AccountId> {
    AccountId::parse(customer.strip_prefix(CUSTOMER_PREFIX)?).ok()
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

fn amount_of(item: &Item) -> Result<Money, ProcessorError> {
    let currency = Currency::parse(field(item, "currency")?).map_err(unknown)?;
    let units = item.get("amount").and_then(|units| units.as_n().ok()).and_then(|units| units.parse().ok());
    let broken = || ProcessorError::Unknown("a record of the sandbox has no amount".into());
    Ok(Money::of_minor_units(units.ok_or_else(broken)?, currency))
}

fn record(item: &Item) -> Result<Record, ProcessorError> {
    if field(item, ID)?.starts_with(SET_UP_PREFIX) {
        return Err(refused("resource_missing"));
    }
    let broken = || ProcessorError::Unknown("a record of the sandbox is broken".into());
    let amount = amount_of(item)?;
    let detail = field(item, "detail")?.to_owned();
    let state = match field(item, "state")? {
        UNCONFIRMED => IntentState::Unconfirmed,
        NEEDS_ACTION => IntentState::NeedsAction { url: detail },
        NEEDS_OWNER => IntentState::NeedsOwner,
        SUCCEEDED => IntentState::Succeeded { received: amount },
        // Of a charge, or of a refund that failed.
        DECLINED | FAILED => IntentState::Declined { reason: detail },
        CANCELLED => IntentState::Cancelled { decline: field(item, "decline").ok().map(str::to_owned) },
        _ => return Err(broken()),
    };
    let account = account_of(field(item, CUSTOMER)?).ok_or_else(broken)?;
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
    let card = CardUse::parse(field(item, "card")?).ok_or_else(broken)?;
    let state = match field(item, "state")? {
        "open" => SetUpState::Open,
        "expired" => SetUpState::Expired,
        "complete" => SetUpState::Complete(CompleteSetUp {
            customer: customer_of(&account),
            account: account.clone(),
            card,
            by: Author::new(field(item, "by")?, field(item, BY_NAME).ok()),
            token: field(item, "method")?.to_owned(),
        }),
        _ => return Err(broken()),
    };
    let return_url = field(item, RETURN_URL)?.to_owned();
    Ok(SetUpRecord { id: id.to_owned(), account, card, return_url, state })
}
