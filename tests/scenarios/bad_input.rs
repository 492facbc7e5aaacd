//! Invalid requests: every problem has the same form, and nothing changes.

use std::io::{Cursor, Write};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use reqwest::Method;
use scenarios::{World, list, rated};
use serde_json::{Value, json};
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::batches::{mistakes, with};

const NOW: &str = "2026-11-22T12:00:00Z";
const JSON: &str = "application/json";

/// A request that must be refused with this status and this field.
struct Bad {
    what: String,
    method: Method,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    status: u16,
    field: String,
}

impl Bad {
    fn text(method: Method, path: &str, body: impl Into<Vec<u8>>, status: u16, field: &str) -> Self {
        let body = body.into();
        let shown: String = String::from_utf8_lossy(&body).chars().take(200).collect();
        Self {
            what: format!("{method} {path} {shown}"),
            method,
            path: path.to_owned(),
            headers: vec![("content-type", JSON.to_owned())],
            body,
            status,
            field: field.to_owned(),
        }
    }

    /// A JSON body with a wrong field.
    fn json(method: Method, path: &str, body: &Value, field: &str) -> Self {
        Self::text(method, path, body.to_string(), 422, field)
    }

    fn get(path: &str, field: &str) -> Self {
        Self::text(Method::GET, path, "", 422, field)
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.what = format!("{} with {name}: {value:.40}", self.what);
        self.headers.retain(|(other, _)| *other != name);
        self.headers.push((name, value.to_owned()));
        self
    }
}

/// Two accounts with a card and funds, one in yen with a card alone, and a post-usage account.
async fn world() -> World {
    let world = World::start().await;
    world.set_time(NOW);
    world.account("a").await;
    world.account("b").await;
    world.account_in("yen", "JPY").await;
    let later = json!({ "accountId": "later", "name": "l", "currency": "EUR", "billingModel": "postUsage" });
    world.operator.post("/v1/accounts", later).await.expect(201);
    for account in ["a", "b"] {
        world.operator.buy(account, "k", json!({ "amount": "100.00" })).await.expect(201);
    }
    world.operator.debit("a", &[rated("before", "2026-11-22T08:00:00Z", "0.0100")]).await.expect(200);
    world
}

/// Everything that a refused request must leave unchanged.
async fn everything(world: &World) -> Vec<Value> {
    let accounts = world.operator.get("/v1/accounts").await.expect(200);
    let mut all = vec![accounts];
    for account in ["a", "b", "yen", "later"] {
        all.push(json!(world.operator.transactions(account).await));
        all.push(world.operator.get(&format!("/v1/accounts/{account}/purchases")).await.expect(200));
        all.push(json!(world.operator.charges(account).await));
    }
    all
}

/// Sends each request as the operator, and asserts after each that nothing has changed.
async fn assert_refused(world: &World, requests: Vec<Bad>) {
    let before = everything(world).await;
    for Bad { what, method, path, headers, body, status, field } in requests {
        let headers: Vec<_> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let answer = world.operator.send_text(method, &path, &headers, body).await;
        assert_eq!(answer.status, status, "{what}: {}", answer.body);
        let problem = answer.problem(status);
        let named = problem["errors"].as_array().map(|errors| errors[0]["field"].clone());
        assert_eq!(named, (status == 422).then(|| json!(field)), "{what}: {problem}");
        assert_eq!(everything(world).await, before, "{what}");
    }
}

/// Requests with a body: method, path, a valid body, and a required field of it.
fn requests_with_bodies() -> Vec<(Method, &'static str, Value, Option<&'static str>)> {
    vec![
        (
            Method::POST,
            "/v1/accounts",
            json!({ "accountId": "new", "name": "n", "currency": "EUR" }),
            Some("currency"),
        ),
        (Method::PATCH, "/v1/accounts/a", json!({ "name": "n" }), None),
        (
            Method::PUT,
            "/v1/accounts/a/payment-method",
            json!({ "paymentMethod": "pm_card_visa" }),
            Some("paymentMethod"),
        ),
        (Method::POST, "/v1/accounts/a/purchases", json!({ "amount": "50.00" }), Some("amount")),
        (
            Method::POST,
            "/v1/accounts/a/adjustments",
            json!({ "amount": "5.00", "reason": "r" }),
            Some("reason"),
        ),
        (
            Method::POST,
            "/v1/accounts/a/debits",
            json!({ "records": [rated("x", "2026-11-22T08:00:00Z", "1")] }),
            Some("records"),
        ),
    ]
}

#[tokio::test]
async fn a_body_that_cannot_be_read_or_has_a_wrong_field_changes_nothing() {
    let world = world().await;
    // The fields of a purchase as a JSON array, in the order of their declaration.
    let positional = json!(["50.00", null]).to_string();
    let positional = Bad::text(Method::POST, "/v1/accounts/a/purchases", positional, 422, "body");
    let mut requests = vec![positional.with("idempotency-key", "new")];
    for (method, path, good, required) in requests_with_bodies() {
        let new = |body: String, status, field| {
            Bad::text(method.clone(), path, body, status, field).with("idempotency-key", "new")
        };
        let text = good.to_string();
        for broken in ["", "{", "nonsense", &format!("{text} x"), &text[..text.len() - 1]] {
            requests.push(new(broken.to_owned(), 400, ""));
        }
        let values: Vec<_> = good.as_object().unwrap().values().collect();
        let whole = if required == Some("records") { "records" } else { "body" };
        requests.push(new(json!(values).to_string(), 422, whole));
        let mut unknown = good.clone();
        unknown["colour"] = json!("blue");
        requests.push(new(unknown.to_string(), 422, "colour"));
        if let Some(required) = required {
            requests.push(new(with(good.clone(), json!({ required: null })).to_string(), 422, required));
            let mut wrong = good.clone();
            wrong[required] = json!({ "not": "this" });
            requests.push(new(wrong.to_string(), 422, required));
            let mut null = good;
            null[required] = Value::Null;
            requests.push(new(null.to_string(), 422, required));
        }
    }
    assert_refused(&world, requests).await;
}

#[tokio::test]
async fn a1_a_wrong_account_is_not_created() {
    let world = world().await;
    let good = json!({ "accountId": "new", "name": "New", "currency": "EUR" });
    let new =
        |changes, field: &str| Bad::json(Method::POST, "/v1/accounts", &with(good.clone(), changes), field);
    let mut requests: Vec<_> = ["", " ", "a b", "a#b", "a/b", "é", "a\n", &"x".repeat(65)]
        .map(|id| new(json!({ "accountId": id }), "accountId"))
        .into();
    for currency in ["", "eur", "EURO", "ABC", "XAU", "XTS", "€"] {
        requests.push(new(json!({ "currency": currency }), "currency"));
    }
    requests.extend([
        new(json!({ "accountId": 7 }), "accountId"),
        new(json!({ "name": "" }), "name"),
        new(json!({ "name": "  " }), "name"),
        new(json!({ "name": "two\nlines" }), "name"),
        new(json!({ "name": "x".repeat(201) }), "name"),
        new(json!({ "locale": "de" }), "locale"),
        new(json!({ "billingModel": "free" }), "billingModel"),
        new(json!({ "notificationEmails": "a@example.com" }), "notificationEmails"),
        new(json!({ "notificationEmails": ["a@example.com", "nobody"] }), "notificationEmails[1]"),
    ]);
    let taken = with(good, json!({ "accountId": "a" }));
    requests.push(Bad::text(Method::POST, "/v1/accounts", taken.to_string(), 409, ""));
    assert_refused(&world, requests).await;
}

#[tokio::test]
async fn a1_a_wrong_profile_or_card_is_not_saved() {
    let world = world().await;
    let change = |changes: Value, field: &str| Bad::json(Method::PATCH, "/v1/accounts/a", &changes, field);
    let address = |number: usize| format!("a{number}@example.com");
    let twenty_one: Vec<_> = (0..21).map(address).collect();
    let mut requests = vec![
        change(json!({ "name": "" }), "name"),
        change(json!({ "name": 7 }), "name"),
        change(json!({ "name": "x".repeat(201) }), "name"),
        change(json!({ "locale": "EN" }), "locale"),
        change(json!({ "poNumber": "x".repeat(65) }), "poNumber"),
        change(json!({ "poNumber": "two\nlines" }), "poNumber"),
        change(json!({ "currency": "USD" }), "currency"),
        change(json!({ "accountId": "c" }), "accountId"),
        change(json!({ "balance": "1000000" }), "balance"),
        change(json!({ "notificationEmails": twenty_one }), "notificationEmails"),
        change(json!({ "notificationEmails": ["a@example.com", "A@EXAMPLE.com"] }), "notificationEmails[1]"),
    ];
    for malformed in [
        "",
        "nobody",
        "@example.com",
        "a@",
        "a@b@example.com",
        "a b@example.com",
        " a@example.com",
        "a@example.com\nbcc: b@example.com",
        "a@example.com,b@example.com",
        "Ada <ada@example.com>",
        "a@localhost",
        "a@[127.0.0.1]",
        "a@-example.com",
    ] {
        requests.push(change(json!({ "notificationEmails": [malformed] }), "notificationEmails[0]"));
    }
    let card = |body: Value, field| Bad::json(Method::PUT, "/v1/accounts/a/payment-method", &body, field);
    requests.extend([
        card(json!({ "paymentMethod": "pm_nobody_knows" }), "paymentMethod"),
        card(json!({ "paymentMethod": "" }), "paymentMethod"),
        card(json!({ "paymentMethod": "4242424242424242" }), "paymentMethod"),
        card(json!({ "paymentMethod": "pm_card_visa", "backup": "pm_nobody_knows" }), "backup"),
    ]);
    assert_refused(&world, requests).await;

    let twenty: Vec<_> = (0..20).map(address).collect();
    let saved = world.operator.send(
        Method::PATCH,
        "/v1/accounts/a",
        &[],
        json!({ "notificationEmails": twenty, "name": "x".repeat(200), "poNumber": "x".repeat(64) }),
    );
    assert_eq!(list(&saved.await.expect(200), "notificationEmails").len(), 20);
}

#[tokio::test]
async fn f2_t3_a_wrong_amount_is_not_charged() {
    let world = world().await;
    let buy = |account: &str, amount: Value| {
        let path = format!("/v1/accounts/{account}/purchases");
        Bad::json(Method::POST, &path, &json!({ "amount": amount }), "amount").with("idempotency-key", "new")
    };
    let mut requests = Vec::new();
    for amount in [
        json!(100),
        json!(100.0),
        json!(null),
        json!(true),
        json!(["100"]),
        json!(""),
        json!(" 100"),
        json!("100 "),
        json!("1e2"),
        json!("+100"),
        json!("1_00"),
        json!("100,00"),
        json!("EUR 100"),
        json!("NaN"),
        json!("100."),
        json!("-100"),
        json!("0"),
        json!("49.99"),
        json!("100000.01"),
        json!("100.001"),
        json!("999999999999999"),
        json!("1".repeat(40)),
        json!(format!("100.{}", "0".repeat(40))),
    ] {
        requests.push(buy("a", amount));
    }
    requests.extend([json!("4999"), json!("10000001"), json!("5000.5")].map(|amount| buy("yen", amount)));
    let unknown_card = json!({ "amount": "50.00", "paymentMethod": "pm_nobody_knows" });
    requests.push(
        Bad::json(Method::POST, "/v1/accounts/a/purchases", &unknown_card, "paymentMethod")
            .with("idempotency-key", "new"),
    );
    let by_later = json!({ "amount": "50.00", "paymentMethod": "pm_card_visa" }).to_string();
    requests.push(
        Bad::text(Method::POST, "/v1/accounts/later/purchases", by_later, 409, "")
            .with("idempotency-key", "new"),
    );
    assert_refused(&world, requests).await;

    // The problem names the limit.
    for (account, amount, limit) in
        [("a", "49.99", "50 EUR"), ("a", "100000.01", "100000 EUR"), ("yen", "10000001", "10000000 JPY")]
    {
        let problem = world.operator.buy(account, "new", json!({ "amount": amount })).await.problem(422);
        let detail = problem["errors"][0]["detail"].as_str().unwrap();
        assert!(detail.contains(limit), "{detail}");
    }
}

#[tokio::test]
async fn f9_a_wrong_adjustment_is_not_made() {
    let world = world().await;
    let good = json!({ "amount": "-5.00", "reason": "r" });
    let adjust = |changes: Value, field: &str| {
        let body = with(good.clone(), changes);
        Bad::json(Method::POST, "/v1/accounts/a/adjustments", &body, field).with("idempotency-key", "new")
    };
    let refused = |changes: Value| {
        let body = with(good.clone(), changes).to_string();
        Bad::text(Method::POST, "/v1/accounts/a/adjustments", body, 409, "").with("idempotency-key", "new")
    };
    let requests = vec![
        adjust(json!({ "amount": 5 }), "amount"),
        adjust(json!({ "amount": "0" }), "amount"),
        adjust(json!({ "amount": "-0.0000" }), "amount"),
        adjust(json!({ "amount": "0.00001" }), "amount"),
        adjust(json!({ "amount": "1000000000000000" }), "amount"),
        adjust(json!({ "reason": "" }), "reason"),
        adjust(json!({ "reason": " \n" }), "reason"),
        adjust(json!({ "reason": "x".repeat(501) }), "reason"),
        adjust(json!({ "amount": "5", "expiresAt": "soon" }), "expiresAt"),
        adjust(json!({ "amount": "5", "expiresAt": NOW }), "expiresAt"),
        adjust(json!({ "amount": "5", "expiresAt": "2026-11-22" }), "expiresAt"),
        adjust(json!({ "amount": "5", "expiresAt": "9500-01-01T00:00:00Z" }), "expiresAt"),
        adjust(json!({ "expiresAt": "2027-01-01T00:00:00Z" }), "expiresAt"),
        adjust(json!({ "allowNegative": "yes" }), "allowNegative"),
        refused(json!({ "amount": "-99.9901" })),
    ];
    assert_refused(&world, requests).await;
}

#[tokio::test]
async fn f3_a_missing_malformed_or_reused_idempotency_key_is_refused() {
    let world = world().await;
    world.operator.adjust("a", "k", json!({ "amount": "5.00", "reason": "r" })).await.expect(201);
    let mut requests = Vec::new();
    for (path, body) in [
        ("/v1/accounts/a/purchases", json!({ "amount": "50.00" })),
        ("/v1/accounts/a/adjustments", json!({ "amount": "5.01", "reason": "r" })),
    ] {
        let new = || Bad::json(Method::POST, path, &body, "Idempotency-Key");
        requests.push(new());
        for key in ["", "two words", "tab\tbed", &"x".repeat(256)] {
            requests.push(new().with("idempotency-key", key));
        }
        requests.push(Bad::text(Method::POST, path, body.to_string(), 409, "").with("idempotency-key", "k"));
    }
    assert_refused(&world, requests).await;
    let longest = "x".repeat(255);
    world.operator.buy("a", &longest, json!({ "amount": "50.00" })).await.expect(201);
}

#[tokio::test]
async fn a_wrong_parameter_is_named() {
    let world = world().await;
    let encoded = |text: &str| BASE64_URL_SAFE_NO_PAD.encode(text);
    let cursors = [
        "!".to_owned(),
        "a".to_owned(),
        "%FF%FE".to_owned(),
        BASE64_URL_SAFE_NO_PAD.encode([0xFF, 0xFE]),
        encoded("\0"),
        encoded("x y"),
        encoded("nonsense##"),
        encoded("2026-11-22T08:00:00Z#usage#before#1"),
        encoded(&"x".repeat(2_000)),
    ];
    let mut requests = Vec::new();
    for path in ["/v1/accounts", "/v1/accounts/a/transactions", "/v1/accounts/a/purchases", "/v1/unrated"] {
        for limit in ["0", "101", "-1", "1.5", "ten", "99999999999999999999"] {
            requests.push(Bad::get(&format!("{path}?limit={limit}"), "limit"));
        }
        for cursor in &cursors {
            requests.push(Bad::get(&format!("{path}?cursor={cursor}"), "cursor"));
        }
    }
    let transactions = "/v1/accounts/a/transactions";
    let place = encoded("2026-11-22T08:00:00.000Z#usage#before#1");
    for (query, field) in [
        ("from=yesterday".to_owned(), "from"),
        ("from=2026-11-22".to_owned(), "from"),
        ("from=2026-11-22T08:00:00".to_owned(), "from"),
        ("to=1e9".to_owned(), "to"),
        ("from=2026-11-22T08:00:00Z&to=2026-11-22T08:00:00Z".to_owned(), "to"),
        ("from=2026-11-22T08:00:01Z&to=2026-11-22T08:00:00Z".to_owned(), "to"),
        ("kind=gift".to_owned(), "kind"),
        ("kind=Usage".to_owned(), "kind"),
        // The cursor is outside the period.
        (format!("from=2026-11-22T08:00:00.001Z&cursor={place}"), "cursor"),
        (format!("to=2026-11-22T08:00:00Z&cursor={place}"), "cursor"),
    ] {
        requests.push(Bad::get(&format!("{transactions}?{query}"), field));
    }
    for (query, field) in [
        ("", "startedAt"),
        ("?startedAt=then", "startedAt"),
        ("?startedAt=2026-11-22T08:00:00Z&revision=first", "revision"),
        ("?startedAt=2026-11-22T08:00:00Z&revision=-1", "revision"),
    ] {
        requests.push(Bad::get(&format!("/v1/accounts/a/usage/before{query}"), field));
    }
    let records = json!({ "records": [rated("x", "2026-11-22T08:00:00Z", "1")] });
    requests.push(Bad::json(Method::POST, "/v1/accounts/a/debits?rate=some", &records, "rate"));
    assert_refused(&world, requests).await;

    let fine = format!("{transactions}?from=2026-11-22T08:00:00Z&to=2026-11-22T08:00:00.001Z&cursor={place}");
    world.operator.get(&fine).await.expect(200);
}

fn zip_of(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in files {
        zip.start_file(*name, SimpleFileOptions::default()).expect("a file begins");
        zip.write_all(content).expect("memory can be written");
    }
    zip.finish().expect("memory can be written").into_inner()
}

const COLUMNS: [&str; 8] = [
    "UsageId",
    "Call Type",
    "Destination Number",
    "Start Time",
    "Duration Seconds",
    "Connection Fee",
    "Charge",
    "Currency",
];

const ROW: &str = "u-1,user_out,+33123456789,2026-11-22T08:00:00Z,60,0,0.0100,EUR\n";

#[tokio::test]
async fn s3_s4_an_unreadable_body_of_debits_is_refused_as_a_whole() {
    const DEBITS: &str = "/v1/accounts/a/debits";
    let world = world().await;
    let record = rated("x", "2026-11-22T08:00:00Z", "1.0000");
    let one = json!({ "records": [record] }).to_string();
    let sent = |content_type: &str, body: Vec<u8>, status, field: &str| {
        Bad::text(Method::POST, DEBITS, body, status, field).with("content-type", content_type)
    };
    let csv = |body: String, status, field: &str| sent("text/csv", body.into_bytes(), status, field);
    let zip = |body: Vec<u8>, status, field: &str| sent("application/zip", body, status, field);
    let graph = |body: String, status, field: &str| {
        sent("application/vnd.microsoft.graph+json", body.into(), status, field)
    };
    let json_of = |body: String, status, field: &str| sent(JSON, body.into_bytes(), status, field);

    let many = |count: usize| json!({ "records": vec![&record; count] }).to_string();
    let header = COLUMNS.join(",");
    let report = format!("{header}\n{ROW}");
    let padded = |character: &str, bytes: usize| format!("{one}{}", character.repeat(bytes - one.len()));
    let broken_json = one.replacen('}', "", 1);

    let mut requests = vec![
        json_of(json!({ "records": [] }).to_string(), 422, "records"),
        json_of(json!({ "records": {} }).to_string(), 422, "records"),
        json_of(format!("{{\"records\":[{record}],\"records\":[]}}"), 422, "records"),
        json_of(json!([record]).to_string(), 422, "records"),
        json_of(broken_json, 400, ""),
        json_of(many(1_001), 413, ""),
        // One byte more than 4 MB; less than that, but more than 5.5 MB in the event, in which a line break is two bytes; and
        // more than API Gateway accepts.
        json_of(padded(" ", 4 * 1024 * 1024 + 1), 413, ""),
        json_of(padded("\n", 3_000_000), 413, ""),
        json_of(padded(" ", 10 * 1024 * 1024 + 1), 413, ""),
        zip(vec![b'x'; 4 * 1024 * 1024 + 1], 413, ""),
        graph("{}".into(), 422, "value"),
        graph("[]".into(), 422, "value"),
        graph("{\"value\": [".into(), 400, ""),
        graph(format!("{{\"value\":[{}]}}", vec!["{}"; 20_001].join(",")), 413, ""),
        csv(String::new(), 422, "UsageId"),
        csv(format!("\"{report}"), 400, ""),
        csv(format!("{header},Charge\n{ROW}"), 422, "Charge"),
        csv(format!("{header}\n{}", ROW.repeat(20_001)), 413, ""),
        sent("text/csv", b"\xFF\xFE".to_vec(), 400, ""),
        zip(b"PK nothing".to_vec(), 400, ""),
        zip(report.clone().into_bytes(), 400, ""),
        zip(zip_of(&[]), 422, "zip"),
        zip(zip_of(&[("readme.txt", b"x")]), 422, "zip"),
        zip(zip_of(&[("a.csv", report.as_bytes()), ("b.csv", report.as_bytes())]), 422, "zip"),
        zip(zip_of(&[("PSTN.calls.csv", &vec![b'x'; 16 * 1024 * 1024 + 1])]), 413, ""),
        zip(zip_of(&[("PSTN.calls.csv", b"UsageId\n")]), 422, "Call Type"),
        zip(zip_of(&[("PSTN.calls.csv", format!("{header}\n{}", ROW.repeat(20_001)).as_bytes())]), 413, ""),
    ];
    for column in COLUMNS {
        requests.push(csv(report.replacen(column, "Else", 1), 422, column));
    }
    for content_type in ["text/plain", "application/xml", "application/jsonx", "multipart/form-data", "json"]
    {
        requests.push(sent(content_type, one.clone().into_bytes(), 422, "Content-Type"));
    }
    assert_refused(&world, requests).await;

    // Bodies at the limit are accepted.
    let largest = padded(" ", 4 * 1024 * 1024);
    world.operator.debit_file("a", "", JSON, largest).await.expect(200);
    let thousand = world.operator.debit_file("a", "", JSON, many(1_000)).await.expect(200);
    assert_eq!(thousand["accepted"], 1_000);
    let zipped = zip_of(&[("PSTN.calls.csv", report.as_bytes())]);
    world.operator.debit_file("a", "", "application/zip", zipped).await.expect(200);
}

#[tokio::test]
async fn s3_invalid_records_change_nothing() {
    let world = world().await;
    let before = everything(&world).await;
    let good = rated("x", "2026-11-22T08:00:00Z", "0.0100");
    for (mistake, field) in mistakes() {
        let record = with(good.clone(), mistake);
        let answer = world.operator.debit("a", std::slice::from_ref(&record)).await.expect(200);
        assert_eq!((&answer["accepted"], &answer["rejected"]), (&json!(0), &json!(1)), "{record}");
        let problem = &answer["results"][0]["problem"];
        assert_eq!(problem["field"], field, "{record}");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.len() > 5), "{record}: {problem}");
        assert_eq!(everything(&world).await, before, "{record}");
    }
    for record in [json!(null), json!(7), json!("x"), json!([good])] {
        let answer = world.operator.debit("a", &[record]).await.expect(200);
        assert_eq!(answer["results"][0]["problem"]["field"], "record");
    }
    let usd = with(good, json!({ "currency": "USD" }));
    let answer = world.operator.debit("a", &[usd]).await.expect(200);
    assert_eq!(answer["results"][0]["problem"]["field"], "currency");
    assert_eq!(everything(&world).await, before);
}

#[tokio::test]
async fn t1_a_start_may_be_five_minutes_ahead_and_no_more() {
    let world = world().await;
    for (started_at, status) in [
        ("2026-11-22T12:05:00Z", "accepted"),
        ("2026-11-22T13:05:00+01:00", "duplicate"),
        ("2026-11-22T12:05:01Z", "invalid"),
        ("2026-11-23T12:00:00Z", "invalid"),
    ] {
        let answer = world.operator.debit("a", &[rated("x", started_at, "0.0100")]).await.expect(200);
        assert_eq!(answer["results"][0]["status"], status, "{started_at}");
    }
}
