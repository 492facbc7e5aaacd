//! Every card processor does what the port says (F3-F5, F10, X2): the sandbox, and Stripe over its HTTP API, which a fake answers.

use std::sync::Arc;

use domain::profile::{Author, CardUse, PaymentMethod};
use domain::{AccountId, Currency, Money, PaymentId, PaymentKind};
use fake_stripe::{Fake, Options};
use jiff::{SignedDuration, Timestamp};
use local::database::Database;
use payments::sandbox::Pages;
use payments::{
    CompleteSetUp, Confirmation, Intent, IntentState, NewIntent, NewSetUp, Processor, ProcessorError,
    Sandbox, SetUpState, Stripe,
};
use serde_json::{Value, json};
use stripe::{Client, Limits, SecretKey};

const RETURN: &str = "http://portal/back";
const VISA: &str = "pm_card_visa";
const WANTS_OWNER: &str = "pm_card_authenticationRequired";

/// The pages of a processor, where people enter cards and confirm payments.
enum People {
    OfSandbox { sandbox: Sandbox, _database: Database },
    OfFake(Fake),
}

impl People {
    /// The card's owner confirms or refuses a payment.
    async fn decide(&self, intent: &str, approved: bool) {
        match self {
            Self::OfSandbox { sandbox, .. } => {
                sandbox.authenticate(intent, approved).await.unwrap();
            }
            Self::OfFake(fake) => {
                let path = format!("/_fake/payment_intents/{intent}/authenticate");
                post(fake, &path, json!({ "approved": approved })).await;
            }
        }
    }

    /// A person enters a card on the page of a set-up.
    async fn enter(&self, set_up: &str, card: &str) {
        match self {
            Self::OfSandbox { sandbox, .. } => {
                sandbox.enter_card(set_up, card, Timestamp::now()).await.unwrap();
            }
            Self::OfFake(fake) => {
                let path = format!("/_fake/checkout/sessions/{set_up}/enter");
                post(fake, &path, json!({ "card": card })).await;
            }
        }
    }
}

async fn post(fake: &Fake, path: &str, body: Value) {
    let sent = reqwest::Client::new().post(format!("{}{path}", fake.url()));
    let answer = sent.header("content-type", "application/json").body(body.to_string()).send().await.unwrap();
    assert!(answer.status().is_success(), "{path}: {}", answer.text().await.unwrap());
}

/// An object, and the token of its card.
struct Charge {
    intent: Intent,
    token: String,
}

impl Charge {
    fn id(&self) -> &str {
        &self.intent.id
    }
}

/// A card processor, and an account that pays by it.
struct Till {
    name: &'static str,
    processor: Arc<dyn Processor>,
    people: People,
    account: AccountId,
}

impl Till {
    /// One of each processor.
    async fn each() -> [Self; 2] {
        let database = Database::open(None).await.unwrap();
        let pages = Pages { authentication: "http://page".to_owned(), cards: "http://cards".to_owned() };
        let sandbox = Sandbox::new(database.steady_client(), "sandbox", pages);
        sandbox.create_table().await.unwrap();
        let fake = Fake::start(Options::default()).await.unwrap();
        let key = Arc::new(SecretKey::new("sk_test_1"));
        let stripe = Stripe::new(Client::new(fake.url(), key, Limits::default()));
        let account = AccountId::parse("a").unwrap();
        [
            Self {
                name: "sandbox",
                processor: Arc::new(sandbox.clone()),
                people: People::OfSandbox { sandbox, _database: database },
                account: account.clone(),
            },
            Self { name: "stripe", processor: Arc::new(stripe), people: People::OfFake(fake), account },
        ]
    }

    async fn card(&self, token: &str) -> PaymentMethod {
        self.processor.save_method(&self.account, None, token).await.unwrap()
    }

    /// Creates the object of a payment's first attempt, which the key names.
    async fn create(&self, name: &str, method: &PaymentMethod) -> Charge {
        let payment = payment(name);
        let new = NewIntent {
            key: &format!("{payment}:1"),
            account: &self.account,
            payment: &payment,
            attempt: 1,
            amount: euros(5_000),
            method,
        };
        let intent = self.processor.create(&new).await.unwrap();
        Charge { intent, token: method.token.clone() }
    }

    async fn confirm(&self, charge: &Charge, key: &str, owner_is_present: bool) -> IntentState {
        let Charge { intent, token } = charge;
        let confirmation =
            Confirmation { intent: &intent.id, token, key, return_url: RETURN, owner_is_present };
        self.processor.confirm(&confirmation).await.unwrap().state
    }

    async fn state(&self, charge: &Charge) -> IntentState {
        self.processor.look_up(charge.id()).await.unwrap().state
    }

    async fn cancel(&self, charge: &Charge) -> IntentState {
        self.processor.cancel(charge.id()).await.unwrap().state
    }
}

fn payment(name: &str) -> PaymentId {
    PaymentId::derive(&AccountId::parse("a").unwrap(), PaymentKind::Purchase, name)
}

fn euros(cents: i64) -> Money {
    Money::of_minor_units(cents, Currency::parse("EUR").unwrap())
}

const fn is_page(state: &IntentState) -> bool {
    matches!(state, IntentState::NeedsAction { .. })
}

/// The state of an object of 50 euros that was charged.
fn succeeded() -> IntentState {
    IntentState::Succeeded { received: euros(5_000) }
}

fn declined(reason: &str) -> IntentState {
    IntentState::Declined { reason: reason.to_owned() }
}

fn cancelled(decline: Option<&str>) -> IntentState {
    IntentState::Cancelled { decline: decline.map(str::to_owned) }
}

#[tokio::test]
async fn f3_a_key_is_one_object_and_one_charge() {
    for till in Till::each().await {
        let name = till.name;
        let method = till.card(VISA).await;
        let first = till.create("k", &method).await;
        assert_eq!(
            first.intent.state,
            IntentState::Unconfirmed,
            "{name}: creating an object charges nothing"
        );
        assert_eq!(till.create("k", &method).await.id(), first.id(), "{name}");
        assert_ne!(till.create("other", &method).await.id(), first.id(), "{name}");
        assert_eq!(till.confirm(&first, "k:confirm", true).await, succeeded(), "{name}");
        assert_eq!(till.confirm(&first, "k:confirm", true).await, succeeded(), "{name}: once more");
        assert_eq!(till.confirm(&first, "k:confirm:2", true).await, succeeded(), "{name}: under another key");
        assert_eq!(till.state(&first).await, succeeded(), "{name}");
        assert_eq!(till.cancel(&first).await, succeeded(), "{name}: too late");
    }
}

#[tokio::test]
async fn f4_each_decline_has_its_reason_until_after_the_cancellation() {
    for till in Till::each().await {
        for (card, reason) in [
            ("pm_card_chargeDeclined", "card_declined"),
            ("pm_card_chargeDeclinedInsufficientFunds", "insufficient_funds"),
            ("pm_card_chargeDeclinedExpiredCard", "expired_card"),
            ("pm_card_chargeDeclinedLostCard", "lost_card"),
        ] {
            for owner_is_present in [true, false] {
                let story = format!("{}: {card} {owner_is_present}", till.name);
                let name = format!("{card}{owner_is_present}");
                let intent = till.create(&name, &till.card(card).await).await;
                assert_eq!(till.confirm(&intent, &name, owner_is_present).await, declined(reason), "{story}");
                assert_eq!(till.state(&intent).await, declined(reason), "{story}");
                assert_eq!(till.cancel(&intent).await, cancelled(Some(reason)), "{story}");
                assert_eq!(till.cancel(&intent).await, cancelled(Some(reason)), "{story}: once more");
                let after = till.confirm(&intent, &format!("{name}:2"), true).await;
                assert_eq!(after, cancelled(Some(reason)), "{story}: never charged again");
            }
        }
    }
}

#[tokio::test]
async fn f5_an_object_is_found_by_its_key() {
    for till in Till::each().await {
        let name = till.name;
        let method = till.card(VISA).await;
        for number in 0..3 {
            till.create(&number.to_string(), &method).await;
        }
        let wanted = till.create("wanted", &method).await;
        till.confirm(&wanted, "c", true).await;
        let find = async |name: &str, attempt: u32| {
            let key = format!("{}:{attempt}", payment(name));
            till.processor.find(&method.customer, &key).await.unwrap()
        };
        let found = find("wanted", 1).await.unwrap();
        assert_eq!((found.id.as_str(), found.state), (wanted.id(), succeeded()), "{name}");
        assert_eq!(find("wanted", 2).await, None, "{name}: another attempt");
        assert_eq!(find("never sent", 1).await, None, "{name}");
        let of = till.processor.payment_of(wanted.id()).await.unwrap();
        assert_eq!(of, Some((till.account.clone(), payment("wanted"))), "{name}");
        assert_eq!(till.processor.payment_of("pi_unknown").await.unwrap(), None, "{name}");
        assert!(!till.processor.is_live().await.unwrap(), "{name}");
    }
}

#[tokio::test]
async fn f5_a_cancelled_object_is_never_charged() {
    for till in Till::each().await {
        let name = till.name;
        let intent = till.create("k", &till.card(VISA).await).await;
        for _ in 0..2 {
            assert_eq!(till.cancel(&intent).await, cancelled(None), "{name}");
            assert_eq!(till.confirm(&intent, "c", true).await, cancelled(None), "{name}");
        }
    }
}

#[tokio::test]
async fn f4_an_owner_who_is_there_decides_on_a_page() {
    for till in Till::each().await {
        let name = till.name;
        for approved in [true, false] {
            let intent = till.create(&approved.to_string(), &till.card(WANTS_OWNER).await).await;
            let asked = till.confirm(&intent, &approved.to_string(), true).await;
            assert!(is_page(&asked), "{name}: {asked:?}");
            assert_eq!(till.state(&intent).await, asked, "{name}");
            till.people.decide(intent.id(), approved).await;
            let after = if approved { succeeded() } else { declined("authentication_required") };
            assert_eq!(till.state(&intent).await, after, "{name}");
        }
        let waiting = till.create("waiting", &till.card(WANTS_OWNER).await).await;
        till.confirm(&waiting, "waiting", true).await;
        assert_eq!(till.cancel(&waiting).await, cancelled(None), "{name}: nobody has refused it");
    }
}

#[tokio::test]
async fn r4_an_owner_who_was_not_there_confirms_later() {
    for till in Till::each().await {
        let name = till.name;
        for approved in [true, false] {
            let intent = till.create(&approved.to_string(), &till.card(WANTS_OWNER).await).await;
            let key = |press: u32| format!("{approved}:{press}");
            assert_eq!(till.confirm(&intent, &key(0), false).await, IntentState::NeedsOwner, "{name}");
            assert_eq!(till.state(&intent).await, IntentState::NeedsOwner, "{name}");
            let asked = till.confirm(&intent, &key(1), true).await;
            assert!(is_page(&asked), "{name}: {asked:?}");
            assert_eq!(till.confirm(&intent, &key(1), true).await, asked, "{name}: the same press again");
            till.people.decide(intent.id(), approved).await;
            let after = if approved { succeeded() } else { declined("authentication_required") };
            assert_eq!(till.state(&intent).await, after, "{name}");
        }
        let waiting = till.create("waiting", &till.card(WANTS_OWNER).await).await;
        till.confirm(&waiting, "waiting", false).await;
        let after = till.cancel(&waiting).await;
        assert!(matches!(after, IntentState::Cancelled { .. }), "{name}: {after:?}");
        assert_eq!(till.confirm(&waiting, "old page", true).await, after, "{name}: an old page");
    }
}

#[tokio::test]
async fn x2_a_card_that_is_entered_on_the_page_is_saved_and_charged() {
    let ada = Author::new("ada", Some("Ada Lovelace"));
    for till in Till::each().await {
        let name = till.name;
        let known = till.card(VISA).await.customer;
        for (card, customer) in [(CardUse::Main, None), (CardUse::Backup, Some(known.as_str()))] {
            let new = NewSetUp {
                account: &till.account,
                customer,
                card,
                by: &ada,
                return_url: RETURN,
                expires_at: Timestamp::now() + SignedDuration::from_hours(2),
            };
            let set_up = till.processor.set_up(&new).await.unwrap();
            assert!(set_up.url.starts_with("http"), "{name}: {}", set_up.url);
            let state = async || till.processor.look_up_set_up(&set_up.id).await.unwrap();
            assert_eq!(state().await, SetUpState::Open, "{name}");
            till.people.enter(&set_up.id, "pm_card_mastercard").await;
            let SetUpState::Complete(complete) = state().await else { panic!("{name}: it has a card") };
            let CompleteSetUp { account, customer: of, card: entered, by, token } = complete;
            assert_eq!((&account, entered, &by), (&till.account, card, &ada), "{name}");
            assert!(customer.is_none_or(|customer| customer == of), "{name}: {of}");
            let method = till.processor.save_method(&account, Some(&of), &token).await.unwrap();
            assert_eq!(
                (method.customer.as_str(), method.card.last4.as_str()),
                (of.as_str(), "4444"),
                "{name}"
            );
            assert_eq!(till.processor.look_up_method(&method).await.unwrap(), Some(method.clone()), "{name}");
            assert_eq!(till.processor.account_of(&of).await.unwrap(), Some(account), "{name}");
            let intent = till.create(card.as_str(), &method).await;
            assert_eq!(till.confirm(&intent, card.as_str(), false).await, succeeded(), "{name}");
        }
    }
}

#[tokio::test]
async fn x2_what_the_processor_does_not_know_is_refused() {
    for till in Till::each().await {
        let name = till.name;
        let is_refused =
            |error: Option<ProcessorError>| matches!(error, Some(ProcessorError::Refused { .. }));
        assert!(is_refused(till.processor.look_up_set_up("cs_0").await.err()), "{name}");
        assert!(is_refused(till.processor.look_up("pi_0").await.err()), "{name}");
        assert!(
            is_refused(till.processor.save_method(&till.account, None, "pm_nobody").await.err()),
            "{name}"
        );
        assert_eq!(till.processor.account_of("cus_").await.unwrap(), None, "{name}");
    }
}

/// A token of Stripe's belongs to one customer. The sandbox's tokens are test cards, which everybody may save.
#[tokio::test]
async fn x2_a_card_of_another_organization_is_refused() {
    let [_, till] = Till::each().await;
    let (mine, other) = (till.card(VISA).await, AccountId::parse("b").unwrap());
    for customer in [None, Some("cus_other")] {
        let stolen = till.processor.save_method(&other, customer, &mine.token).await;
        assert!(matches!(stolen, Err(ProcessorError::Refused { .. })), "{stolen:?}");
    }
    // The account that forgot its customer, since it had removed its card, still owns the card.
    assert_eq!(till.card(&mine.token).await, mine);
}

/// What a person or program changes in Stripe's dashboard adds no lot by itself.
#[tokio::test]
async fn f5_an_object_that_contradicts_its_charge_is_not_taken_for_it() {
    let [_, till] = Till::each().await;
    let People::OfFake(fake) = &till.people else { unreachable!("the second is the fake") };
    let intent = till.create("k", &till.card(VISA).await).await;
    till.confirm(&intent, "c", true).await;
    let path = format!("/_fake/payment_intents/{}", intent.id());
    post(fake, &path, json!({ "amount_received": 4_999 })).await;
    assert_eq!(till.state(&intent).await, IntentState::Succeeded { received: euros(4_999) });
    post(fake, &path, json!({ "amount_received": 5_000, "currency": "jpy" })).await;
    let yen = Money::of_minor_units(5_000, Currency::parse("JPY").unwrap());
    assert_eq!(till.state(&intent).await, IntentState::Succeeded { received: yen });
    post(fake, &path, json!({ "status": "requires_capture" })).await;
    assert!(matches!(till.state(&intent).await, IntentState::Irregular { .. }));
}
