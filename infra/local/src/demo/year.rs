//! More than a year of a prepaid organization.
//!
//! Its balance goes up and down between the trigger of auto-recharge and some fifty euros above it. The first funds are used up
//! within months. Then a call of the first days turns out to be wrong, and what it cost goes back to these funds shortly before
//! they expire, so that there is a rest that is forfeited.

use std::ops::RangeInclusive;

use anyhow::ensure;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::calls::{Organization, calls, ended_by};
use super::{ACCOUNT, Past};
use crate::Machine;

/// The age of the account in days: what was bought first has expired and is booked.
const AGE: i64 = 385;

/// Until this day records come once a week, and afterwards every three days.
const LAST_WEEKLY: i64 = 322;

/// From this day on there are more calls.
const BUSY_FROM: i64 = 320;

const AUTO_RECHARGE_ON: i64 = 84;
const TRIGGER_AMOUNT: i64 = 60;
const CARD_WITHOUT_FUNDS: i64 = 215;

const ORGANIZATION: Organization = Organization {
    account: ACCOUNT,
    people: &[
        ("ada@example.com", "management"),
        ("grace@example.com", "sales"),
        ("katherine@example.com", "sales"),
        ("alan@example.com", "support"),
        ("edsger@example.com", "support"),
    ],
    attendant: "attendant@example.com",
    plan: "MCOPSTN5",
    seed: 1_879,
};

/// Makes the organization's past, up to now.
pub(super) async fn make(machine: &Machine, now: Timestamp) -> anyhow::Result<()> {
    let created_at = now - SignedDuration::from_hours(24 * AGE);
    let past = Past { machine, account: ACCOUNT, administrator: "ada@example.com", created_at };
    let mut calls = calls(&ORGANIZATION, created_at, now, a_working_day);
    let mut card_declines = false;
    Box::pin(open(&past)).await?;
    for day in 1..=AGE {
        if brings_records(day) {
            let at = past.day(day) - SignedDuration::from_mins(30);
            let balance = past.debit(at, ended_by(&mut calls, at)).await?;
            let is_low = balance.is_some_and(|balance| balance <= TRIGGER_AMOUNT.into());
            let begun = is_low && past.recharge_after(at).await?;
            if begun && card_declines {
                Box::pin(replace_card(&past, at)).await?;
                card_declines = false;
            }
        }
        card_declines |= day == CARD_WITHOUT_FUNDS;
        Box::pin(change(&past, day)).await?;
    }
    Ok(())
}

/// How many calls a working day has.
fn a_working_day(day: i64) -> RangeInclusive<u32> {
    if day < BUSY_FROM { 1..=3 } else { 3..=5 }
}

fn brings_records(day: i64) -> bool {
    if day <= LAST_WEEKLY { day % 7 == 0 } else { (day - LAST_WEEKLY) % 3 == 0 }
}

/// The account is opened, with a card, its first funds and its plans.
async fn open(past: &Past<'_>) -> anyhow::Result<()> {
    let at = past.day(0);
    let account = json!({
        "accountId": ACCOUNT,
        "name": super::NAME,
        "currency": "EUR",
        "notificationEmails": ["telephony@example.com"],
    });
    past.operator(at, "POST /v1/accounts", "", account).await?;
    past.administrator(at, "PATCH /v1/accounts/{id}", "", json!({ "poNumber": "PO-4711" })).await?;
    past.save_card(at, "pm_card_visa").await?;
    past.buy(at, "demo-funds", "100.00").await?;
    license(past, at, 2).await
}

/// The operator enters the organization's plans.
async fn license(past: &Past<'_>, at: Timestamp, calling: u32) -> anyhow::Result<()> {
    let pools = json!({ "pools": [
        { "plan": "MCOPSTN5", "country": "FR", "licences": calling },
        { "plan": "MCOMEETADD", "country": "FR", "licences": 2 },
    ] });
    past.operator(at, "PUT /v1/accounts/{id}/pools", "", pools).await.map(|_| ())
}

/// The changes of a day.
async fn change(past: &Past<'_>, day: i64) -> anyhow::Result<()> {
    let at = past.day(day);
    match day {
        12 => past.debit(at, vec![wrong_charge(past)]).await.map(|_| ()),
        35 => past.buy(at, "demo-funds-2", "50.00").await,
        70 => past.buy(at, "demo-funds-3", "50.00").await,
        AUTO_RECHARGE_ON => {
            let settings = json!({
                "enabled": true,
                "triggerAmount": TRIGGER_AMOUNT.to_string(),
                "rechargeAmount": "50.00",
                "monthlyLimit": "300.00",
            });
            past.administrator(at, "PUT /v1/accounts/{id}/auto-recharge", "", settings).await.map(|_| ())
        }
        120 => {
            let limits = json!({ "perUserMonthly": "60.00", "perDay": "40.00" });
            past.administrator(at, "PUT /v1/accounts/{id}/limits", "", limits).await.map(|_| ())
        }
        150 => {
            adjust(past, at, "demo-outage", "15.00", "the attendant could not be reached for a day", None)
                .await
        }
        CARD_WITHOUT_FUNDS => past.save_card(at, "pm_card_chargeDeclinedInsufficientFunds").await,
        330 => license(past, at, 3).await,
        355 => reverse(past, at, &wrong_charge(past), "the carrier took this charge back").await,
        // The first funds expire on day 365 or 366. People are warned a week before, and the rest is booked after three days.
        359 | 370 => sweep(past, at).await,
        367 => past.recharge_after(at).await.map(|_| ()),
        379 => past.debit_by_queue(at, vec![unrated_call(at), rejected_call(at)]).await,
        383 => Box::pin(correct(past, at)).await,
        384 => {
            let soon = Some(past.day(AGE + 20));
            adjust(past, at, "demo-trial", "30.00", "to try conferences with guests", soon).await?;
            let later = Some(past.day(AGE + 70));
            adjust(past, at, "demo-goodwill", "15.00", "thanks for a year with us", later).await
        }
        _ => Ok(()),
    }
}

/// The operator adds funds. Unless they expire earlier, they do so after 12 months.
async fn adjust(
    past: &Past<'_>,
    at: Timestamp,
    key: &str,
    amount: &str,
    reason: &str,
    expires_at: Option<Timestamp>,
) -> anyhow::Result<()> {
    let mut adjustment = json!({ "amount": amount, "reason": reason });
    if let Some(expires_at) = expires_at {
        adjustment["expiresAt"] = json!(expires_at);
    }
    past.operator(at, "POST /v1/accounts/{id}/adjustments", key, adjustment).await.map(|_| ())
}

async fn sweep(past: &Past<'_>, at: Timestamp) -> anyhow::Result<()> {
    Box::pin(past.machine.functions.expire(at)).await?;
    Ok(())
}

/// After the recharge was declined, it is tried again twice in vain. The next day the administrator saves another card, which is
/// charged.
async fn replace_card(past: &Past<'_>, declined_at: Timestamp) -> anyhow::Result<()> {
    for hours in [2, 9] {
        past.recharge_after(declined_at + SignedDuration::from_hours(hours)).await?;
    }
    let next_day = declined_at + SignedDuration::from_hours(20);
    past.save_card(next_day, "pm_card_mastercard").await?;
    past.recharge_after(next_day).await.map(|_| ())
}

/// A call that came with a wrong charge, which is found out much later.
fn wrong_charge(past: &Past<'_>) -> Value {
    json!({
        "id": "demo-carrier",
        "userId": "grace@example.com",
        "service": "userOut",
        "number": "+8835100012***",
        "startedAt": past.day(12) - SignedDuration::from_hours(2),
        "durationSeconds": 2_774,
        "charge": "41.6000",
        "currency": "EUR",
        "costCentre": "sales",
    })
}

fn unrated_call(at: Timestamp) -> Value {
    json!({
        "id": "demo-unrated",
        "userId": "alan@example.com",
        "service": "userOut",
        "number": "+9990001***",
        "startedAt": at - SignedDuration::from_hours(1),
        "durationSeconds": 60,
        "costCentre": "support",
    })
}

/// A record without a number that can be called.
fn rejected_call(at: Timestamp) -> Value {
    json!({
        "id": "demo-rejected",
        "userId": "alan@example.com",
        "service": "userOut",
        "number": "reception",
        "startedAt": at - SignedDuration::from_hours(1),
        "durationSeconds": 60,
    })
}

/// A call is recorded with a wrong duration, reversed, and sent again as a further revision.
async fn correct(past: &Past<'_>, at: Timestamp) -> anyhow::Result<()> {
    let mut call = json!({
        "id": "demo-corrected",
        "userId": "grace@example.com",
        "service": "userOut",
        "number": "+4930000***",
        "startedAt": at - SignedDuration::from_hours(6),
        "durationSeconds": 18_000,
        "costCentre": "sales",
    });
    past.debit(at, vec![call.clone()]).await?;
    let hour = SignedDuration::from_hours(1);
    reverse(past, at + hour, &call, "recorded with the wrong duration").await?;
    call["revision"] = json!(2);
    call["durationSeconds"] = json!(180);
    past.debit(at + hour * 2, vec![call]).await.map(|_| ())
}

async fn reverse(past: &Past<'_>, at: Timestamp, record: &Value, reason: &str) -> anyhow::Result<()> {
    let path = json!({ "id": past.account, "recordId": record["id"] });
    let reversal = json!({ "startedAt": record["startedAt"], "reason": reason });
    let route = "POST /v1/accounts/{id}/usage/{recordId}/reversal";
    let answer = past.operator_at(at).answer(route, path, "", reversal).await?;
    ensure!(answer.status_code == 200, "the reversal answered {}", answer.status_code);
    Ok(())
}
