//! Reversals of records (S11), and revisions after them (S2).

use futures_util::future::join_all;
use local::faults::{Fault, Kind, Target};
use reqwest::Method;
use scenarios::{Answer, World, call, list, rated};
use serde_json::{Value, json};

const NOW: &str = "2026-11-22T12:00:00Z";
const START: &str = "2026-11-22T08:00:00Z";

async fn world() -> World {
    let world = World::start().await;
    world.set_time(NOW);
    world.account("a").await;
    world
}

/// Adds a lot by an adjustment.
async fn add(world: &World, key: &str, amount: &str, expires_at: Option<&str>) -> Value {
    let body = json!({ "amount": amount, "reason": "test", "expiresAt": expires_at });
    world.operator.adjust("a", key, body).await.expect(201)
}

async fn reverse(world: &World, id: &str) -> Answer {
    let body = json!({ "startedAt": START, "reason": "wrong number" });
    world.operator.post(&format!("/v1/accounts/a/usage/{id}/reversal"), body).await
}

async fn reverse_list(world: &World, ids: &[String]) -> Answer {
    let records: Vec<_> = ids.iter().map(|id| json!({ "id": id, "startedAt": START })).collect();
    world.operator.post("/v1/accounts/a/reversals?reason=mistaken", json!({ "records": records })).await
}

/// The remaining funds of each lot, oldest expiry first.
async fn lots(world: &World) -> Vec<Value> {
    let lots = world.operator.get("/v1/accounts/a/lots").await.expect(200);
    list(&lots, "lots").iter().map(|lot| lot["remaining"].clone()).collect()
}

/// The account that a process remembers may be older than the entry that it takes back.
#[tokio::test]
async fn s11_a_process_takes_back_what_another_one_charged() {
    let world = world().await;
    add(&world, "a", "100.00", None).await;
    let process = world.debit_process();
    let json = json!({ "content-type": "application/json" });
    let until = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
    let warm = json!({ "records": [rated("warm", START, "1.00")] }).to_string();
    let warm = world.event("POST", "debits", "a", &json, &warm);
    Answer::from(Box::pin(debit::handle(warm, &process, until)).await).expect(200);
    world.operator.debit("a", &[rated("x", START, "60.00")]).await.expect(200);

    let body = json!({ "startedAt": START, "reason": "wrong number" }).to_string();
    let mut event = world.event("POST", "usage/{recordId}/reversal", "a", &json, &body);
    event.path_parameters.insert("recordId".to_owned(), "x".to_owned());
    Answer::from(Box::pin(debit::handle(event, &process, until)).await).expect(200);
    assert_eq!(lots(&world).await, ["99.0000"]);
    world.operator.assert_books_balance("a").await;
}

#[tokio::test]
async fn s11_what_was_owed_is_reduced_and_the_rest_goes_back_to_its_lot() {
    // V7.
    let world = world().await;
    let lot = add(&world, "a", "1.00", None).await["lotId"].clone();
    for (id, charge) in [("x", "1.60"), ("y", "0.50")] {
        world.operator.debit("a", &[rated(id, START, charge)]).await.expect(200);
    }
    let reversed = reverse(&world, "x").await.expect(200);
    assert_eq!((&reversed["kind"], &reversed["amount"]), (&json!("reversal"), &json!("1.6000")));
    assert_eq!((&reversed["charge"], &reversed["reason"]), (&json!("1.6000"), &json!("wrong number")));
    let returned = &reversed["returned"];
    assert_eq!(returned["lots"], json!([{ "lotId": lot, "amount": "0.5000" }]));
    assert_eq!((&returned["repaid"], &returned["newLot"]), (&json!("1.1000"), &Value::Null));
    let account = world.operator.account("a").await;
    assert_eq!((&account["balance"], &account["owed"]), (&json!("0.5000"), &json!("0.0000")));
    assert_eq!(lots(&world).await, ["0.5000"]);
    world.operator.assert_books_balance("a").await;

    // Once, for ever.
    assert_eq!(reverse(&world, "x").await.expect(200), reversed);
    assert_eq!(world.operator.account("a").await, account);
}

#[tokio::test]
async fn s11_what_was_repaid_becomes_a_lot_of_12_months() {
    // V8.
    let world = world().await;
    add(&world, "a", "1.00", None).await;
    world.operator.debit("a", &[rated("x", START, "1.60")]).await.expect(200);
    world.operator.buy("a", "b", json!({ "amount": "50.00" })).await.expect(201);
    world.set_time("2026-11-23T12:00:00Z");
    let reversed = reverse(&world, "x").await.expect(200);
    let new_lot = &reversed["returned"]["newLot"];
    assert_eq!(new_lot["amount"], "0.6000");
    assert_eq!(new_lot["expiresAt"], "2027-11-23T12:00:00.000Z");
    assert_eq!(lots(&world).await, ["1.0000", "49.4000", "0.6000"]);
    assert_eq!(world.operator.account("a").await["balance"], "51.0000");
    world.operator.assert_books_balance("a").await;
    assert_reconciled(&world).await;
}

#[tokio::test]
async fn s11_what_returns_to_a_lot_whose_late_records_are_over_is_forfeited_in_the_same_commit() {
    // V9.
    let world = world().await;
    let lot = add(&world, "a", "1.00", Some("2026-11-25T00:00:00Z")).await["lotId"].clone();
    world.operator.debit("a", &[rated("x", START, "0.40")]).await.expect(200);
    world.set_time("2026-11-28T03:00:00Z");
    world.operator.post("/_local/run/expire", Value::Null).await.expect(200);
    assert_eq!(world.operator.account("a").await["balance"], "0.0000");
    let reversed = reverse(&world, "x").await.expect(200);
    assert_eq!((&reversed["amount"], &reversed["balance"]), (&json!("0.4000"), &json!("0.4000")));
    let rows = world.operator.transactions("a").await;
    let forfeit = rows.iter().find(|row| row["returnedBy"] == reversed["transactionId"]).expect("a forfeit");
    assert_eq!((&forfeit["kind"], &forfeit["amount"]), (&json!("expiry"), &json!("-0.4000")));
    assert_eq!((&forfeit["lotId"], &forfeit["version"]), (&lot, &reversed["version"]), "one commit");
    assert_eq!(world.operator.account("a").await["balance"], "0.0000");
    world.operator.assert_books_balance("a").await;
    assert_reconciled(&world).await;
}

#[tokio::test]
async fn s11_every_part_of_a_charge_goes_back_to_where_it_came_from() {
    let world = world().await;
    let pool = json!({ "pools": [{
        "plan": "P1", "country": "FR", "minutesPerLicence": 10, "licences": 1, "services": ["userOut"],
    }] });
    world.operator.send(Method::PUT, "/v1/accounts/a/pools", &[], pool).await.expect(200);
    let mut ids = Vec::new();
    for (key, amount, expires_at) in [
        ("one", "0.10", Some("2026-11-24T00:00:00Z")),
        ("two", "0.20", Some("2026-12-24T00:00:00Z")),
        ("three", "0.30", None),
    ] {
        ids.push(add(&world, key, amount, expires_at).await["lotId"].clone());
    }
    let mut record = call("x", START, "+33123456789", 3_000);
    record["plan"] = json!("P1");
    record["userCountry"] = json!("FR");
    // 10 of 50 minutes are included. The other 40 cost 0.7600: three lots give 0.6000, and 0.1600 is owed.
    let charged = world.operator.debit("a", &[record]).await.expect(200);
    assert_eq!(
        (&charged["results"][0]["charge"], &charged["balance"]),
        (&json!("0.7600"), &json!("-0.1600"))
    );

    // What is owed is repaid, and the first lot's 72 hours are over.
    world.operator.buy("a", "b", json!({ "amount": "50.00" })).await.expect(201);
    world.set_time("2026-11-27T00:00:00Z");
    let reversed = reverse(&world, "x").await.expect(200);
    let returned = &reversed["returned"];
    assert_eq!(reversed["amount"], "0.7600");
    let part = |lot: &Value, amount: &str| json!({ "lotId": lot, "amount": amount });
    let parts = [part(&ids[0], "0.1000"), part(&ids[1], "0.2000"), part(&ids[2], "0.3000")];
    assert_eq!(returned["lots"], json!(parts));
    assert_eq!(returned["newLot"]["amount"], "0.1600");
    assert_eq!(returned["includedMinutes"], json!([{ "pool": "P1/FR", "minutes": 10 }]));
    // The second lot, the third, the purchase with 0.1600 less, and the new lot. The first lot has forfeited its part.
    assert_eq!(lots(&world).await, ["0.2000", "0.3000", "49.8400", "0.1600"]);
    let account = world.operator.account("a").await;
    assert_eq!((&account["balance"], &account["owed"]), (&json!("50.5000"), &json!("0.0000")));
    assert_eq!(account["pools"][0]["months"][0]["used"], 0);
    world.operator.assert_books_balance("a").await;
    assert_reconciled(&world).await;
}

#[tokio::test]
async fn s11_on_an_account_that_pays_after_use_the_open_month_is_credited() {
    let world = World::start().await;
    world.set_time("2026-11-22T12:00:00Z");
    let account = json!({ "accountId": "a", "name": "a", "currency": "EUR", "billingModel": "postUsage" });
    world.operator.post("/v1/accounts", account).await.expect(201);
    world.operator.debit("a", &[rated("x", START, "3.25")]).await.expect(200);
    // V11: the month is closed by the first commit after its end.
    world.set_time("2026-12-05T12:00:00Z");
    let reversed = reverse(&world, "x").await.expect(200);
    assert_eq!((&reversed["amount"], &reversed["postUsage"]), (&json!("0.0000"), &json!("-3.2500")));
    let account = world.operator.account("a").await;
    assert_eq!(account["postUsage"], json!({ "month": "2026-12", "amount": "-3.2500" }));
    assert_reconciled(&world).await;
}

#[tokio::test]
async fn s2_a_corrected_record_is_a_new_revision_after_the_reversal() {
    let world = world().await;
    world.operator.debit("a", &[rated("x", START, "1.60")]).await.expect(200);
    let mut corrected = rated("x", START, "0.60");
    corrected["revision"] = json!(2);
    let early = world.operator.debit("a", &[corrected.clone()]).await.expect(200);
    assert_eq!(early["results"][0]["status"], "conflict");
    reverse(&world, "x").await.expect(200);
    let late = world.operator.debit("a", &[corrected.clone()]).await.expect(200);
    assert_eq!((&late["results"][0]["status"], &late["balance"]), (&json!("accepted"), &json!("-0.6000")));
    // The second revision is reversed by its number.
    let body = json!({ "startedAt": START, "revision": 2, "reason": "wrong too" });
    world.operator.post("/v1/accounts/a/usage/x/reversal", body).await.expect(200);
    assert_eq!(world.operator.account("a").await["balance"], "0.0000");
}

#[tokio::test]
async fn s11_an_unrated_record_that_is_reversed_is_over() {
    let world = world().await;
    world.operator.debit("a", &[call("u", START, "+9990001234", 60)]).await.expect(200);
    let reversed = reverse(&world, "u").await.expect(200);
    assert_eq!((&reversed["amount"], &reversed["charge"]), (&json!("0.0000"), &Value::Null));
    let unrated = world.operator.get("/v1/unrated").await.expect(200);
    assert_eq!(unrated["records"], json!([]), "nobody rates it any more");
    assert_eq!(reverse(&world, "u").await.expect(200), reversed);
}

#[tokio::test]
async fn s11_a_list_is_reversed_one_by_one_and_again_without_effect() {
    let world = world().await;
    add(&world, "a", "100.00", None).await;
    let ids: Vec<_> = (0..250).map(|number| format!("r{number}")).collect();
    let records: Vec<_> = ids.iter().map(|id| rated(id, START, "0.1000")).collect();
    world.operator.debit("a", &records).await.expect(200);
    let mut asked = ids.clone();
    asked.extend(["nobody".to_owned(), "r0".to_owned(), "a b".to_owned()]);

    let first = reverse_list(&world, &asked).await.expect(200);
    let counts = json!({
        "reversed": 250, "duplicate": 1, "notFound": 1, "conflict": 0, "invalid": 1, "notReached": 0,
    });
    assert_eq!(first["counts"], counts);
    assert_eq!((&first["accepted"], &first["rejected"]), (&json!(251), &json!(2)));
    assert_eq!(first["balance"], "100.0000");
    assert_eq!(first["results"][251]["transactionId"], first["results"][0]["transactionId"]);
    assert_eq!(first["results"][252]["problem"]["field"], "id");
    assert_eq!(first["results"][0]["returned"]["lots"][0]["amount"], "0.1000");
    let account = world.operator.account("a").await;

    let again = reverse_list(&world, &asked).await.expect(200);
    assert_eq!((&again["counts"]["duplicate"], &again["counts"]["reversed"]), (&json!(251), &json!(0)));
    assert_eq!(world.operator.account("a").await, account, "nothing changes");
    world.operator.assert_books_balance("a").await;
    assert_reconciled(&world).await;
}

#[tokio::test]
async fn s11_the_very_file_that_was_sent_is_reversed() {
    let world = world().await;
    let file = include_bytes!("../data/PSTN.calls.2026-11-20.csv");
    for query in ["", "?rate=all"] {
        let sent = world.operator.debit_file("a", query, "text/csv", file.as_slice()).await;
        let accepted = sent.expect(200)["accepted"].as_u64().unwrap();
        if query.is_empty() {
            assert!(accepted > 10);
        }
    }
    let balance = world.operator.account("a").await["balance"].clone();
    assert_ne!(balance, "0.0000");
    let path = "/v1/accounts/a/reversals?reason=the%20wrong%20tenant";
    let reverse = async |file: &str| {
        let headers = [("content-type", "text/csv")];
        world.operator.send_text(Method::POST, path, &headers, file.to_owned()).await.expect(200)
    };
    let text = String::from_utf8(file.to_vec()).unwrap();
    // A row that was changed is not the row that was sent, so it takes nothing back.
    let changed = reverse(&text.replacen("Z,412,", "Z,413,", 1)).await;
    assert_ne!(world.operator.account("a").await["balance"], "0.0000");
    let reversed = reverse(&text).await;
    let total = |answer: &Value, status: &str| answer["counts"][status].as_u64().unwrap();
    assert_eq!((total(&changed, "conflict"), total(&reversed, "reversed")), (1, 1), "{changed} {reversed}");
    assert_eq!(total(&reversed, "duplicate"), total(&changed, "reversed"));
    assert_eq!(world.operator.account("a").await["balance"], "0.0000");
    let rows = world.operator.transactions("a").await;
    let reason = rows.iter().find(|row| row["kind"] == "reversal").map(|row| row["reason"].clone());
    assert_eq!(reason, Some(json!("the wrong tenant")));
    assert_reconciled(&world).await;
}

#[tokio::test]
async fn s11_parallel_reversals_during_debits_take_each_charge_back_once() {
    let world = world().await;
    add(&world, "a", "10.00", None).await;
    let ids: Vec<_> = (0..30).map(|number| format!("r{number}")).collect();
    let records: Vec<_> = ids.iter().map(|id| rated(id, START, "0.5000")).collect();
    world.operator.debit("a", &records).await.expect(200);
    let reversals = (0..8).map(|_| async { reverse_list(&world, &ids).await });
    let debits = (0..20).map(|number| {
        let record = rated(&format!("later-{number}"), START, "0.2000");
        let operator = world.operator.clone();
        async move { operator.debit("a", &[record]).await.expect(200) }
    });
    let (answers, _) = tokio::join!(join_all(reversals), join_all(debits));
    let reversed: u64 = answers.iter().filter_map(|answer| answer.body["counts"]["reversed"].as_u64()).sum();
    assert!(reversed <= 30, "{reversed} of 30 records were reversed");
    let again = reverse_list(&world, &ids).await.expect(200);
    assert_eq!(again["accepted"], 30);
    assert_eq!(world.operator.account("a").await["balance"], "6.0000");
    world.operator.assert_books_balance("a").await;
    assert_reconciled(&world).await;
}

#[tokio::test]
async fn s11_a_reversal_that_fails_at_any_call_is_made_once_when_it_is_sent_again() {
    for kind in [Kind::LostReply, Kind::Down, Kind::Conflict] {
        for skip in 0..4 {
            let world = world().await;
            add(&world, "a", "1.00", None).await;
            world.operator.debit("a", &[rated("x", START, "1.60")]).await.expect(200);
            world.fail(Fault { target: Some(Target::Database), kind, skip, count: 3 }).await;
            let first = reverse(&world, "x").await;
            world.faults().disarm();
            assert!([200, 503].contains(&first.status), "{kind:?} {skip}: {first:?}");
            let second = reverse(&world, "x").await.expect(200);
            if first.status == 200 {
                assert_eq!(first.body, second);
            }
            assert_eq!(world.operator.account("a").await["balance"], "1.0000", "{kind:?} {skip}");
            assert_reconciled(&world).await;
        }
    }
}

#[tokio::test]
async fn a_wrong_reversal_names_its_field() {
    let world = world().await;
    world.operator.debit("a", &[rated("x", START, "1.60")]).await.expect(200);
    let one = "/v1/accounts/a/usage/x/reversal";
    let many = "/v1/accounts/a/reversals?reason=r";
    let record = |field: &str, value: Value| {
        let mut record = json!({ "id": "x", "startedAt": START });
        record[field] = value;
        json!({ "records": [record] })
    };
    for (path, body, field) in [
        (one, json!({ "reason": "r" }), "startedAt"),
        (one, json!({ "startedAt": START }), "reason"),
        (one, json!({ "startedAt": START, "reason": "  " }), "reason"),
        (one, json!({ "startedAt": START, "reason": "r", "revision": 0 }), "revision"),
        (one, json!({ "startedAt": "yesterday", "reason": "r" }), "startedAt"),
        (one, json!({ "startedAt": START, "reason": "r", "why": "x" }), "why"),
        ("/v1/accounts/a/reversals", json!({ "records": [] }), "reason"),
        (many, json!({ "records": [] }), "records"),
        (many, json!({}), "records"),
        (many, record("startedAt", json!("2026")), "records[0].startedAt"),
        (many, record("colour", json!(1)), "records[0].colour"),
    ] {
        let problem = world.operator.post(path, body.clone()).await.problem(422);
        assert_eq!(problem["errors"][0]["field"], field, "{path} {body}: {problem}");
    }
    let records = vec![json!({ "id": "x", "startedAt": START }); 1_001];
    world.operator.post(many, json!({ "records": records })).await.problem(413);
    let other_start = json!({ "startedAt": NOW, "reason": "r" });
    world.operator.post(one, other_start).await.problem(404);
    let admin = world.client("admin", &["a"]);
    admin.post(one, json!({ "startedAt": START, "reason": "r" })).await.problem(403);
    assert_eq!(world.operator.account("a").await["balance"], "-1.6000", "nothing was reversed");
}

/// Asserts that the audit of all accounts finds nothing.
async fn assert_reconciled(world: &World) {
    let found = world.operator.post("/_local/run/reconcile", Value::Null).await.expect(200);
    assert_eq!(found["findings"], json!([]), "{found}");
}
