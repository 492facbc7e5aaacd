//! Worked examples as data: steps, and the answers and states that must follow.

use std::collections::BTreeMap;
use std::fmt::Debug;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Deserialize;

use crate::{Answer, Billing, Currency, Invoice, OpenMonth, PoolUse, RecordKey, Snapshot, Step};

/// The worked examples of `vectors.json`.
pub fn worked_examples() -> Vec<Vector> {
    serde_json::from_str(include_str!("../vectors.json")).expect("vectors.json is a list of vectors")
}

/// One worked example.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Vector {
    /// Its number in the list of worked examples, and which case of it this is.
    pub name: String,
    /// The example in words.
    pub says: String,
    /// The account's currency.
    pub currency: Currency,
    /// How the account pays.
    pub billing: Billing,
    /// When the account is opened.
    pub opened_at: Timestamp,
    /// The steps, in order.
    pub steps: Vec<VectorStep>,
}

/// One step of a worked example.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VectorStep {
    /// The instant of the step.
    pub at: Timestamp,
    /// The step.
    pub step: Step,
    /// The whole answer. Amounts that it leaves out are zero, lists are empty. If it is missing, any answer will do.
    #[serde(default)]
    pub answer: Option<Answer>,
    /// The state after the step.
    #[serde(default)]
    pub then: State,
}

/// A state, of which a worked example gives only the parts that it is about.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct State {
    /// T2.
    pub balance: Option<Decimal>,
    /// T2.
    pub available: Option<Decimal>,
    /// The owed amount.
    pub owed: Option<Decimal>,
    /// The remaining funds of every lot that has any, by lot id.
    pub lots: Option<BTreeMap<String, Decimal>>,
    /// Every pool of this month and the last.
    pub pools: Option<Vec<PoolUse>>,
    /// The month that is not closed yet.
    pub post_usage: Option<OpenMonth>,
    /// Whether a switch waits for auto-recharge to be off.
    pub switch_pending: Option<bool>,
    /// Every invoice.
    pub invoices: Option<Vec<Invoice>>,
    /// Every record that awaits a rate.
    pub unrated: Option<Vec<RecordKey>>,
    /// The amount that auto-recharge would charge now.
    pub recharge_wanted: Option<Decimal>,
    /// The sum of what live holds hold of the funds.
    pub held: Option<Decimal>,
    /// Included minutes that live holds hold, by pool id.
    pub held_minutes: Option<BTreeMap<String, u64>>,
    /// What the limit of users counts of charges in this month, by user.
    pub spent_by_user: Option<BTreeMap<String, Decimal>>,
}

impl State {
    /// One line for each given part that differs in a snapshot. There is none if the snapshot agrees.
    pub fn differences(&self, snapshot: &Snapshot) -> Vec<String> {
        let lots = snapshot.lots.iter().map(|lot| (lot.id.clone(), lot.remaining)).collect();
        let mut held_minutes = BTreeMap::new();
        for (pool, minutes) in snapshot.holds.iter().flat_map(|hold| &hold.minutes) {
            *held_minutes.entry(pool.clone()).or_default() += minutes;
        }
        [
            difference("balance", self.balance.as_ref(), &snapshot.balance),
            difference("available", self.available.as_ref(), &snapshot.available),
            difference("owed", self.owed.as_ref(), &snapshot.owed),
            difference("lots", self.lots.as_ref(), &lots),
            difference("pools", self.pools.as_ref(), &snapshot.pools),
            difference(
                "postUsage",
                self.post_usage.as_ref().map(Some).as_ref(),
                &snapshot.post_usage.as_ref(),
            ),
            difference("switchPending", self.switch_pending.as_ref(), &snapshot.switch_pending),
            difference("invoices", self.invoices.as_ref(), &snapshot.invoices),
            difference("unrated", self.unrated.as_ref(), &snapshot.unrated),
            difference("rechargeWanted", self.recharge_wanted.map(Some).as_ref(), &snapshot.recharge_wanted),
            difference("held", self.held.as_ref(), &snapshot.held),
            difference("heldMinutes", self.held_minutes.as_ref(), &held_minutes),
            difference("spentByUser", self.spent_by_user.as_ref(), &snapshot.spent_by_user),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}

fn difference<T: PartialEq + Debug>(part: &str, expected: Option<&T>, actual: &T) -> Option<String> {
    let expected = expected?;
    (expected != actual).then(|| format!("{part} must be {expected:?}, but is {actual:?}"))
}
