//! The sandbox as a card processor: no operation is carried out twice (F3, F5).

use domain::profile::{Author, CardUse, PaymentMethod};
use domain::{AccountId, Currency, Money, PaymentId, PaymentKind};
use jiff::Timestamp;
use local::database::Database;
use payments::sandbox::Pages;
use payments::{
    CompleteSetUp, Confirmation, Intent, IntentState, NewIntent, NewRefund, NewSetUp, Processor,
    ProcessorError, Sandbox, SetUp, SetUpState,
};

/// Where the sandbox's pages lead back to.
const RETURN: &str = "http://portal/back";

struct Till {
    sandbox: Sandbox,
    account: AccountId,
    _database: Database,
}

impl Till {
    async fn open() -> Self {
        let database = Database::open(None).await.unwrap();
        let pages = Pages { authentication: "http://page".to_owned(), cards: "http://cards".to_owned() };
        let sandbox = Sandbox::new(database.steady_client(), "sandbox", pages);
        for _ in 0..2 {
            sandbox.create_table().await.unwrap();
        }
        Self { sandbox, account: AccountId::parse("a").unwrap(), _database: database }
    }

    async fn card(&self, token: &str) -> PaymentMethod {
        self.sandbox.save_method(&self.account, None, token).await.unwrap()
    }

    async fn create(&self, key: &str, card: &str) -> Intent {
        let method = self.card(card).await;
        let new = NewIntent {
            key,
            account: &self.account,
            payment: &PaymentId::derive(&self.account, PaymentKind::Purchase, key),
            attempt: 1,
            amount: euros(5_000),
            method: &method,
        };
        self.sandbox.create(&new).await.unwrap()
    }

    async fn confirm(&self, intent: &Intent) -> IntentState {
        self.sandbox.confirm(&confirmation(intent)).await.unwrap().state
    }

    async fn state(&self, intent: &Intent) -> IntentState {
        self.sandbox.look_up(&intent.id).await.unwrap().state
    }
}

/// The confirmation of an object by the card's owner.
fn confirmation(intent: &Intent) -> Confirmation<'_> {
    Confirmation {
        intent: &intent.id,
        token: "pm_card_visa",
        key: "confirm",
        return_url: RETURN,
        owner_is_present: true,
    }
}

/// The state of an object of 50 euros that was charged.
fn succeeded() -> IntentState {
    IntentState::Succeeded { received: euros(5_000) }
}

fn euros(cents: i64) -> Money {
    Money::of_minor_units(cents, Currency::parse("EUR").unwrap())
}

#[tokio::test]
async fn f3_the_same_key_creates_the_same_object() {
    let till = Till::open().await;
    let first = till.create("k", "pm_card_visa").await;
    assert_eq!(first.state, IntentState::Unconfirmed, "creating an object charges nothing");
    assert_eq!(till.create("k", "pm_card_visa").await, first);
    till.confirm(&first).await;
    let again = till.create("k", "pm_card_visa").await;
    assert_eq!((again.id, again.state), (first.id.clone(), succeeded()), "its current state");
    assert_ne!(till.create("other", "pm_card_visa").await.id, first.id);
    assert_eq!(till.sandbox.records(&till.account).await.unwrap().len(), 2);
}

#[tokio::test]
async fn f3_an_object_confirmed_twice_is_charged_once() {
    let till = Till::open().await;
    let intent = till.create("k", "pm_card_visa").await;
    let (first, second) = tokio::join!(till.confirm(&intent), till.confirm(&intent));
    assert_eq!((first, second), (succeeded(), succeeded()));
    assert_eq!(till.sandbox.records(&till.account).await.unwrap().len(), 1);
}

#[tokio::test]
async fn f4_each_test_card_behaves_as_its_name_says() {
    let till = Till::open().await;
    let declined = |reason: &str| IntentState::Declined { reason: reason.to_owned() };
    for (card, state) in [
        ("pm_card_visa", succeeded()),
        ("pm_card_mastercard", succeeded()),
        ("pm_card_chargeDeclined", declined("card_declined")),
        ("pm_card_chargeDeclinedInsufficientFunds", declined("insufficient_funds")),
        ("pm_card_chargeDeclinedExpiredCard", declined("expired_card")),
        ("pm_card_chargeDeclinedLostCard", declined("lost_card")),
    ] {
        let intent = till.create(card, card).await;
        assert_eq!(till.confirm(&intent).await, state, "{card}");
        assert_eq!(till.confirm(&intent).await, state, "{card}: the state stays");
    }
    let unknown = till.sandbox.save_method(&till.account, None, "pm_nobody").await;
    assert!(matches!(unknown, Err(ProcessorError::Refused { .. })), "{unknown:?}");
}

#[tokio::test]
async fn f5_a_charge_whose_reply_was_lost_is_found() {
    let till = Till::open().await;
    let intent = till.create("k", "pm_sandbox_timeout").await;
    let lost = till.sandbox.confirm(&confirmation(&intent)).await;
    assert!(matches!(lost, Err(ProcessorError::Unknown(_))), "{lost:?}");
    assert_eq!(till.state(&intent).await, succeeded());
    let customer = till.card("pm_card_visa").await.customer;
    let found = till.sandbox.find(&customer, "k").await.unwrap().unwrap();
    assert_eq!((found.id, found.state), (intent.id, succeeded()));
    assert_eq!(till.sandbox.find(&customer, "never sent").await.unwrap(), None);
    assert_eq!(till.sandbox.find("cus_another", "k").await.unwrap(), None);
}

/// Cancelled without a decline before.
const NEVER_TRIED: IntentState = IntentState::Cancelled { decline: None };

#[tokio::test]
async fn f5_a_cancelled_object_is_never_charged_and_a_charged_one_not_cancelled() {
    let till = Till::open().await;
    let cancelled = till.create("cancelled", "pm_card_visa").await;
    for _ in 0..2 {
        assert_eq!(till.sandbox.cancel(&cancelled.id).await.unwrap().state, NEVER_TRIED);
        assert_eq!(till.confirm(&cancelled).await, NEVER_TRIED);
    }
    let charged = till.create("charged", "pm_card_visa").await;
    till.confirm(&charged).await;
    assert_eq!(till.sandbox.cancel(&charged.id).await.unwrap().state, succeeded(), "too late");
    let waiting = till.create("waiting", "pm_card_authenticationRequired").await;
    assert!(matches!(till.confirm(&waiting).await, IntentState::NeedsAction { .. }));
    assert_eq!(till.sandbox.cancel(&waiting.id).await.unwrap().state, NEVER_TRIED);
    assert_eq!(till.sandbox.authenticate(&waiting.id, true).await.unwrap().state, NEVER_TRIED);
}

#[tokio::test]
async fn f5_confirming_and_cancelling_at_once_has_one_outcome() {
    let till = Till::open().await;
    for round in 0..20 {
        let intent = till.create(&round.to_string(), "pm_card_visa").await;
        let (confirmed, cancelled) = tokio::join!(till.confirm(&intent), till.sandbox.cancel(&intent.id));
        assert_eq!(confirmed, cancelled.unwrap().state);
        assert_eq!(till.state(&intent).await, confirmed);
    }
}

#[tokio::test]
async fn f4_a_declined_object_can_be_paid_until_it_is_cancelled() {
    let till = Till::open().await;
    let cancelled = |reason: &str| IntentState::Cancelled { decline: Some(reason.to_owned()) };
    for card in ["pm_card_chargeDeclined", "pm_card_authenticationRequired"] {
        for (number, is_cancelled) in [false, true].into_iter().enumerate() {
            let intent = till.create(&format!("{card}-{number}"), card).await;
            let paid = till.sandbox.authenticate(&intent.id, true).await.unwrap().state;
            assert_eq!(paid, IntentState::Unconfirmed, "{card}: no owner is asked before the confirmation");
            till.confirm(&intent).await;
            let refused = till.sandbox.authenticate(&intent.id, false).await.unwrap().state;
            assert!(matches!(refused, IntentState::Declined { .. }), "{card}: {refused:?}");
            if is_cancelled {
                let after = till.sandbox.cancel(&intent.id).await.unwrap().state;
                assert_eq!(after, cancelled("authentication_required"), "{card}: it keeps the last decline");
                assert_eq!(till.sandbox.authenticate(&intent.id, true).await.unwrap().state, after, "{card}");
                assert_eq!(till.confirm(&intent).await, after, "{card}");
            } else {
                let paid = till.sandbox.authenticate(&intent.id, true).await.unwrap().state;
                assert_eq!(paid, succeeded(), "{card}");
                assert_eq!(till.sandbox.cancel(&intent.id).await.unwrap().state, paid, "{card}: too late");
            }
        }
    }
}

#[tokio::test]
async fn a_refund_is_paid_once_and_never_more_than_was_charged() {
    let till = Till::open().await;
    let intent = till.create("k", "pm_card_visa").await;
    let payment = PaymentId::parse("pur_1").unwrap();
    let refund = async |cents, key: &str| {
        let (account, amount) = (&till.account, euros(cents));
        till.sandbox.refund(&NewRefund { key, intent: &intent.id, account, payment: &payment, amount }).await
    };
    assert!(refund(1, "too-early").await.is_err(), "nothing was charged yet");
    till.confirm(&intent).await;
    assert!(refund(5_001, "too-much").await.is_err());
    assert!(refund(0, "nothing").await.is_err());
    let first = refund(3_000, "first").await.unwrap();
    assert_eq!(refund(3_000, "first").await.unwrap(), first, "the same key refunds once");
    assert!(refund(2_001, "second").await.is_err(), "more than the rest of the charge");
    refund(2_000, "second").await.unwrap();
    refund(3_000, "first").await.unwrap();
    assert_eq!(till.sandbox.records(&till.account).await.unwrap().len(), 3, "a charge and two refunds");
    assert_eq!(till.state(&intent).await, succeeded());
}

#[tokio::test]
async fn x2_a_set_up_takes_one_card_in_its_time() {
    let till = Till::open().await;
    let instant = |text: &str| text.parse::<Timestamp>().unwrap();
    let (noon, evening) = (instant("2026-11-22T12:00:00Z"), instant("2026-11-22T18:00:00Z"));
    let ada = Author::new("ada", Some("Ada Lovelace"));
    let new = NewSetUp {
        account: &till.account,
        customer: None,
        card: CardUse::Backup,
        by: &ada,
        return_url: RETURN,
        expires_at: evening,
    };
    let begin = async || till.sandbox.set_up(&new).await.unwrap();
    let (first, second, late) = (begin().await, begin().await, begin().await);
    assert_ne!(first.id, second.id, "each call begins another set-up");
    assert_eq!(first.url, format!("http://cards/{}", first.id));
    let state = async |set_up: &SetUp| till.sandbox.look_up_set_up(&set_up.id).await.unwrap();
    assert_eq!(state(&first).await, SetUpState::Open);
    let complete = SetUpState::Complete(CompleteSetUp {
        account: till.account.clone(),
        customer: till.card("pm_card_visa").await.customer,
        card: CardUse::Backup,
        by: ada.clone(),
        token: "pm_card_visa".to_owned(),
    });
    for (card, now) in [("pm_card_visa", noon), ("pm_card_mastercard", noon), ("pm_card_mastercard", evening)]
    {
        let entered = till.sandbox.enter_card(&first.id, card, now).await.unwrap();
        assert_eq!((entered.state, entered.return_url.as_str()), (complete.clone(), RETURN), "{card}");
    }
    assert_eq!(state(&first).await, complete);
    let payment = till.sandbox.record(&first.id).await;
    assert!(matches!(payment, Err(ProcessorError::Refused { .. })), "a set-up is no payment: {payment:?}");
    assert_eq!(state(&second).await, SetUpState::Open);
    let entered = till.sandbox.enter_card(&late.id, "pm_card_visa", evening).await.unwrap();
    assert_eq!((entered.state, state(&late).await), (SetUpState::Expired, SetUpState::Expired));
    assert!(till.sandbox.records(&till.account).await.unwrap().is_empty(), "a set-up is no charge");
    let intent = till.create("k", "pm_card_visa").await;
    for unknown in ["cs_0", &intent.id] {
        let unknown = till.sandbox.look_up_set_up(unknown).await;
        assert!(matches!(unknown, Err(ProcessorError::Refused { .. })), "{unknown:?}");
    }
}

#[tokio::test]
async fn f4_the_page_that_asks_the_owner_leads_back() {
    let till = Till::open().await;
    let intent = till.create("k", "pm_card_authenticationRequired").await;
    till.confirm(&intent).await;
    let decided = till.sandbox.authenticate(&intent.id, true).await.unwrap();
    assert_eq!(decided.return_url.as_deref(), Some(RETURN));
}
