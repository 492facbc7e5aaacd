//! Many records in one request: each has a result of its own, in order, and is applied once (S2, S3).

use std::collections::HashMap;
use std::time::Duration;

use reqwest::Method;
use rust_decimal::Decimal;
use scenarios::{Api, World, call, decimal, list, rated};
use serde_json::{Value, json};

const NOW: &str = "2026-11-22T12:00:00Z";
const START: &str = "2026-11-22T08:00:00Z";

/// A record with some fields changed. `null` removes a field.
pub(crate) fn with(mut record: Value, changes: Value) -> Value {
    let Value::Object(changes) = changes else { panic!("changes are an object") };
    for (name, value) in changes {
        if value.is_null() {
            record.as_object_mut().expect("a record").remove(&name);
        } else {
            record[name] = value;
        }
    }
    record
}

/// Changes that make a record invalid, each with the field that the problem must name.
pub(crate) fn mistakes() -> Vec<(Value, &'static str)> {
    vec![
        (json!({ "service": null }), "service"),
        (json!({ "service": "fax" }), "service"),
        (json!({ "number": "112" }), "number"),
        (json!({ "number": "+33 1 23" }), "number"),
        (json!({ "number": 33_123_456_789_u64 }), "number"),
        (json!({ "startedAt": null }), "startedAt"),
        (json!({ "startedAt": "yesterday" }), "startedAt"),
        (json!({ "startedAt": "2026-11-22T08:00:00" }), "startedAt"),
        (json!({ "startedAt": "1999-12-31T23:59:59Z" }), "startedAt"),
        (json!({ "startedAt": "2026-11-22T12:05:01Z" }), "startedAt"),
        (json!({ "durationSeconds": null }), "durationSeconds"),
        (json!({ "durationSeconds": -1 }), "durationSeconds"),
        (json!({ "durationSeconds": 1.5 }), "durationSeconds"),
        (json!({ "durationSeconds": "60" }), "durationSeconds"),
        (json!({ "durationSeconds": 2_678_401 }), "durationSeconds"),
        (json!({ "charge": "-0.0100" }), "charge"),
        (json!({ "charge": 0.01 }), "charge"),
        (json!({ "charge": "0.00001" }), "charge"),
        (json!({ "charge": "1000000000000000" }), "charge"),
        (json!({ "currency": "XAU" }), "currency"),
        (json!({ "currency": "eur" }), "currency"),
        (json!({ "userCountry": "France" }), "userCountry"),
        (json!({ "revision": 0 }), "revision"),
        (json!({ "callId": "x".repeat(129) }), "callId"),
        (json!({ "colour": "blue" }), "colour"),
    ]
}

/// A record, its expected status, its status when the request is sent again, and the field that its problem names.
struct Sent {
    record: Value,
    first: &'static str,
    again: &'static str,
    field: Option<&'static str>,
}

/// The records in the journal before the request: 100 of 0.0100.
fn earlier() -> Vec<Value> {
    (0..100).map(|number| rated(&format!("earlier-{number}"), START, "0.0100")).collect()
}

/// 1,000 records of every kind, mixed.
fn request() -> Vec<Sent> {
    let mistakes = mistakes();
    let sent = |record, first, again, field| Sent { record, first, again, field };
    let mut records = Vec::new();
    for round in 0..100 {
        let new = rated(&format!("new-{round}"), START, "0.0100");
        let before = rated(&format!("earlier-{round}"), START, "0.0100");
        let corrected = rated(&format!("corrected-{round}"), START, "0.0200");
        let unrated = call(&format!("unrated-{round}"), START, "+9990001234", 60);
        let usd = rated(&format!("usd-{round}"), START, "0.0100");
        let (mistake, field) = mistakes[round % mistakes.len()].clone();
        records.extend([
            sent(new.clone(), "accepted", "duplicate", None),
            sent(new.clone(), "duplicate", "duplicate", None),
            sent(with(new, json!({ "durationSeconds": 61 })), "conflict", "conflict", Some("id")),
            sent(before.clone(), "duplicate", "duplicate", None),
            sent(with(before.clone(), json!({ "charge": "0.0101" })), "conflict", "conflict", Some("id")),
            sent(unrated, "unrated", "duplicate", None),
            sent(with(corrected.clone(), mistake), "invalid", "invalid", Some(field)),
            sent(corrected, "accepted", "duplicate", None),
            sent(with(before, json!({ "currency": "USD" })), "conflict", "conflict", Some("id")),
            sent(with(usd, json!({ "currency": "USD" })), "invalid", "invalid", Some("currency")),
        ]);
    }
    records
}

async fn world_with_earlier_records() -> World {
    let world = World::start().await;
    world.set_time(NOW);
    world.account("a").await;
    world.operator.buy("a", "k", json!({ "amount": "100.00" })).await.expect(201);
    let accepted = world.operator.debit("a", &earlier()).await.expect(200);
    assert_eq!(accepted["accepted"], 100);
    world
}

/// The journal entries of usage records, by the id of the record.
async fn rows_by_record(operator: &Api) -> HashMap<String, Vec<Value>> {
    let mut rows = HashMap::<String, Vec<Value>>::new();
    for row in operator.transactions("a").await {
        if let Some(id) = row["recordId"].as_str() {
            rows.entry(id.to_owned()).or_default().push(row);
        }
    }
    rows
}

#[tokio::test]
async fn s2_s3_each_of_1000_records_has_its_own_result_in_order() {
    let world = world_with_earlier_records().await;
    let sent = request();
    let records: Vec<_> = sent.iter().map(|sent| sent.record.clone()).collect();
    assert_eq!(records.len(), 1_000);

    let answer = world.operator.debit("a", &records).await.expect(200);
    let results = list(&answer, "results");
    assert_eq!(results.len(), 1_000);
    for (index, (sent, result)) in sent.iter().zip(results).enumerate() {
        assert_eq!(result["status"], sent.first, "{index}: {} got {result}", sent.record);
        assert_eq!(result["id"], sent.record["id"], "{index}");
        assert_eq!(result["problem"]["field"].as_str(), sent.field, "{index}: {} got {result}", sent.record);
        let charge = sent.record["charge"].as_str().filter(|_| sent.field.is_none());
        assert_eq!(result["charge"].as_str(), charge, "{index}: {result}");
    }
    // A round has two accepted records, two duplicates, one unrated, three conflicts and two invalid.
    assert_eq!((&answer["accepted"], &answer["rejected"]), (&json!(500), &json!(500)));
    // 100 earlier and 100 new records of 0.01, and 100 corrected ones of 0.02.
    assert_eq!(answer["balance"], "96.0000");

    let rows = rows_by_record(&world.operator).await;
    assert_eq!(rows.len(), 400, "earlier, new, corrected and unrated records, and no others");
    assert!(rows.values().all(|rows| rows.len() == 1), "one entry for each");
    let unrated = rows.values().filter(|rows| rows[0]["kind"] == "unrated").count();
    assert_eq!(unrated, 100);
    assert_eq!(rows["new-7"][0]["amount"], "-0.0100");
    assert_eq!(rows["corrected-7"][0]["amount"], "-0.0200");
    assert_eq!(rows["earlier-7"][0]["durationSeconds"], 60, "the accepted record is unchanged");
    world.operator.assert_books_balance("a").await;
}

#[tokio::test]
async fn s2_the_same_1000_records_again_change_nothing() {
    let world = world_with_earlier_records().await;
    let sent = request();
    let records: Vec<_> = sent.iter().map(|sent| sent.record.clone()).collect();
    world.operator.debit("a", &records).await.expect(200);
    let (account, rows) = (world.operator.account("a").await, world.operator.transactions("a").await);

    for _ in 0..2 {
        let answer = world.operator.debit("a", &records).await.expect(200);
        for (index, (sent, result)) in sent.iter().zip(list(&answer, "results")).enumerate() {
            assert_eq!(result["status"], sent.again, "{index}: {} got {result}", sent.record);
        }
        assert_eq!((&answer["accepted"], &answer["rejected"]), (&json!(500), &json!(500)));
        assert_eq!(answer["balance"], account["balance"]);
    }
    assert_eq!(world.operator.account("a").await, account, "the version is the same too");
    assert_eq!(world.operator.transactions("a").await, rows);
}

/// Sends the records again while the answer is that the account is too busy.
async fn debit_until_taken(api: &Api, records: &[Value]) -> Value {
    for _ in 0..20 {
        let answer = api.debit("a", records).await;
        if answer.status != 503 && answer.body["notReached"] == 0 {
            return answer.expect(200);
        }
    }
    panic!("the account stays too busy");
}

#[tokio::test]
async fn s2_s3_nothing_is_lost_or_doubled_while_other_debits_run() {
    let world = world_with_earlier_records().await;
    let sent = request();
    let records: Vec<_> = sent.iter().map(|sent| sent.record.clone()).collect();
    let others = async |sender: usize| {
        for number in 0..10 {
            let record = rated(&format!("other-{sender}-{number}"), START, "0.0001");
            let answer = debit_until_taken(&world.operator, &[record]).await;
            assert_eq!(answer["results"][0]["status"], "accepted");
        }
    };
    // The same request twice at the same time, and forty single debits from four senders.
    let (one, two, ..) = tokio::join!(
        debit_until_taken(&world.operator, &records),
        debit_until_taken(&world.operator, &records),
        others(0),
        others(1),
        others(2),
        others(3),
    );
    for (index, sent) in sent.iter().enumerate() {
        let statuses = [&one, &two].map(|answer| &answer["results"][index]["status"]);
        let fine = match sent.first {
            // One of the two senders had the record accepted.
            "accepted" | "unrated" => {
                statuses.contains(&&json!(sent.first)) && statuses.contains(&&json!("duplicate"))
                    // A sender that lost a race may find its own record in the journal on its next try.
                    || statuses.iter().all(|status| *status == "duplicate")
            }
            other => statuses.iter().all(|status| *status == other),
        };
        assert!(fine, "{index}: {} got {statuses:?}", sent.record);
    }
    let rows = rows_by_record(&world.operator).await;
    assert_eq!(rows.len(), 440);
    assert!(rows.values().all(|rows| rows.len() == 1), "one entry for each");
    assert_eq!(world.operator.account("a").await["balance"], "95.9960");
    world.operator.assert_books_balance("a").await;
}

#[tokio::test]
async fn s2_a_revision_waits_for_the_reversal_of_the_one_before() {
    let world = World::start().await;
    world.set_time(NOW);
    world.account("a").await;
    let revision = |number: u32| with(rated("r", START, "0.0100"), json!({ "revision": number }));
    let statuses = |answer: &Value| -> Vec<String> {
        list(answer, "results").iter().map(|result| result["status"].as_str().unwrap().to_owned()).collect()
    };

    let alone = world.operator.debit("a", &[revision(2)]).await.expect(200);
    assert_eq!(statuses(&alone), ["conflict"], "there is no first revision");
    assert_eq!(alone["balance"], "0.0000");

    let all = [revision(3), revision(2), revision(1), rated("r", START, "0.0100")];
    let together = world.operator.debit("a", &all).await.expect(200);
    assert_eq!(statuses(&together), ["conflict", "conflict", "accepted", "duplicate"]);

    let after = world.operator.debit("a", &all).await.expect(200);
    assert_eq!(statuses(&after), ["conflict", "conflict", "duplicate", "duplicate"], "nothing is reversed");
    assert_eq!(after["balance"], "-0.0100");
    world.operator.assert_books_balance("a").await;
}

#[tokio::test]
async fn s2_a_start_names_a_record_to_the_second() {
    let world = World::start().await;
    world.set_time(NOW);
    world.account("a").await;
    let at = |started_at: &str| rated("r", started_at, "0.0100");
    let sent = [
        (at("2026-11-22T08:00:00Z"), "accepted"),
        (at("2026-11-22T08:00:00.9999999Z"), "duplicate"),
        (at("2026-11-22T09:00:00+01:00"), "duplicate"),
        (at("2026-11-22T08:00:01Z"), "accepted"),
        (at("2026-11-22T07:59:59.999Z"), "accepted"),
    ];
    let records = sent.clone().map(|(record, _)| record);
    let answer = world.operator.debit("a", &records).await.expect(200);
    for ((record, status), result) in sent.iter().zip(list(&answer, "results")) {
        assert_eq!(result["status"], *status, "{record}");
    }
    assert_eq!(answer["balance"], "-0.0300");
}

#[tokio::test]
async fn s1_a2_a_batch_draws_oldest_expiry_first_and_the_rest_is_owed() {
    let world = World::start().await;
    world.set_time("2026-01-01T00:00:00Z");
    world.account("a").await;
    for (key, now) in [("first", "2026-01-01T00:00:00Z"), ("second", "2026-02-01T00:00:00Z")] {
        world.set_time(now);
        world.operator.buy("a", key, json!({ "amount": "50.00" })).await.expect(201);
    }
    let records: Vec<_> =
        (0..300).map(|number| rated(&format!("r-{number}"), "2026-01-31T23:00:00Z", "0.5000")).collect();
    let answer = world.operator.debit("a", &records).await.expect(200);
    assert_eq!(answer["balance"], "-50.0000");
    let shown = world.operator.account("a").await;
    assert_eq!((&shown["owed"], &shown["status"]), (&json!("50.0000"), &json!("depleted")));

    let rows = rows_by_record(&world.operator).await;
    let drawn = |number: usize| -> Decimal {
        list(&rows[&format!("r-{number}")][0], "lots").iter().map(|draw| decimal(&draw["amount"])).sum()
    };
    assert_eq!(drawn(0), Decimal::new(5, 1));
    assert_eq!(rows["r-0"][0]["balance"], "99.5000", "the entries are in the order sent");
    assert_eq!(rows["r-299"][0]["balance"], "-50.0000");
    assert!(rows["r-200"][0]["lots"].is_null(), "both lots are used up");
    let first_lot = rows["r-99"][0]["lots"][0]["lotId"].clone();
    assert_eq!(rows["r-0"][0]["lots"][0]["lotId"], first_lot);
    assert_ne!(rows["r-100"][0]["lots"][0]["lotId"], first_lot);
    world.operator.assert_books_balance("a").await;
}

#[tokio::test]
async fn s8_a_month_that_another_function_closed_is_closed_once() {
    let world = World::start().await;
    world.set_time("2026-11-30T23:00:00Z");
    let later = json!({ "accountId": "a", "name": "a", "currency": "EUR", "billingModel": "postUsage" });
    world.operator.post("/v1/accounts", later).await.expect(201);
    world.operator.debit("a", &[rated("november", START, "1.0000")]).await.expect(200);

    world.set_time("2026-12-01T00:00:00Z");
    world.operator.send(Method::PATCH, "/v1/accounts/a", &[], json!({ "name": "b" })).await.expect(200);
    // The function for debits has the account of November in memory.
    let records = [rated("december", "2026-11-30T23:59:00Z", "2.0000")];
    let answer = tokio::time::timeout(Duration::from_secs(20), world.operator.debit("a", &records)).await;
    assert_eq!(answer.expect("an answer in time").expect(200)["accepted"], 1);

    let rows = world.operator.transactions("a").await;
    let kinds: Vec<_> = rows.iter().map(|row| row["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["invoice", "usage", "usage"]);
    let open = world.operator.account("a").await;
    assert_eq!(open["postUsage"], json!({ "month": "2026-12", "amount": "2.0000" }));
}

#[tokio::test]
async fn s2_a_record_in_another_currency_may_be_repeated_in_its_request() {
    let world = World::start().await;
    world.account("a").await;
    let dollars = |id: &str| {
        let mut record = rated(id, "2026-11-20T08:00:00Z", "1.00");
        record["currency"] = "USD".into();
        record
    };
    let euros = rated("euros", "2026-11-20T08:00:00Z", "1.00");
    world.operator.debit("a", std::slice::from_ref(&euros)).await.expect(200);
    let records = [dollars("new"), dollars("new"), dollars("euros"), dollars("euros"), euros];
    let answer = world.operator.debit("a", &records).await.expect(200);
    let results: Vec<_> =
        answer["results"].as_array().unwrap().iter().map(|result| &result["status"]).collect();
    assert_eq!(results, ["invalid", "invalid", "conflict", "conflict", "duplicate"]);
    world.operator.assert_books_balance("a").await;
}

#[tokio::test]
async fn s2_each_copy_of_a_record_is_compared_with_the_accepted_one() {
    let world = World::start().await;
    world.account("a").await;
    let accepted = rated("r", "2026-11-20T08:00:00Z", "1.00");
    world.operator.debit("a", std::slice::from_ref(&accepted)).await.expect(200);
    let mut other = accepted.clone();
    other["durationSeconds"] = 61.into();
    for records in [[other.clone(), accepted.clone()], [accepted.clone(), other.clone()]] {
        let answer = world.operator.debit("a", &records).await.expect(200);
        for (record, result) in records.iter().zip(answer["results"].as_array().unwrap()) {
            let status = if record == &accepted { "duplicate" } else { "conflict" };
            assert_eq!(result["status"], status, "{result}");
        }
    }
}

#[tokio::test]
async fn s1_a_record_that_ends_in_the_future_draws_on_lots_usable_now() {
    let world = World::start().await;
    world.set_time("2026-11-23T08:00:00Z");
    world.account("a").await;
    let lot = json!({ "amount": "10.00", "reason": "short-lived", "expiresAt": "2026-12-10T00:00:00Z" });
    world.operator.adjust("a", "k", lot).await.expect(201);
    let mut long = rated("long", "2026-11-23T08:00:00Z", "4.00");
    long["durationSeconds"] = 2_678_400.into();
    world.operator.debit("a", &[long]).await.expect(200);
    let account = world.operator.account("a").await;
    assert_eq!((&account["owed"], &account["available"]), (&json!("0.0000"), &json!("6.0000")));
}
