//! The contract with integrators: the host keeps to the document, and problems have codes for programs.

use jiff::Timestamp;
use local::faults::{Fault, Kind, Target};
use reqwest::Method;
use scenarios::{Answer, World, call, list, rated};
use serde_json::{Map, Value, json};

use crate::queue_debits::send;

const NOW: &str = "2026-11-22T12:00:00Z";

/// An account with a card and 100 EUR, and a post-usage account.
async fn world() -> World {
    let world = World::start().await;
    world.set_time(NOW);
    world.account("a").await;
    let later = json!({ "accountId": "later", "name": "l", "currency": "EUR", "billingModel": "postUsage" });
    world.operator.post("/v1/accounts", later).await.expect(201);
    world.operator.buy("a", "k", json!({ "amount": "100.00" })).await.expect(201);
    world
}

/// The fields of a problem, each with its code.
fn named(answer: Answer) -> Vec<(String, String)> {
    let problem = answer.problem(422);
    assert_eq!(problem["code"], "invalid");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    list(&problem, "errors").iter().map(|error| (text(&error["field"]), text(&error["code"]))).collect()
}

fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter().map(|(field, code)| ((*field).to_owned(), (*code).to_owned())).collect()
}

#[tokio::test]
async fn every_wrong_field_of_a_body_is_named_with_its_code() {
    let world = world().await;
    let key = [("idempotency-key", "new")];
    for (method, path, body, errors) in [
        (
            Method::POST,
            "/v1/accounts",
            json!({ "accountId": "a b", "currency": "HRK", "locale": "de", "billingModel": 7, "colour": "blue",
                "notificationEmails": ["ada@example.com", "nobody", "Ada@example.com"] }),
            &[
                ("accountId", "wrongFormat"),
                ("name", "missing"),
                ("currency", "currencyNotInUse"),
                ("locale", "notAllowed"),
                ("billingModel", "wrongType"),
                ("notificationEmails[1]", "wrongFormat"),
                ("notificationEmails[2]", "repeated"),
                ("colour", "unknown"),
            ][..],
        ),
        (
            Method::PATCH,
            "/v1/accounts/a",
            json!({ "name": "x".repeat(201), "poNumber": "two\nlines", "lowBalanceAmount": "0.00001", "locale": null }),
            &[
                ("name", "tooLong"),
                ("locale", "missing"),
                ("poNumber", "wrongFormat"),
                ("lowBalanceAmount", "tooManyDecimals"),
            ],
        ),
        (
            Method::PUT,
            "/v1/accounts/a/auto-recharge",
            json!({ "triggerAmount": 60, "rechargeAmount": "many", "monthly": "1" }),
            &[
                ("enabled", "missing"),
                ("triggerAmount", "wrongType"),
                ("rechargeAmount", "wrongFormat"),
                ("monthly", "unknown"),
            ],
        ),
        (
            Method::PUT,
            "/v1/accounts/a/auto-recharge",
            json!({ "enabled": true, "rechargeAmount": "1", "monthlyLimit": "0.001" }),
            &[
                ("triggerAmount", "missing"),
                ("rechargeAmount", "outOfRange"),
                ("monthlyLimit", "tooManyDecimals"),
            ],
        ),
        (
            Method::PUT,
            "/v1/accounts/a/payment-method",
            json!({ "paymentMethod": "pm_no", "backup": "pm_nor" }),
            &[("paymentMethod", "unknownPaymentMethod"), ("backup", "unknownPaymentMethod")],
        ),
        (
            Method::POST,
            "/v1/accounts/a/purchases",
            json!({ "paymentMethod": 7, "color": 1 }),
            &[("amount", "missing"), ("paymentMethod", "wrongType"), ("color", "unknown")],
        ),
        (
            Method::POST,
            "/v1/accounts/a/adjustments",
            json!({ "amount": "1,5", "reason": "", "expiresAt": "soon", "allowNegative": "yes" }),
            &[
                ("amount", "wrongFormat"),
                ("reason", "missing"),
                ("expiresAt", "wrongFormat"),
                ("allowNegative", "wrongType"),
            ],
        ),
    ] {
        let answer = world.operator.send(method.clone(), path, &key, body.clone()).await;
        assert_eq!(named(answer), pairs(errors), "{method} {path} {body}");
    }
}

#[tokio::test]
async fn a_code_distinguishes_the_causes_of_a_conflict() {
    let world = world().await;
    let again = json!({ "accountId": "a", "name": "another", "currency": "EUR" });
    let on = json!({ "enabled": true, "triggerAmount": "60", "rechargeAmount": "50" });
    let put = async |account: &str, body: &Value| {
        let path = format!("/v1/accounts/{account}/auto-recharge");
        world.operator.send(Method::PUT, &path, &[], body.clone()).await
    };
    let bare = json!({ "accountId": "bare", "name": "b", "currency": "EUR" });
    world.operator.post("/v1/accounts", bare).await.expect(201);
    let card = json!({ "amount": "50.00", "paymentMethod": "pm_card_visa" });
    for (answer, code) in [
        (world.operator.post("/v1/accounts", again).await, "accountIdTaken"),
        (world.operator.buy("a", "k", json!({ "amount": "50.00" })).await, "idempotencyKeyReused"),
        (world.operator.buy("later", "k", card).await, "postUsageAccount"),
        (put("later", &on).await, "postUsageAccount"),
        (put("bare", &on).await, "noPaymentMethod"),
        (
            world.operator.post("/v1/accounts/bare/payment-method/setup", json!({ "backup": true })).await,
            "noPaymentMethod",
        ),
        (
            world.operator.adjust("a", "n", json!({ "amount": "-101", "reason": "r" })).await,
            "beyondAvailable",
        ),
        (world.operator.post("/v1/accounts/a/auto-recharge/resume", Value::Null).await, "nothingToResume"),
    ] {
        assert_eq!(answer.problem(409)["code"], code);
    }
    world.operator.debit("a", &[rated("r", NOW, "1")]).await.expect(200);
    let other = world.operator.debit("a", &[rated("r", NOW, "2"), json!({})]).await.expect(200);
    let codes: Vec<_> = list(&other, "results").iter().map(|result| &result["problem"]["code"]).collect();
    assert_eq!(codes, ["recordConflict", "invalid"]);
}

#[tokio::test]
async fn another_content_type_than_json_is_refused_everywhere() {
    let world = world().await;
    for (method, path, body) in [
        (Method::POST, "/v1/accounts", json!({ "accountId": "new", "name": "n", "currency": "EUR" })),
        (Method::PATCH, "/v1/accounts/a", json!({ "name": "n" })),
        (Method::PUT, "/v1/accounts/a/auto-recharge", json!({ "enabled": false })),
        (Method::PUT, "/v1/accounts/a/payment-method", json!({ "paymentMethod": "pm_card_visa" })),
        (Method::POST, "/v1/accounts/a/payment-method/setup", json!({ "backup": true })),
        (Method::POST, "/v1/accounts/a/purchases", json!({ "amount": "50.00" })),
        (Method::POST, "/v1/accounts/a/adjustments", json!({ "amount": "5.00", "reason": "r" })),
        (Method::POST, "/v1/accounts/a/debits", json!({ "records": [rated("x", NOW, "1")] })),
    ] {
        for content_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""] {
            let headers = [("content-type", content_type), ("idempotency-key", "new")];
            let answer = world.operator.send_text(method.clone(), path, &headers, body.to_string()).await;
            assert_eq!(
                named(answer),
                pairs(&[("Content-Type", "unsupportedContentType")]),
                "{path} {content_type}"
            );
        }
        for headers in [
            &[("content-type", "Application/JSON; charset=utf-8"), ("idempotency-key", "new")][..],
            &[("idempotency-key", "new")],
        ] {
            let answer = world.operator.send_text(method.clone(), path, headers, body.to_string()).await;
            assert!(matches!(answer.status, 200 | 201 | 409), "{path} {headers:?}: {}", answer.body);
        }
    }
}

#[tokio::test]
async fn a_parameter_that_is_unknown_repeated_or_empty_is_refused() {
    let world = world().await;
    for (path, errors) in [
        ("/v1/accounts?colour=blue", &[("colour", "unknown")][..]),
        ("/v1/accounts/a?limit=1", &[("limit", "unknown")]),
        ("/v1/accounts/a/lots?kind=usage&to=x", &[("kind", "unknown"), ("to", "unknown")]),
        ("/v1/accounts?limit=1&limit=2", &[("limit", "repeated")]),
        ("/v1/accounts?limit=", &[("limit", "wrongFormat")]),
        ("/v1/accounts?limit=0", &[("limit", "outOfRange")]),
        ("/v1/accounts?cursor=&limit=x", &[("cursor", "wrongFormat"), ("limit", "wrongFormat")]),
        (
            "/v1/accounts/a/transactions?kind=&from=yesterday&to=&limit=101",
            &[
                ("kind", "notAllowed"),
                ("from", "wrongFormat"),
                ("to", "wrongFormat"),
                ("limit", "outOfRange"),
            ],
        ),
        (
            "/v1/accounts/a/transactions?transactionId=x&kind=usage&limit=1",
            &[("kind", "notAllowed"), ("limit", "notAllowed")],
        ),
        (
            "/v1/accounts/a/transactions?recordId=%C3%A9&revision=0&from=2026-01-01T00:00:00Z",
            &[
                ("recordId", "wrongFormat"),
                ("startedAt", "missing"),
                ("revision", "outOfRange"),
                ("from", "notAllowed"),
            ],
        ),
        ("/v1/accounts/a/transactions?startedAt=2026-01-01T00:00:00Z", &[("startedAt", "notAllowed")]),
        ("/v1/accounts/a/transactions?transactionId=", &[("transactionId", "wrongFormat")]),
        (
            "/v1/rates?service=fax&number=",
            &[("service", "notAllowed"), ("number", "wrongFormat"), ("currency", "missing")],
        ),
        (
            "/v1/rates/list?service=fax&currency=XAU&country=fr&cursor=&limit=5001",
            &[
                ("service", "notAllowed"),
                ("currency", "notAllowed"),
                ("country", "wrongFormat"),
                ("cursor", "wrongFormat"),
                ("limit", "outOfRange"),
            ],
        ),
        ("/v1/accounts/a/usage/x?revision=one", &[("startedAt", "missing"), ("revision", "wrongFormat")]),
    ] {
        assert_eq!(named(world.operator.get(path).await), pairs(errors), "{path}");
    }
    let debits = "/v1/accounts/a/debits?rate=all&keepRejects=true";
    let answer = world.operator.post(debits, json!({ "records": [rated("x", NOW, "1")] })).await;
    assert_eq!(named(answer), pairs(&[("keepRejects", "unknown")]));
}

#[tokio::test]
async fn a_change_to_null_removes_a_value_or_is_refused() {
    let world = world().await;
    let patch = async |body: Value| world.operator.send(Method::PATCH, "/v1/accounts/a", &[], body).await;
    let set =
        json!({ "poNumber": "PO-7", "lowBalanceAmount": "20.00", "notificationEmails": ["a@example.com"] });
    patch(set).await.expect(200);
    for field in ["name", "locale", "notificationEmails"] {
        assert_eq!(named(patch(json!({ field: null })).await), pairs(&[(field, "missing")]));
    }
    let same = patch(json!({})).await.expect(200);
    assert_eq!((&same["poNumber"], &same["lowBalanceAmount"]), (&json!("PO-7"), &json!("20.0000")));
    let cleared = patch(json!({ "poNumber": null, "lowBalanceAmount": null })).await.expect(200);
    assert_eq!((cleared.get("poNumber"), cleared.get("lowBalanceAmount")), (None, None));
    assert_eq!(cleared["notificationEmails"], json!(["a@example.com"]));
}

#[tokio::test]
async fn a_transaction_is_read_by_its_id_or_by_that_of_its_record() {
    let world = world().await;
    let strange = "1835317186/112562680?a=b&c=%2F+d@61.221.3.176";
    world.operator.debit("a", &[rated(strange, NOW, "1.00"), rated("b", NOW, "2.00")]).await.expect(200);
    let get = async |query: &[(&str, &str)]| {
        let query: Vec<_> =
            query.iter().map(|(name, value)| format!("{name}={}", percent_encoded(value))).collect();
        let path = format!("/v1/accounts/a/transactions?{}", query.join("&"));
        let page = world.client("platform", &["a"]).get(&path).await.expect(200);
        assert!(page.get("next").is_none(), "{page}");
        list(&page, "transactions").to_vec()
    };
    let all = world.operator.transactions("a").await;
    let of_strange: Vec<_> = all.iter().filter(|row| row["recordId"] == strange).cloned().collect();
    assert_eq!(of_strange.len(), 1);
    assert_eq!(get(&[("recordId", strange), ("startedAt", NOW)]).await, of_strange);
    assert_eq!(get(&[("recordId", strange), ("startedAt", NOW), ("revision", "1")]).await, of_strange);
    assert_eq!(get(&[("recordId", strange), ("startedAt", NOW), ("revision", "2")]).await, [] as [Value; 0]);
    let id = of_strange[0]["transactionId"].as_str().unwrap();
    assert_eq!(get(&[("transactionId", id)]).await, of_strange);
    assert_eq!(get(&[("transactionId", "nothing")]).await, [] as [Value; 0]);

    // The purchase exists, but a platform may not read it.
    let purchase = all.iter().find(|row| row["kind"] == "purchase").unwrap();
    let id = purchase["transactionId"].as_str().unwrap();
    assert_eq!(get(&[("transactionId", id)]).await, [] as [Value; 0]);
    let path = format!("/v1/accounts/a/transactions?transactionId={}", percent_encoded(id));
    let page = world.operator.get(&path).await.expect(200);
    assert_eq!(list(&page, "transactions"), std::slice::from_ref(purchase));
    world.client("viewer", &["b"]).get(&path).await.problem(404);
    let none = "/v1/accounts/none/transactions?transactionId=x";
    world.operator.get(none).await.problem(404);
}

/// A value of a query, with every character but letters and digits percent-encoded.
fn percent_encoded(text: &str) -> String {
    let byte = |byte: u8| {
        if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    text.bytes().map(byte).collect()
}

#[tokio::test]
async fn a_platform_reads_the_rejections_of_its_own_messages_and_no_other_listing() {
    let world = world().await;
    let bad = json!({ "accountId": "a", "records": [{ "id": "bad", "service": "fax" }] });
    send(&world.operator, &bad).await;
    world.drain().await;
    let platform = world.client("platform", &["a"]);
    let path = "/v1/accounts/a/transactions";
    let rejected = platform.get(&format!("{path}?kind=rejected")).await.expect(200);
    let row = &list(&rejected, "transactions")[0];
    assert_eq!((&row["kind"], &row["recordId"]), (&json!("rejected"), &json!("bad")));
    assert_eq!(row["rejection"]["problem"]["code"], "invalid");
    let id = percent_encoded(row["transactionId"].as_str().unwrap());
    let alone = platform.get(&format!("{path}?transactionId={id}")).await.expect(200);
    assert_eq!(list(&alone, "transactions"), std::slice::from_ref(row));
    for query in ["", "?kind=usage", "?kind=purchase"] {
        assert_eq!(platform.get(&format!("{path}{query}")).await.problem(403)["code"], "forbidden");
    }
    world.client("platform", &["b"]).get(&format!("{path}?kind=rejected")).await.problem(404);
}

#[tokio::test]
async fn instants_of_every_answer_sort_as_text() {
    let world = world().await;
    for (index, millisecond) in ["", ".5", ".05", ".120", ".1"].into_iter().enumerate() {
        world.set_time(&format!("2026-11-22T12:00:01{millisecond}Z"));
        world.operator.buy("a", &format!("k{index}"), json!({ "amount": "50.00" })).await.expect(201);
    }
    let unrated = call("u", NOW, "+9990001234", 60);
    world.operator.debit("a", &[call("r", NOW, "+33123456789", 60), unrated]).await.expect(200);
    let rows = world.operator.transactions("a").await;
    let at: Vec<_> = rows.iter().map(|row| row["at"].as_str().unwrap()).collect();
    assert!(at.is_sorted_by(|newer, older| newer >= older), "{at:?}");
    let mut instants = 0;
    for path in [
        "/v1/accounts",
        "/v1/accounts/a/lots",
        "/v1/accounts/a/purchases",
        "/v1/accounts/a/transactions",
        "/v1/accounts/a/statement?from=2026-11-22&to=2026-11-22",
        "/v1/unrated",
        "/v1/rates?service=userOut&number=33123456789&currency=EUR",
        "/v1/rates/list?limit=3",
        "/v1/accounts/a/usage",
    ] {
        each_text(&world.operator.get(path).await.expect(200), &mut |name, text| {
            let is_instant = text.parse::<Timestamp>().is_ok();
            assert_eq!(
                is_instant,
                name.ends_with("At") || ["at", "asOf", "effectiveFrom", "until"].contains(&name)
            );
            if is_instant {
                instants += 1;
                assert_eq!(text.len(), "2026-11-22T12:00:01.000Z".len(), "{path} {name}: {text}");
            }
        });
    }
    assert!(instants > 20);
}

/// Calls `see` with every text of an answer and the name of its field.
fn each_text(value: &Value, see: &mut impl FnMut(&str, &str)) {
    match value {
        Value::Array(elements) => elements.iter().for_each(|element| each_text(element, see)),
        Value::Object(fields) => {
            for (name, value) in fields {
                if let Value::String(text) = value {
                    see(name, text);
                }
                each_text(value, see);
            }
        }
        _ => {}
    }
}

#[tokio::test]
async fn a1_a_new_account_has_a_currency_in_use() {
    let world = World::start().await;
    let create = async |currency: &str| {
        let account = json!({ "accountId": currency, "name": "n", "currency": currency });
        world.operator.post("/v1/accounts", account).await
    };
    for currency in ["HRK", "CUC", "SLL", "BGN", "ZWL", "CHE", "CLF", "USN", "XAD"] {
        assert_eq!(named(create(currency).await), pairs(&[("currency", "currencyNotInUse")]), "{currency}");
    }
    for currency in ["EUR", "USD", "JPY", "KWD", "VES", "VED", "SLE", "XOF", "XCD", "XPF", "CUP", "ZWG"] {
        create(currency).await.expect(201);
    }
}

#[tokio::test]
async fn armed_faults_are_listed_until_they_occur() {
    let world = World::start().await;
    let armed = async || world.operator.get("/_local/faults").await.expect(200);
    assert_eq!(armed().await, json!({ "faults": [] }));
    let fault = json!({ "target": "mail", "kind": "lostReply", "count": 2, "skip": 1 });
    world.operator.post("/_local/faults", fault.clone()).await.expect(204);
    world.faults().arm(Fault { target: Some(Target::Processor), kind: Kind::Down, skip: 0, count: 1 });
    let down = json!({ "target": "processor", "kind": "down", "skip": 0, "count": 1 });
    assert_eq!(armed().await, json!({ "faults": [fault, down] }));
    let account = json!({ "accountId": "a", "name": "a", "currency": "EUR" });
    world.operator.post("/v1/accounts", account).await.expect(201);
    let card = json!({ "paymentMethod": "pm_card_visa" });
    world.operator.send(Method::PUT, "/v1/accounts/a/payment-method", &[], card).await.problem(503);
    assert_eq!(armed().await, json!({ "faults": [fault] }));
    world.operator.send(Method::DELETE, "/_local/faults", &[], Value::Null).await.expect(204);
    assert_eq!(armed().await, json!({ "faults": [] }));
}

/// The host knows every field that the document lists for a JSON body.
#[tokio::test]
async fn the_fields_of_bodies_are_those_of_the_document() {
    let world = world().await;
    let document = world.operator.get("/openapi.json").await.expect(200);
    let mut seen = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            let Some(name) = schema["$ref"].as_str().and_then(|reference| reference.rsplit('/').next())
            else {
                continue;
            };
            if name == "Records" {
                continue; // The fields of records are tested in crate `cdr`, which reads them.
            }
            let properties = document["components"]["schemas"][name]["properties"].as_object().unwrap();
            // No field may be an object, so the problem names each known field as having the wrong type.
            let mut body: Map<_, _> = properties.keys().map(|name| (name.clone(), json!({}))).collect();
            body.insert("notOfTheDocument".into(), json!({}));
            let method: Method = method.to_uppercase().parse().unwrap();
            let path = path.replace("{id}", "a").replace("{recordId}", "r").replace("{purchaseId}", "pur_1");
            let path = if path.ends_with("/reversals") { format!("{path}?reason=test") } else { path };
            let answer = world.operator.send(method, &path, &[("idempotency-key", "x")], body.into()).await;
            let mut errors = named(answer);
            errors.sort();
            let mut expected: Vec<_> = properties.keys().map(|name| (name.as_str(), "wrongType")).collect();
            expected.push(("notOfTheDocument", "unknown"));
            expected.sort_unstable();
            assert_eq!(errors, pairs(&expected), "{path}");
            seen += 1;
        }
    }
    assert_eq!(seen, 17);
}
