//! The card processor's side of a history: where cards' owners decide, banks dispute and somebody refunds in a dashboard.

use domain::{AccountId, PaymentId};
use fastrand::Rng;
use payments::IntentState;
use reqwest::Client;
use rust_decimal::Decimal;
use scenarios::{Charged, World, bounded};
use serde_json::{Value, json};

/// What may happen to a charge by itself.
pub(super) const HAPPENINGS: [&str; 6] = ["refund", "failRefund", "inquire", "dispute", "win", "lose"];

/// The object of a charge.
pub(super) struct Object {
    pub(super) id: String,
    pub(super) payment: PaymentId,
    pub(super) fate: Fate,
}

/// Whether an object was charged, or still can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Charged,
    /// It was never charged, and nobody can charge it any more.
    Over,
    /// Somebody can still pay it.
    Payable,
}

/// The side of one of the two processors.
pub(super) struct Side<'a> {
    world: &'a World,
    /// The address of the fake of Stripe. Without it, the processor is the sandbox.
    fake: Option<String>,
}

impl<'a> Side<'a> {
    pub(super) fn of(world: &'a World) -> Self {
        Self { world, fake: world.host.stripe().map(str::to_owned) }
    }

    /// The cards that histories use. The last one loses the reply, if the processor has one that does.
    pub(super) fn cards(&self) -> [&'static str; 4] {
        let last = if self.fake.is_some() { "pm_card_mastercard" } else { "pm_sandbox_timeout" };
        ["pm_card_visa", super::WANTS_OWNER, "pm_card_chargeDeclined", last]
    }

    /// The objects of an account's charges.
    pub(super) async fn objects(&self, account: &str) -> Vec<Object> {
        let Some(fake) = &self.fake else { return self.objects_of_sandbox(account).await };
        let all = list(fake, "payment_intents").await;
        let of_account = all.into_iter().filter(|intent| intent["metadata"]["account"] == account);
        let object = |intent: Value| Object {
            id: intent["id"].as_str().unwrap().to_owned(),
            payment: PaymentId::parse(intent["metadata"]["payment"].as_str().unwrap()).unwrap(),
            fate: match intent["status"].as_str().unwrap() {
                "succeeded" => Fate::Charged,
                // Only the product can confirm it.
                "canceled" | "requires_confirmation" => Fate::Over,
                _ => Fate::Payable,
            },
        };
        of_account.map(object).collect()
    }

    async fn objects_of_sandbox(&self, account: &str) -> Vec<Object> {
        let account = AccountId::parse(account).unwrap();
        let records = self.world.host.machine().functions.sandbox().records(&account).await.unwrap();
        let charges = records.into_iter().filter(|record| record.id.starts_with("pi_"));
        let object = |record: payments::sandbox::Record| Object {
            payment: record.payment().unwrap(),
            fate: match record.state {
                IntentState::Succeeded { .. } => Fate::Charged,
                IntentState::Cancelled { .. } | IntentState::Unconfirmed => Fate::Over,
                _ => Fate::Payable,
            },
            id: record.id,
        };
        charges.map(object).collect()
    }

    /// The card's owner decides at the bank's page, which may be of an object that is long over.
    pub(super) async fn decide(&self, object: &str, approved: bool) {
        match &self.fake {
            None => {
                let sandbox = self.world.host.machine().functions.sandbox();
                sandbox.authenticate(object, approved).await.unwrap();
            }
            Some(fake) => {
                let path = format!("payment_intents/{object}/authenticate");
                post(fake, &path, &json!({ "approved": approved })).await;
            }
        }
    }

    /// One of [`HAPPENINGS`] happens to a charge, if it can.
    pub(super) async fn happen(&self, account: &str, object: &Object, action: &str, amount: Option<u32>) {
        let Some(fake) = &self.fake else {
            let mut act = json!({ "action": action });
            if let Some(amount) = amount {
                act["amount"] = json!(amount.to_string());
            }
            let path = format!("/_local/charges/{account}/{}", object.payment);
            let answer = self.world.operator.post(&path, act).await;
            // This route of the host answers 500 to any failure, such as that of a processor that is down.
            assert!([200, 404, 422, 500].contains(&answer.status), "{answer:?}");
            return;
        };
        let (charge, cents) = (format!("charges/{}", object.id), amount.map(|amount| amount * 100));
        match action {
            "refund" => post(fake, &format!("{charge}/refund"), &json!({ "amount": cents })).await,
            "failRefund" => {
                let refunds = list(fake, &format!("refunds?payment_intent={}&", object.id)).await;
                if let Some(refund) = refunds.first() {
                    let path = format!("refunds/{}/fail", refund["id"].as_str().unwrap());
                    post(fake, &path, &json!({})).await;
                }
            }
            "inquire" => post(fake, &format!("{charge}/dispute"), &json!({ "inquiry": true })).await,
            "dispute" => {
                post(fake, &format!("{charge}/dispute/withdraw"), &json!({})).await;
                post(fake, &format!("{charge}/dispute"), &json!({ "amount": cents })).await;
            }
            "win" => post(fake, &format!("{charge}/dispute/close"), &json!({ "outcome": "won" })).await,
            "lose" => post(fake, &format!("{charge}/dispute/close"), &json!({ "outcome": "lost" })).await,
            other => panic!("{other} never happens"),
        }
    }

    /// Lets a call to Stripe fail on its way, or Stripe answer that it could not be carried out.
    pub(super) async fn disturb(&self, random: &mut Rng) {
        let Some(fake) = &self.fake else { return };
        let answer = |status: u16, code: Value| json!({ "answer": { "status": status, "code": code } });
        let kind = match random.u8(..4) {
            0 => json!("close"),
            1 => answer(429, Value::Null),
            2 => answer(409, json!("lock_timeout")),
            _ => answer(500, Value::Null),
        };
        let moment = if random.bool() { "before" } else { "after" };
        let (skip, count) = (random.usize(..4), random.usize(1..4));
        let fault = json!({ "skip": skip, "count": count, "moment": moment, "kind": kind });
        post(fake, "faults", &fault).await;
    }

    /// Stripe tells what has happened, in any order, some of it twice and some of it never.
    pub(super) async fn tell(&self, random: &mut Rng) {
        let Some(fake) = &self.fake else { return };
        let (duplicates, lose) = (random.usize(..3), random.usize(..2));
        let policy = json!({ "automatic": false, "shuffle": true, "duplicates": duplicates, "lose": lose });
        post(fake, "deliveries", &policy).await;
        post(fake, "deliveries/run", &json!({})).await;
    }

    /// Nothing happens by itself from now on, and nothing fails.
    pub(super) async fn calm_down(&self) {
        let Some(fake) = &self.fake else { return };
        post(fake, "deliveries", &json!({ "automatic": false })).await;
        let url = format!("{fake}/_fake/faults");
        bounded(Client::new().delete(url).send()).await.unwrap();
    }

    /// Asserts that the books of an account balance, and agree with what was charged.
    pub(super) async fn assert_books_agree(&self, account: &str) {
        match &self.fake {
            None => self.world.operator.assert_books_balance(account).await,
            Some(fake) => {
                let charged = self.charged(fake, account).await;
                self.world.operator.assert_books_agree(account, &charged).await;
            }
        }
    }

    async fn charged(&self, fake: &str, account: &str) -> Charged {
        let mut sum = Charged::default();
        let euros = |cents: &Value| Decimal::new(cents.as_i64().unwrap(), 2);
        let all = list(fake, "payment_intents").await;
        for intent in all.iter().filter(|intent| intent["metadata"]["account"] == account) {
            let id = intent["id"].as_str().unwrap();
            sum.amount += euros(&intent["amount_received"]);
            let refunds = list(fake, &format!("refunds?payment_intent={id}&")).await;
            let kept = refunds.iter().filter(|refund| refund["status"] == "succeeded");
            sum.back += kept.map(|refund| euros(&refund["amount"])).sum::<Decimal>();
            for dispute in list(fake, &format!("disputes?payment_intent={id}&")).await {
                match dispute["status"].as_str().unwrap() {
                    "lost" => {
                        let moved = dispute["balance_transactions"].as_array().unwrap();
                        sum.back -= moved.iter().map(|moved| euros(&moved["amount"])).sum::<Decimal>();
                    }
                    "needs_response" | "under_review" => sum.disputed += euros(&dispute["amount"]),
                    _ => {}
                }
            }
        }
        sum
    }
}

/// Does something at the fake. What cannot be done there is refused, which is no matter here.
async fn post(fake: &str, path: &str, body: &Value) {
    let request = Client::new().post(format!("{fake}/_fake/{path}")).body(body.to_string());
    let answer = bounded(request.send()).await.unwrap();
    assert!(!answer.status().is_server_error(), "{path}: {}", answer.text().await.unwrap());
}

/// All objects of a list of Stripe's API, newest first.
async fn list(fake: &str, path: &str) -> Vec<Value> {
    let join = if path.contains('?') { "" } else { "?" };
    let mut all: Vec<Value> = Vec::new();
    loop {
        let after = all.last().map(|last| format!("&starting_after={}", last["id"].as_str().unwrap()));
        let page = page(&format!("{fake}/v1/{path}{join}limit=100{}", after.unwrap_or_default())).await;
        all.extend(page["data"].as_array().unwrap_or_else(|| panic!("{path}: {page}")).iter().cloned());
        if page["has_more"] != true {
            return all;
        }
    }
}

/// One page of a list. A fault that meets this call instead of one of the functions passes.
async fn page(url: &str) -> Value {
    for _ in 0..10 {
        let answer = bounded(Client::new().get(url).bearer_auth("sk_test_fake").send()).await;
        if let Ok(answer) = answer
            && answer.status().is_success()
        {
            return serde_json::from_str(&answer.text().await.unwrap()).unwrap();
        }
    }
    panic!("{url} fails again and again");
}
