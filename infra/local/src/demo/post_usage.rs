//! Some months of an organization that prepaid at first and pays after use since. Once its funds are used up, each month has an
//! invoice.

use anyhow::{Context, ensure};
use domain::time::Month;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::calls::{Organization, calls, ended_by};
use super::{POST_USAGE_ACCOUNT, Past};
use crate::Machine;

/// The age of the account in days: long enough for two months with invoices after the funds were used up.
const AGE: i64 = 165;

const AUTO_RECHARGE_OFF: i64 = 30;

const ORGANIZATION: Organization = Organization {
    account: POST_USAGE_ACCOUNT,
    people: &[
        ("olivia@example.com", "direction"),
        ("emile@example.com", "ventes"),
        ("sophie@example.com", "ventes"),
        ("auguste@example.com", "atelier"),
    ],
    attendant: "accueil@example.com",
    plan: "MCOPSTN6",
    seed: 1_895,
};

/// Makes the organization's past, up to now.
pub(super) async fn make(machine: &Machine, now: Timestamp) -> anyhow::Result<()> {
    let created_at = now - SignedDuration::from_hours(24 * AGE);
    let past = Past { machine, account: POST_USAGE_ACCOUNT, administrator: "olivia@example.com", created_at };
    let mut calls = calls(&ORGANIZATION, created_at, now, |_| 3..=5);
    let mut month = Month::of(created_at);
    Box::pin(open(&past)).await?;
    for day in 1..=AGE {
        let at = past.day(day);
        if month.end() <= at {
            Box::pin(invoice(&past, month, at)).await?;
            month = Month::of(month.end());
        }
        // The last records are posted now, so that this month has charges, however new it is.
        if day % 7 == 0 || day == AGE {
            past.debit(at, ended_by(&mut calls, at)).await?;
            if day < AUTO_RECHARGE_OFF {
                past.recharge_after(at).await?;
            }
        }
        if day == AUTO_RECHARGE_OFF {
            let off = json!({ "enabled": false });
            past.administrator(at, "PUT /v1/accounts/{id}/auto-recharge", "", off).await?;
            let later = at + SignedDuration::from_hours(1);
            let model = json!({ "billingModel": "postUsage" });
            past.administrator(later, "PATCH /v1/accounts/{id}", "", model).await?;
        }
    }
    Ok(())
}

/// The account is opened, with a card, funds, auto-recharge and a plan.
async fn open(past: &Past<'_>) -> anyhow::Result<()> {
    let at = past.day(0);
    let account = json!({
        "accountId": POST_USAGE_ACCOUNT,
        "name": super::POST_USAGE_NAME,
        "currency": "EUR",
        "locale": "fr",
        "notificationEmails": ["compta@example.com"],
    });
    past.operator(at, "POST /v1/accounts", "", account).await?;
    past.administrator(at, "PATCH /v1/accounts/{id}", "", json!({ "poNumber": "BC-2041" })).await?;
    past.save_card(at, "pm_card_mastercard").await?;
    past.buy(at, "demo-post-funds", "60.00").await?;
    let settings = json!({ "enabled": true, "triggerAmount": "50.00", "rechargeAmount": "50.00" });
    past.administrator(at, "PUT /v1/accounts/{id}/auto-recharge", "", settings).await?;
    let pools = json!({ "pools": [{ "plan": "MCOPSTN6", "country": "FR", "licences": 1 }] });
    past.operator(at, "PUT /v1/accounts/{id}/pools", "", pools).await.map(|_| ())
}

/// On the morning after a month, its invoice is made, and those of the months before are found to be paid.
async fn invoice(past: &Past<'_>, month: Month, latest: Timestamp) -> anyhow::Result<()> {
    let at = latest.min(month.end() + SignedDuration::from_hours(6));
    Box::pin(past.machine.functions.invoice(at)).await?;
    let listed = past.operator(at, "GET /v1/accounts/{id}/invoices", "", Value::Null).await?;
    let month = month.to_string();
    for invoice in listed["invoices"].as_array().context("a list of invoices")? {
        if invoice["state"] != "open" || invoice["month"] == month {
            continue;
        }
        let path = json!({ "id": past.account, "invoiceId": invoice["invoiceId"] });
        let paid = json!({
            "reference": format!("VIR-{}", invoice["number"]),
            "paidAt": at - SignedDuration::from_hours(24 * 10),
        });
        let route = "POST /v1/accounts/{id}/invoices/{invoiceId}/paid";
        let answer = past.operator_at(at).answer(route, path, "", paid).await?;
        ensure!(answer.status_code == 200, "the invoice's payment answered {}", answer.status_code);
    }
    Ok(())
}
