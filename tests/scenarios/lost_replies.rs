//! A lost reply to a commit: the store finds out whether the commit was made, and the request is answered accordingly.

use local::faults::{Fault, Kind, Target};
use reqwest::Method;
use scenarios::{World, rated};
use serde_json::{Value, json};

/// After this many calls to the database, one is carried out and its reply is lost. The two retries of the SDK fail.
fn lose_the_reply(world: &World, after: usize) {
    let database = Some(Target::Database);
    world.faults().arm(Fault { target: database, kind: Kind::LostReply, skip: after, count: 1 });
    world.faults().arm(Fault { target: database, kind: Kind::Down, skip: after + 1, count: 2 });
}

fn contoso() -> Value {
    json!({
        "accountId": "contoso", "name": "Contoso", "currency": "EUR", "locale": "fr",
        "notificationEmails": ["ada@contoso.example"],
    })
}

#[tokio::test]
async fn a1_an_account_whose_reply_was_lost_is_created_once_and_the_repeat_finds_it() {
    let world = World::start().await;
    world.set_time("2026-11-22T10:00:00Z");
    lose_the_reply(&world, 0);
    let first = world.operator.post("/v1/accounts", contoso()).await;
    world.faults().disarm();
    assert!([201, 503].contains(&first.status), "created, or unknown: {first:?}");
    world.set_time("2026-11-22T10:01:00Z");
    let created = world.operator.post("/v1/accounts", contoso()).await.expect(201);
    assert_eq!(created["createdAt"], world.operator.account("contoso").await["createdAt"]);
    assert_eq!(created, world.operator.account("contoso").await, "the account as it is now");

    for (field, other) in [
        ("currency", json!("USD")),
        ("billingModel", json!("postUsage")),
        ("name", json!("Another")),
        ("locale", json!("en")),
        ("notificationEmails", json!([])),
    ] {
        let mut another = contoso();
        another[field] = other;
        world.operator.post("/v1/accounts", another).await.problem(409);
    }
    let renamed = json!({ "name": "Contoso AG" });
    world.operator.send(Method::PATCH, "/v1/accounts/contoso", &[], renamed).await.expect(200);
    world.operator.post("/v1/accounts", contoso()).await.problem(409);
}

#[tokio::test]
async fn r6_a_resume_whose_reply_was_lost_is_answered_200() {
    let world = World::start().await;
    world.set_time("2026-11-22T10:00:00Z");
    world.account("a").await;
    let path = "/v1/accounts/a/auto-recharge";
    let on = json!({ "enabled": true, "triggerAmount": "60", "rechargeAmount": "50" });
    world.operator.send(Method::PUT, path, &[], on).await.expect(200);
    world.operator.debit("a", &[rated("r", "2026-11-22T09:00:00Z", "1000")]).await.expect(200);
    world.drain().await;
    assert_eq!(world.operator.account("a").await["autoRecharge"]["state"], "paused");
    world.lose_events();

    let before = world.operator.account("a").await["version"].as_u64().unwrap();
    // The account in this process's memory is not paused yet, so the first call is a read.
    lose_the_reply(&world, 1);
    let resumed = world.operator.post(&format!("{path}/resume"), Value::Null).await;
    world.faults().disarm();
    assert_eq!(resumed.expect(200)["autoRecharge"]["state"], "armed");
    let after = world.operator.account("a").await["version"].as_u64().unwrap();
    assert_eq!(after, before + 1, "it was committed once");
    world.operator.post(&format!("{path}/resume"), Value::Null).await.problem(409);
}

/// A change of settings must recognize its own commit: on a second try it would find nothing to change.
#[tokio::test]
async fn n9_settings_whose_reply_was_lost_are_saved_once() {
    let world = World::start().await;
    world.set_time("2026-11-22T10:00:00Z");
    world.account("a").await;
    let before = world.operator.account("a").await["version"].as_u64().unwrap();
    // The first call reads the account with its profile.
    lose_the_reply(&world, 1);
    let change = json!({ "name": "Another name" });
    let saved = world.operator.send(Method::PATCH, "/v1/accounts/a", &[], change).await.expect(200);
    world.faults().disarm();
    assert_eq!((&saved["name"], &saved["version"]), (&json!("Another name"), &json!(before + 1)));
}

/// A record that makes a sum too large to be read back is refused when it is decided on (S4).
#[tokio::test]
async fn s4_a_thousand_and_one_of_the_largest_charges_leave_the_account_readable() {
    let world = World::start().await;
    world.set_time("2026-11-22T10:00:00Z");
    world.account("a").await;
    let records: Vec<_> = (0..1_001)
        .map(|number| rated(&format!("r{number}"), "2026-11-22T09:00:00Z", "999999999999999"))
        .collect();
    for (batch, accepted) in records.chunks(1_000).zip([1, 0]) {
        let answer = world.operator.debit("a", batch).await.expect(200);
        assert_eq!(
            (&answer["accepted"], &answer["rejected"]),
            (&json!(accepted), &json!(batch.len() - accepted))
        );
        let refused = answer["results"].as_array().unwrap().last().unwrap();
        assert_eq!(
            (&refused["status"], &refused["problem"]["field"]),
            (&json!("invalid"), &json!("charge")),
            "{refused}"
        );
    }
    assert_eq!(world.operator.account("a").await["owed"], "999999999999999.0000");
    world.operator.assert_books_balance("a").await;
}
