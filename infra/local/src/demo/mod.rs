//! The demo organizations, which an empty store starts with. The product's own functions make their past, each request at the
//! instant at which it would have been made.
//!
//! | module | what |
//! |---|---|
//! | `year` | a prepaid organization: funds, a card, plans, and the calls of more than a year |
//! | `post_usage` | an organization that pays after use, with invoices |
//! | `calls` | the calls of both |
//! | `operator` | requests without a token or the network |

mod calls;
mod operator;
mod post_usage;
mod year;

use std::fs;

use anyhow::{Context, ensure};
use jiff::{SignedDuration, Timestamp};
use recharge::Leases;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::queues::Queue;
use crate::{Machine, Storage, replace_file};

pub(crate) use operator::Operator;

/// The account of the prepaid organization.
pub const ACCOUNT: &str = "demo";

/// The name of the prepaid organization.
pub(crate) const NAME: &str = "Demo organization";

/// The account of the organization that pays after use.
pub const POST_USAGE_ACCOUNT: &str = "demo-post";

/// The name of the organization that pays after use.
pub(crate) const POST_USAGE_NAME: &str = "Atelier Lumière";

/// This file exists while the demo organizations are being made.
const UNFINISHED: &str = "demo-unfinished";

/// The files of the database, which are all that exists of demo organizations while they are being made.
const DATABASE_FILES: [&str; 4] =
    ["database.sqlite", "database.sqlite-wal", "database.sqlite-shm", "database.sqlite-journal"];

/// The minutes after which the recovery makes up for the message that an account is low.
const MESSAGE_LOST_AFTER_MINUTES: i64 = 15;

/// Makes the demo organizations unless there are accounts already.
pub async fn set_up(machine: &Machine, storage: &Storage) -> anyhow::Result<()> {
    let now = machine.clock.now();
    let operator = Operator { machine, at: now, account: ACCOUNT };
    let listed = operator.call("GET /v1/accounts", "", Value::Null).await?;
    if !listed["accounts"].as_array().context("a list of accounts")?.is_empty() {
        return Ok(());
    }
    let unfinished = storage.file(UNFINISHED);
    if let Some(file) = &unfinished {
        replace_file(file, b"").with_context(|| format!("{} cannot be written", file.display()))?;
    }
    Box::pin(year::make(machine, now)).await.context(ACCOUNT)?;
    Box::pin(post_usage::make(machine, now)).await.context(POST_USAGE_ACCOUNT)?;
    if let Some(file) = &unfinished {
        fs::remove_file(file).with_context(|| format!("{} cannot be removed", file.display()))?;
    }
    Ok(())
}

/// Removes a database that has half of the demo organizations, since an earlier process ended while it made them. That process
/// answered no request, so the database has nothing else.
pub fn discard_unfinished(storage: &Storage) -> anyhow::Result<()> {
    let Some(unfinished) = storage.file(UNFINISHED).filter(|file| file.exists()) else { return Ok(()) };
    let database = DATABASE_FILES.into_iter().filter_map(|name| storage.file(name));
    let exist = database.filter(|file| file.exists());
    // The file that says so goes last, so that a crash in between changes nothing.
    for file in exist.chain([unfinished]) {
        fs::remove_file(&file).with_context(|| format!("{} cannot be removed", file.display()))?;
    }
    Ok(())
}

/// An organization whose past is being made.
struct Past<'a> {
    machine: &'a Machine,
    account: &'static str,
    administrator: &'static str,
    created_at: Timestamp,
}

impl Past<'_> {
    /// The instant this many days after the account's creation.
    fn day(&self, day: i64) -> Timestamp {
        self.created_at + SignedDuration::from_hours(24 * day)
    }

    fn operator_at(&self, at: Timestamp) -> Operator<'_> {
        Operator { machine: self.machine, at, account: self.account }
    }

    /// A request of the operator.
    async fn operator(&self, at: Timestamp, route: &str, key: &str, body: Value) -> anyhow::Result<Value> {
        self.operator_at(at).call(route, key, body).await
    }

    /// A request of the organization's administrator.
    async fn administrator(
        &self,
        at: Timestamp,
        route: &str,
        key: &str,
        body: Value,
    ) -> anyhow::Result<Value> {
        self.operator_at(at).call_as(self.administrator, route, key, body).await
    }

    /// The administrator buys funds.
    async fn buy(&self, at: Timestamp, key: &str, amount: &str) -> anyhow::Result<()> {
        let purchase = json!({ "amount": amount });
        self.administrator(at, "POST /v1/accounts/{id}/purchases", key, purchase).await.map(|_| ())
    }

    /// The administrator saves a card.
    async fn save_card(&self, at: Timestamp, card: &str) -> anyhow::Result<()> {
        let card = json!({ "paymentMethod": card });
        self.administrator(at, "PUT /v1/accounts/{id}/payment-method", "", card).await.map(|_| ())
    }

    /// Records of finished calls arrive. Returns the balance afterwards, if there is a record.
    async fn debit(&self, at: Timestamp, records: Vec<Value>) -> anyhow::Result<Option<Decimal>> {
        if records.is_empty() {
            return Ok(None);
        }
        let records = json!({ "records": records });
        let answer = self.operator(at, "POST /v1/accounts/{id}/debits", "", records).await?;
        Ok(Some(answer["balance"].as_str().context("a balance")?.parse()?))
    }

    /// Records of finished calls arrive by the queue, which keeps those that are refused.
    async fn debit_by_queue(&self, at: Timestamp, records: Vec<Value>) -> anyhow::Result<()> {
        let sent_at = at.as_millisecond().to_string();
        let message = json!({
            "messageId": format!("{}-{sent_at}", self.account),
            "body": json!({ "accountId": self.account, "records": records }).to_string(),
            "attributes": {
                "SentTimestamp": sent_at,
                "MessageGroupId": self.account,
                "ApproximateReceiveCount": "1",
            },
        });
        let batch = serde_json::from_value(json!({ "Records": [message] }))?;
        let failed = self.machine.functions.deliver(Queue::Debits, batch).await;
        ensure!(failed.is_empty(), "the records could not be handled");
        Ok(())
    }

    /// Charges the card if the balance is low, a while after this instant. The stream delivers nothing yet, so the recovery does
    /// what a message would have asked for. Returns whether a payment was begun.
    async fn recharge_after(&self, at: Timestamp) -> anyhow::Result<bool> {
        let at = at + SignedDuration::from_mins(MESSAGE_LOST_AFTER_MINUTES);
        let recovered = Box::pin(self.machine.functions.recover(at, Leases::Respected)).await?;
        Ok(recovered.begun > 0)
    }
}
