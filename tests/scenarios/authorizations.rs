//! May a call start: authorizations, their holds, and spending limits (C1 to C4).

use std::collections::HashMap;
use std::sync::Arc;

use aws_sdk_dynamodb::types::AttributeValue;
use futures_util::future::join_all;
use local::faults::{Fault, Kind, Target};
use reqwest::Method;
use rust_decimal::Decimal;
use scenarios::{Answer, Api, World, call, decimal, list};
use serde_json::{Value, json};
use store::{Store, Tables};

use crate::reconcile::{tables, text};

const NOW: &str = "2026-11-22T12:00:00Z";
const NUMBER: &str = "+33123456789";

/// An account with these funds.
async fn world(funds: &str) -> World {
    let world = World::start().await;
    world.set_time(NOW);
    world.account("a").await;
    let gift = json!({ "amount": funds, "reason": "gift", "expiresAt": "2027-11-22T00:00:00Z" });
    world.operator.adjust("a", "funds", gift).await.expect(201);
    world
}

fn request(call_id: &str, seconds: u32) -> Value {
    json!({ "callId": call_id, "service": "userOut", "number": NUMBER, "maxDurationSeconds": seconds })
}

async fn ask(world: &World, request: Value) -> Answer {
    world.operator.post("/v1/accounts/a/authorizations", request).await
}

async fn allowed(world: &World, request: Value) -> Value {
    let answer = ask(world, request).await.expect(200);
    assert_eq!(
        (&answer["allowed"], &answer["reason"], &answer["sipStatus"]),
        (&json!(true), &Value::Null, &Value::Null),
        "{answer}"
    );
    answer
}

#[track_caller]
fn assert_refused(answer: &Value, reason: &str, sip_status: u16) {
    let found = (&answer["allowed"], &answer["reason"], &answer["sipStatus"], &answer["maxDurationSeconds"]);
    assert_eq!(found, (&json!(false), &json!(reason), &json!(sip_status), &json!(0)), "{answer}");
    assert_eq!(answer["holdId"], Value::Null);
}

async fn held(world: &World) -> Decimal {
    decimal(&world.operator.account("a").await["held"])
}

fn number(text: &str) -> Decimal {
    text.parse().unwrap()
}

async fn extend(world: &World, hold: &Value, seconds: u32) -> Answer {
    let path = format!("/v1/accounts/a/authorizations/{}", hold.as_str().unwrap());
    world.operator.send(Method::PUT, &path, &[], json!({ "maxDurationSeconds": seconds })).await
}

async fn release(world: &World, what: &str) {
    let path = format!("/v1/accounts/a/authorizations{what}");
    world.operator.send(Method::DELETE, &path, &[], Value::Null).await.expect(204);
}

/// The record of a call that began at [`NOW`].
fn record(id: &str, call_id: &str, seconds: u32) -> Value {
    let mut record = call(id, NOW, NUMBER, seconds);
    record["callId"] = json!(call_id);
    record
}

async fn debit(world: &World, record: Value) -> Value {
    let answer = world.operator.debit("a", &[record]).await.expect(200);
    list(&answer, "results")[0].clone()
}

async fn assert_no_findings(world: &World) {
    let summary = world.operator.post("/_local/run/reconcile", Value::Null).await.expect(200);
    assert_eq!(summary["findings"], json!([]), "{summary}");
}

/// The price of a minute to France at the sample rates, which have no connection fee.
async fn price(world: &World) -> Decimal {
    let path = "/v1/rates?service=userOut&number=33123456789&currency=EUR";
    let rate = &world.operator.get(path).await.expect(200)["rate"];
    assert_eq!((&rate["connectionFee"], &rate["firstIncrement"]), (&json!("0.0000"), &json!(60)));
    decimal(&rate["perMinute"])
}

/// An account with funds for so many minutes.
async fn for_minutes(minutes: u32) -> (World, Decimal) {
    let price = price(&World::start().await).await;
    (world(&(price * Decimal::from(minutes)).to_string()).await, price)
}

#[tokio::test]
async fn c1_a_call_is_authorized_and_its_record_ends_the_hold() {
    let (world, price) = for_minutes(10).await;
    let answer = allowed(&world, request("call", 300)).await;
    assert_eq!((&answer["maxDurationSeconds"], &answer["service"]), (&json!(298), &json!("userOut")));
    assert_eq!((&answer["currency"], &answer["rate"]["destination"]), (&json!("EUR"), &json!("France")));
    let account = world.operator.account("a").await;
    assert_eq!(decimal(&account["held"]), price * number("5"));
    assert_eq!((&answer["available"], &account["available"]), (&account["balance"], &account["balance"]));
    // The same request gets the same answer, and nothing is written.
    assert_eq!(allowed(&world, request("call", 300)).await, answer);
    assert_eq!(world.operator.account("a").await, account);

    world.set_time("2026-11-22T12:04:58Z");
    let mut named = record("r", "another id", 298);
    named["holdId"] = answer["holdId"].clone();
    assert_eq!(debit(&world, named.clone()).await["status"], "accepted");
    assert_eq!(held(&world).await, number("0"));
    assert_eq!(debit(&world, named).await["status"], "duplicate");
    let account = world.operator.account("a").await;
    assert_eq!(decimal(&account["balance"]), price * number("5"));
    world.operator.assert_books_balance("a").await;
    assert_no_findings(&world).await;
}

#[tokio::test]
async fn c1_a_request_is_not_refused_because_of_its_own_hold() {
    let (world, _) = for_minutes(2).await;
    let first = allowed(&world, request("c", 3_600)).await;
    assert_eq!(first["maxDurationSeconds"], 118);
    assert_eq!(allowed(&world, request("c", 3_600)).await, first);
    assert_eq!(ask_process(&world, &process(&world), &request("c", 3_600)).await.expect(200), first);
    // Another request for the leg is an extension, which funds do not pay for.
    let longer = ask(&world, request("c", 3_000)).await.expect(200);
    let found = [&longer["allowed"], &longer["maxDurationSeconds"], &longer["holdId"]];
    assert_eq!(found, [&json!(false), &json!(118), &first["holdId"]]);
    // With funds, the first request sent again is granted more.
    let gift = json!({ "amount": "10", "reason": "gift", "expiresAt": "2027-11-22T00:00:00Z" });
    world.operator.adjust("a", "more", gift).await.expect(201);
    assert_eq!(allowed(&world, request("c", 3_600)).await["maxDurationSeconds"], 3_598);
    assert_no_findings(&world).await;
}

#[tokio::test]
async fn c2_a_request_for_the_leg_of_another_user_extends_nothing() {
    let (world, price) = for_minutes(1_000).await;
    let limit = json!({ "perUserMonthly": (price * number("2")).to_string() });
    set_limits(&world, limit).await.expect(200);
    let first = allowed(&world, of_user("ada", request("c", 3_600))).await;
    assert_eq!(first["maxDurationSeconds"], 118);
    for other in [of_user("bob", request("c", 7_200)), request("c", 7_200)] {
        assert_eq!(allowed(&world, other).await, first);
    }
}

#[tokio::test]
async fn a_margin_that_another_process_has_set_is_heeded() {
    let (world, _) = for_minutes(100).await;
    let process = process(&world);
    ask_process(&world, &process, &request("warm", 60)).await.expect(200);
    set_limits(&world, json!({ "marginSeconds": 60 })).await.expect(200);
    let problem = ask_process(&world, &process, &request("c", 60)).await.problem(422);
    assert_eq!(problem["errors"][0]["field"], "maxDurationSeconds");
    set_limits(&world, json!({ "marginSeconds": 0 })).await.expect(200);
    assert_eq!(ask_process(&world, &process, &request("c", 60)).await.expect(200)["maxDurationSeconds"], 60);
}

#[tokio::test]
async fn c1_without_a_hold_id_the_record_of_the_leg_ends_the_hold() {
    let (world, price) = for_minutes(100).await;
    // A UUID is the same in capitals and small letters (S2).
    let id = "0F8FAD5B-D9CB-469F-A165-70867728950E";
    allowed(&world, request(id, 60)).await;
    allowed(&world, json!({ "callId": id, "direction": "outbound", "number": "+4930123456" })).await;
    let other = held(&world).await - price;
    assert_eq!(debit(&world, record("r", &id.to_lowercase(), 30)).await["status"], "accepted");
    assert_eq!(held(&world).await, other, "the other leg is still held");
    // Records of reports end no hold.
    let row = json!({
        "id": "row", "callId": id.to_lowercase(), "userId": "u", "callType": "user_out", "calleeNumber": "+4930123456",
        "startDateTime": NOW, "duration": 10, "charge": 0.01, "currency": "EUR",
    });
    let page = json!({ "value": [row] }).to_string();
    let answer = world.operator.debit_file("a", "", "application/vnd.microsoft.graph+json", page).await;
    assert_eq!(answer.expect(200)["accepted"], 1);
    assert_eq!(held(&world).await, other);
    // A record without a rate ends its hold, too.
    let mut unrated = record("unrated", "elsewhere", 30);
    unrated["number"] = json!("+9990001234");
    unrated["holdId"] = allowed(&world, request("one-more", 60)).await["holdId"].clone();
    assert_eq!(held(&world).await, other + price);
    assert_eq!(debit(&world, unrated).await["status"], "unrated");
    assert_eq!(held(&world).await, other);
    assert_no_findings(&world).await;
}

#[tokio::test]
async fn c4_a_call_is_extended_to_a_total() {
    let (world, price) = for_minutes(7).await;
    let first = allowed(&world, request("call", 60)).await;
    let hold = &first["holdId"];
    world.set_time("2026-11-22T12:00:50Z");
    let longer = extend(&world, hold, 300).await.expect(200);
    assert_eq!((&longer["maxDurationSeconds"], &longer["holdId"]), (&json!(298), hold));
    assert_eq!(extend(&world, hold, 300).await.expect(200), longer);
    assert_eq!(held(&world).await, price * number("5"));
    // What funds do not pay for is refused, and what was granted stays.
    assert_eq!(extend(&world, hold, 3_600).await.expect(200)["maxDurationSeconds"], 418);
    let refused = extend(&world, hold, 3_000).await.expect(200);
    let found = [&refused["allowed"], &refused["reason"], &refused["maxDurationSeconds"], &refused["holdId"]];
    assert_eq!(found, [&json!(false), &json!("insufficientFunds"), &json!(418), hold]);
    // With further funds, it goes on. A request for the same leg is an extension, too.
    let gift = json!({ "amount": "10", "reason": "gift", "expiresAt": "2027-11-22T00:00:00Z" });
    world.operator.adjust("a", "more", gift).await.expect(201);
    let longer = allowed(&world, request("call", 3_000)).await;
    assert_eq!((&longer["maxDurationSeconds"], &longer["holdId"]), (&json!(2_998), hold));
    assert_no_findings(&world).await;

    release(&world, &format!("/{}", hold.as_str().unwrap())).await;
    assert_eq!(held(&world).await, number("0"));
    let gone = extend(&world, hold, 3_100).await.problem(404);
    assert_eq!(gone["code"], "notFound");
    for foreign in ["hold_1", "no-hold", "hold_ffffffffffffffffffffffffffffffffffff1"] {
        extend(&world, &json!(foreign), 60).await.problem(404);
        release(&world, &format!("/{foreign}")).await;
    }
    // Asked again, it is another hold. The id of the old one neither extends nor releases it.
    let second = allowed(&world, request("call", 60)).await;
    assert_ne!(second["holdId"], first["holdId"]);
    extend(&world, hold, 3_100).await.problem(404);
    release(&world, &format!("/{}", hold.as_str().unwrap())).await;
    assert_eq!(held(&world).await, price);
}

#[tokio::test]
async fn c4_holds_are_released_by_call_and_by_switch() {
    let (world, price) = for_minutes(500).await;
    let of = |call: &str, node: &str, number: &str| json!({ "callId": call, "node": node, "service": "userOut", "number": number, "maxDurationSeconds": 60 });
    for call in 0..120 {
        allowed(&world, of(&format!("call-{call}"), if call % 4 == 0 { "sbc-2" } else { "sbc-1" }, NUMBER))
            .await;
    }
    allowed(&world, of("call-0", "sbc-3", "+33123456780")).await;
    assert_eq!(held(&world).await, price * number("121"));
    release(&world, "?callId=call-0").await;
    release(&world, "?callId=call-0").await;
    assert_eq!(held(&world).await, price * number("119"), "both legs are released");
    release(&world, "?node=sbc-1").await;
    assert_eq!(held(&world).await, price * number("29"));
    // A call of that switch goes on, and its record comes. It is charged for, and ends no other hold.
    assert_eq!(debit(&world, record("r", "call-1", 60)).await["status"], "accepted");
    release(&world, "?node=sbc-1").await;
    release(&world, "?node=nobody").await;
    assert_eq!(held(&world).await, price * number("29"));
    for (query, field) in [("", "callId"), ("?callId=a&node=b", "node"), ("?call=a", "call")] {
        let path = format!("/v1/accounts/a/authorizations{query}");
        let problem = world.operator.send(Method::DELETE, &path, &[], Value::Null).await.problem(422);
        assert_eq!(problem["errors"][0]["field"], field, "{query}");
    }
    assert_no_findings(&world).await;
}

#[tokio::test]
async fn c1_a_hold_whose_record_never_comes_frees_itself() {
    let (world, price) = for_minutes(1).await;
    let first = allowed(&world, request("call", 60)).await;
    assert_refused(&ask(&world, request("other", 60)).await.expect(200), "insufficientFunds", 402);
    // 12:00:58, 15 minutes, and up to the next five.
    world.set_time("2026-11-22T12:19:59.999Z");
    assert_eq!(held(&world).await, price);
    world.set_time("2026-11-22T12:20:00Z");
    assert_eq!(held(&world).await, number("0"), "and no schedule has run");
    assert_no_findings(&world).await;
    extend(&world, &first["holdId"], 120).await.problem(404);
    let clear = async || {
        let parts = tables(&world).query().table_name("accounts");
        let parts = parts.key_condition_expression("accountId = :account AND begins_with(part, :hold)");
        let parts = parts.expression_attribute_values(":account", text("a"));
        let items = parts.expression_attribute_values(":hold", text("hold#")).send().await.unwrap();
        for item in items.items() {
            let delete = tables(&world).delete_item().table_name("accounts");
            let delete = delete.key("accountId", item["accountId"].clone()).key("part", item["part"].clone());
            delete.send().await.unwrap();
        }
    };
    // The item is still there, and does not stand in the way of another hold of the leg.
    let parts = tables(&world).query().table_name("accounts");
    let parts = parts.key_condition_expression("accountId = :account AND begins_with(part, :hold)");
    let parts = parts.expression_attribute_values(":account", text("a"));
    let items = parts.expression_attribute_values(":hold", text("hold#")).send().await.unwrap();
    let lapse = "2026-11-22T12:20:00Z".parse::<jiff::Timestamp>().unwrap().as_second();
    let expected = AttributeValue::N((lapse + 24 * 3_600).to_string());
    assert_eq!(items.items().iter().map(|item| &item["expiresAt"]).collect::<Vec<_>>(), [&expected]);
    allowed(&world, request("call", 60)).await;
    // The late record of the first call names the old hold. It is the same leg, so the hold of the leg ends.
    let mut late = record("late", "call", 60);
    late["holdId"] = first["holdId"].clone();
    assert_eq!(debit(&world, late).await["status"], "accepted");
    assert_eq!(held(&world).await, number("0"));
    assert_no_findings(&world).await;
    // DynamoDB deletes an item some time after its hold has lapsed.
    let gift = json!({ "amount": "10", "reason": "gift", "expiresAt": "2027-11-22T00:00:00Z" });
    world.operator.adjust("a", "more", gift).await.expect(201);
    allowed(&world, request("call", 60)).await;
    world.set_time("2026-11-24T12:00:00Z");
    clear().await;
    assert_no_findings(&world).await;
}

#[tokio::test]
async fn c1_which_service_a_direction_is_follows_from_the_number_called() {
    let world = world("1000").await;
    let service = async |direction: &str, number: &str| {
        let call = json!({ "callId": number, "direction": direction, "number": number });
        ask(&world, call).await.expect(200)["service"].clone()
    };
    assert_eq!(service("outbound", NUMBER).await, "userOut");
    assert_eq!(service("outbound", "+19005550123").await, "premium");
    assert_eq!(service("inbound", "+33123456789").await, "tollIn");
    assert_eq!(service("inbound", "+33800123456").await, "tollFreeIn");
}

#[tokio::test]
async fn c3_emergency_numbers_are_always_allowed_and_never_held() {
    let world = world("0.01").await;
    let of = |number: &str, country: Value| json!({ "callId": "c", "direction": "outbound", "number": number, "userCountry": country, "maxDurationSeconds": 1 });
    for (number, country) in
        [("112", Value::Null), ("15", json!("FR")), ("+3315", json!("FR")), ("911", json!("FR"))]
    {
        let answer = allowed(&world, of(number, country)).await;
        let found = (&answer["maxDurationSeconds"], &answer["holdId"], &answer["rate"]);
        assert_eq!(found, (&json!(86_400), &Value::Null, &Value::Null), "{number}");
    }
    let problem = ask(&world, of("1234", json!("FR"))).await.problem(422);
    assert_eq!(problem["errors"][0]["field"], "number");
    // A number that is called from outside is no emergency number.
    let inbound = json!({ "callId": "c", "direction": "inbound", "number": "112" });
    ask(&world, inbound).await.problem(422);
    assert_eq!(held(&world).await, number("0"));
}

#[tokio::test]
async fn what_may_not_start_says_why() {
    let world = world("0.01").await;
    world.drain().await;
    let before = world.operator.account("a").await;
    assert_refused(&ask(&world, request("c", 60)).await.expect(200), "insufficientFunds", 402);
    let mut nowhere = request("c", 60);
    nowhere["number"] = json!("+9990001234");
    assert_refused(&ask(&world, nowhere).await.expect(200), "noRate", 403);
    assert_eq!(world.operator.account("a").await, before, "nothing was written");
    world.operator.post("/v1/accounts/nobody/authorizations", request("c", 60)).await.problem(404);
}

#[tokio::test]
async fn wrong_fields_are_named() {
    let world = world("1").await;
    let with = |name: &str, value: Value| {
        let mut request = request("c", 60);
        request[name] = value;
        request
    };
    let mut without_service = request("c", 60);
    without_service.as_object_mut().unwrap().remove("service");
    for (request, field, code) in [
        (with("callId", json!("")), "callId", "missing"),
        (with("callId", json!("x".repeat(129))), "callId", "tooLong"),
        (with("callId", json!(7)), "callId", "wrongType"),
        (with("service", json!("fax")), "service", "notAllowed"),
        (with("direction", json!("inbound")), "direction", "notAllowed"),
        (without_service, "service", "missing"),
        (with("number", json!("0123")), "number", "wrongFormat"),
        (with("number", json!("anonymous")), "number", "wrongFormat"),
        (with("userCountry", json!("France")), "userCountry", "wrongFormat"),
        (with("maxDurationSeconds", json!(0)), "maxDurationSeconds", "outOfRange"),
        (with("maxDurationSeconds", json!(2)), "maxDurationSeconds", "outOfRange"),
        (with("maxDurationSeconds", json!(86_401)), "maxDurationSeconds", "outOfRange"),
        (with("maxDurationSeconds", json!("60")), "maxDurationSeconds", "wrongType"),
        (with("node", json!("x".repeat(65))), "node", "tooLong"),
        (with("from", json!("+33")), "from", "unknown"),
    ] {
        let problem = ask(&world, request).await.problem(422);
        let error = &problem["errors"][0];
        assert_eq!((&error["field"], &error["code"]), (&json!(field), &json!(code)), "{problem}");
    }
    let hold = &allowed(&world, request("c", 60)).await["holdId"];
    for seconds in [0, 2, 86_401] {
        let problem = extend(&world, hold, seconds).await.problem(422);
        assert_eq!(problem["errors"][0]["field"], "maxDurationSeconds");
    }
    assert_eq!(extend(&world, hold, 3).await.expect(200)["maxDurationSeconds"], 58);
}

async fn set_limits(world: &World, limits: Value) -> Answer {
    world.operator.send(Method::PUT, "/v1/accounts/a/limits", &[], limits).await
}

fn of_user(user: &str, mut value: Value) -> Value {
    value["userId"] = json!(user);
    value
}

#[tokio::test]
async fn c2_a_users_month_is_limited_by_charges_and_holds() {
    let (world, price) = for_minutes(1_000).await;
    debit(&world, of_user("ada", record("before", "-", 600))).await;
    world.set_time("2026-11-22T12:00:01Z");
    let limit = (price * number("10")).to_string();
    let account = set_limits(&world, json!({ "perUserMonthly": limit })).await.expect(200);
    let limits = &account["limits"];
    assert_eq!(
        (decimal(&limits["perUserMonthly"]), &limits["marginSeconds"]),
        (price * number("10"), &json!(2))
    );
    assert_eq!(limits["perDay"], Value::Null);

    // Five minutes are charged, also those of a call of last month, and two are held.
    let mut last_month = of_user("ada", record("october", "-", 120));
    last_month["startedAt"] = json!("2026-10-30T08:00:00Z");
    debit(&world, last_month).await;
    debit(&world, of_user("ada", record("r", "-", 180))).await;
    allowed(&world, of_user("ada", request("one", 120))).await;
    let rest = allowed(&world, of_user("ada", request("two", 3_600))).await;
    assert_eq!(rest["maxDurationSeconds"], 178);
    let refused = ask(&world, of_user("ada", request("three", 60))).await.expect(200);
    assert_refused(&refused, "limitReached", 403);
    // Others have a limit of their own, and calls of nobody have none.
    allowed(&world, of_user("bob", request("bobs", 60))).await;
    assert_eq!(allowed(&world, request("nobodys", 600)).await["maxDurationSeconds"], 598);

    // A hold that ends or lapses frees what it held. A debit is never refused.
    release(&world, "?callId=one").await;
    assert_eq!(allowed(&world, of_user("ada", request("three", 60))).await["maxDurationSeconds"], 58);
    debit(&world, of_user("ada", record("long", "two", 6_000))).await;
    let refused = ask(&world, of_user("ada", request("four", 60))).await.expect(200);
    assert_refused(&refused, "limitReached", 403);
    // A reversal in the same month takes off.
    let reversal = json!({ "startedAt": NOW, "reason": "a mistake" });
    world.operator.post("/v1/accounts/a/usage/long/reversal", reversal).await.expect(200);
    assert_eq!(allowed(&world, of_user("ada", request("four", 60))).await["maxDurationSeconds"], 58);
    assert_no_findings(&world).await;

    // With the next month, it begins anew. What is held goes on until it lapses.
    world.set_time("2026-12-01T00:00:00Z");
    assert_eq!(allowed(&world, of_user("ada", request("five", 600))).await["maxDurationSeconds"], 598);
    // What was held until instants that are over is forgotten.
    let parts = tables(&world).query().table_name("accounts");
    let parts = parts.key_condition_expression("accountId = :account AND begins_with(part, :user)");
    let parts = parts.expression_attribute_values(":account", text("a"));
    let users = parts.expression_attribute_values(":user", text("user#")).send().await.unwrap();
    let ada = users.items().iter().find(|item| item["userId"] == text("ada")).unwrap();
    assert_eq!(ada.keys().filter(|name| name.starts_with("held#")).count(), 1, "{ada:?}");
}

#[tokio::test]
async fn c2_a_day_of_the_account_is_limited() {
    let (world, price) = for_minutes(1_000).await;
    let limit = json!({ "perDay": (price * number("3")).to_string(), "marginSeconds": 0 });
    set_limits(&world, limit).await.expect(200);
    debit(&world, record("r", "-", 60)).await;
    let account = world.operator.account("a").await;
    assert_eq!(decimal(&account["limits"]["spentToday"]), price);
    assert_eq!(allowed(&world, request("one", 60)).await["maxDurationSeconds"], 60, "without a margin");
    assert_eq!(allowed(&world, request("two", 3_600)).await["maxDurationSeconds"], 60);
    assert_refused(&ask(&world, request("three", 60)).await.expect(200), "limitReached", 403);
    world.set_time("2026-11-23T00:00:00Z");
    assert_eq!(allowed(&world, request("three", 3_600)).await["maxDurationSeconds"], 180);
    let account = set_limits(&world, json!({})).await.expect(200);
    let limits = &account["limits"];
    assert_eq!((&limits["perDay"], &limits["marginSeconds"]), (&Value::Null, &json!(2)));
    allowed(&world, request("four", 3_600)).await;
    for (limits, field, code) in [
        (json!({ "perDay": "0" }), "perDay", "outOfRange"),
        (json!({ "perUserMonthly": "-1" }), "perUserMonthly", "outOfRange"),
        (json!({ "perUserMonthly": "0.00001" }), "perUserMonthly", "tooManyDecimals"),
        (json!({ "perDay": 5 }), "perDay", "wrongType"),
        (json!({ "marginSeconds": 61 }), "marginSeconds", "outOfRange"),
        (json!({ "perWeek": "5" }), "perWeek", "unknown"),
    ] {
        let problem = set_limits(&world, limits).await.problem(422);
        let error = &problem["errors"][0];
        assert_eq!((&error["field"], &error["code"]), (&json!(field), &json!(code)), "{problem}");
    }
}

#[tokio::test]
async fn s8_an_account_that_pays_after_use_gets_no_hold_without_a_limit() {
    let world = World::start().await;
    world.set_time(NOW);
    let account = json!({ "accountId": "a", "name": "A", "currency": "EUR", "billingModel": "postUsage" });
    world.operator.post("/v1/accounts", account).await.expect(201);
    let answer = allowed(&world, request("c", 3_600)).await;
    assert_eq!((&answer["maxDurationSeconds"], &answer["holdId"]), (&json!(3_600), &Value::Null));
    assert_eq!(world.operator.account("a").await["version"], 1);
    set_limits(&world, json!({ "perDay": "1000" })).await.expect(200);
    assert!(allowed(&world, request("c", 3_600)).await["holdId"].is_string());
    assert!(held(&world).await > Decimal::ZERO);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c1_of_300_calls_at_once_as_many_start_as_can_be_paid_for() {
    let (world, price) = for_minutes(100).await;
    // Where the machine is busy, a decision may come too late. A switch that gets no answer asks again.
    let decided = async |number: usize| loop {
        let answer = ask(&world, request(&number.to_string(), 60)).await;
        if answer.status != 503 {
            break answer.expect(200);
        }
    };
    let answers = join_all((0..300).map(decided)).await;
    let allowed = answers.iter().filter(|answer| answer["allowed"] == true).count();
    assert_eq!(allowed, 100);
    assert_eq!(held(&world).await, price * number("100"));
    assert_no_findings(&world).await;
}

/// The authorize function as a process of its own.
fn process(world: &World) -> authorize::Ports {
    let machine = world.host.machine();
    let client = world.host.database().client(&machine.faults);
    let rates = machine.functions.authorize_ports().rates.clone();
    authorize::Ports { store: Store::new(client, Tables::default()).into(), rates }
}

/// The same, whose calls are watched.
fn watched_process(world: &World) -> authorize::Ports {
    let client = world.host.database().watched_client(&world.host.machine().faults);
    authorize::Ports { store: Store::new(client, Tables::default()).into(), ..process(world) }
}

async fn ask_process(world: &World, process: &authorize::Ports, request: &Value) -> Answer {
    let json = json!({ "content-type": "application/json" });
    let event = world.event("POST", "authorizations", "a", &json, &request.to_string());
    Box::pin(authorize::handle(event, process)).await.into()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c1_processes_that_share_nothing_cannot_together_spend_more_than_there_is() {
    let (world, price) = for_minutes(100).await;
    let world = Arc::new(world);
    world.faults().arm(Fault { target: Some(Target::Database), kind: Kind::Conflict, skip: 7, count: 60 });
    let switches: Vec<_> = (0..20)
        .map(|number| {
            let world = world.clone();
            tokio::spawn(async move {
                let process = process(&world);
                let mut outcomes = Vec::new();
                for call in 0..15 {
                    let request = request(&format!("{number}-{call}"), 60);
                    // A switch that gets no answer asks again.
                    let answer = loop {
                        let answer = ask_process(&world, &process, &request).await;
                        if answer.status != 503 {
                            break answer.expect(200);
                        }
                    };
                    outcomes.push(answer["allowed"] == true);
                }
                outcomes
            })
        })
        .collect();
    let outcomes: Vec<bool> =
        join_all(switches).await.into_iter().flat_map(|outcomes| outcomes.expect("no panic")).collect();
    assert_eq!((outcomes.len(), outcomes.iter().filter(|allowed| **allowed).count()), (300, 100));
    assert_eq!(held(&world).await, price * number("100"));
    assert_no_findings(&world).await;
}

#[tokio::test]
async fn c1_without_a_decision_in_time_the_answer_is_503_and_the_same_request_goes_on() {
    let (world, price) = for_minutes(100).await;
    let process = process(&world);
    world.faults().arm(Fault { target: Some(Target::Database), kind: Kind::Conflict, skip: 0, count: 1_000 });
    let begun = std::time::Instant::now();
    let problem = ask_process(&world, &process, &request("c", 60)).await;
    println!("refused after {:?}", begun.elapsed());
    assert_eq!(problem.headers["retry-after"], "5");
    assert_eq!(problem.problem(503)["code"], "contended");
    world.faults().disarm();
    let answer = ask_process(&world, &process, &request("c", 60)).await.expect(200);
    assert_eq!((&answer["allowed"], held(&world).await), (&json!(true), price));
}

#[tokio::test]
async fn c1_a_lost_reply_does_not_hold_twice() {
    let (world, price) = for_minutes(100).await;
    allowed(&world, request("warm", 60)).await;
    world.fail(Fault { target: Some(Target::Database), kind: Kind::LostReply, skip: 0, count: 1 }).await;
    let answer = allowed(&world, request("c", 60)).await;
    assert_eq!(world.faults().armed().len(), 0);
    world.faults().disarm();
    assert_eq!(allowed(&world, request("c", 60)).await, answer);
    assert_eq!(held(&world).await, price * number("2"));
    assert_no_findings(&world).await;
}

/// What one process does in the life of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Ask,
    Extend,
    Release,
    Debit,
}

impl Step {
    const ALL: [Self; 4] = [Self::Ask, Self::Extend, Self::Release, Self::Debit];

    /// Does it in a process of its own, which knows nothing yet and whose calls are watched.
    async fn run(self, world: &World, hold: &str) -> u16 {
        let ports = watched_process(world);
        let json = json!({ "content-type": "application/json" });
        let about_hold = |method: &str, body: &str| {
            let mut event = world.event(method, "authorizations/{holdId}", "a", &json, body);
            event.path_parameters.insert("holdId".to_owned(), hold.to_owned());
            event
        };
        match self {
            Self::Ask => ask_process(world, &ports, &request("c", 60)).await.status,
            Self::Extend => {
                let event = about_hold("PUT", r#"{"maxDurationSeconds": 300}"#);
                Answer::from(Box::pin(authorize::handle(event, &ports)).await).status
            }
            Self::Release => {
                let event = about_hold("DELETE", "");
                Answer::from(Box::pin(authorize::handle(event, &ports)).await).status
            }
            Self::Debit => {
                let records = json!({ "records": [record("r", "c", 60)] }).to_string();
                let event = world.event("POST", "debits", "a", &json, &records);
                let until = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
                Answer::from(Box::pin(debit::handle(event, &world.debit_process(), until)).await).status
            }
        }
    }
}

#[tokio::test]
async fn c1_whatever_meets_in_the_life_of_a_call_it_is_charged_once_and_no_hold_is_left() {
    for first in Step::ALL {
        for second in Step::ALL {
            for calls in 0.. {
                let (world, price) = for_minutes(100).await;
                let hold = allowed(&world, request("c", 60)).await["holdId"].as_str().unwrap().to_owned();
                world.set_time("2026-11-22T12:00:30Z");
                let what = format!("{first:?} held back after {calls} calls for {second:?}");
                let mut work = std::pin::pin!(first.run(&world, &hold));
                let reached = world.run_to(calls, &mut work).await;
                let (status, is_over) = match reached {
                    Ok(status) => (status, true),
                    Err(pause) => {
                        let status = second.run(&world, &hold).await;
                        assert!([200, 204, 404].contains(&status), "{what}: {status}");
                        drop(pause);
                        (work.await, false)
                    }
                };
                assert!([200, 204, 404].contains(&status), "{what}: {status}");
                assert_no_findings(&world).await;
                // Whatever is left is released, and the record comes.
                Step::Debit.run(&world, &hold).await;
                let left = held(&world).await;
                release(&world, "?callId=c").await;
                assert_eq!(held(&world).await, Decimal::ZERO, "{what}");
                assert!(left.is_zero() || first == Step::Ask || second == Step::Ask, "{what} leaves {left}");
                let usage = world.operator.get("/v1/accounts/a/transactions?kind=usage").await.expect(200);
                let charged: Vec<_> =
                    list(&usage, "transactions").iter().map(|row| decimal(&row["amount"])).collect();
                assert_eq!(charged, [-price], "{what}");
                assert_no_findings(&world).await;
                if is_over {
                    break;
                }
            }
        }
    }
}

/// The hold may end between the look at the account and the look at the hold.
#[tokio::test]
async fn c1_a_request_is_not_refused_because_of_its_own_hold_that_ends_meanwhile() {
    for calls in 0.. {
        let (world, _) = for_minutes(2).await;
        assert_eq!(allowed(&world, request("c", 3_600)).await["maxDurationSeconds"], 118);
        let (process, again) = (watched_process(&world), request("c", 3_600));
        let mut asking = std::pin::pin!(ask_process(&world, &process, &again));
        let (answer, is_over) = match world.run_to(calls, &mut asking).await {
            Ok(answer) => (answer, true),
            Err(pause) => {
                release(&world, "?callId=c").await;
                drop(pause);
                (asking.await, false)
            }
        };
        let answer = answer.expect(200);
        let found = (&answer["allowed"], &answer["maxDurationSeconds"]);
        assert_eq!(found, (&json!(true), &json!(118)), "released before call {calls}: {answer}");
        assert_no_findings(&world).await;
        if is_over {
            assert!(calls > 2, "account, hold and commit are calls");
            break;
        }
    }
}

#[tokio::test]
async fn c1_a_process_that_knows_of_no_hold_ends_it_all_the_same() {
    let (world, _) = for_minutes(100).await;
    let process = world.debit_process();
    let json = json!({ "content-type": "application/json" });
    let charge = async |record: Value| {
        let event = world.event("POST", "debits", "a", &json, &json!({ "records": [record] }).to_string());
        let until = tokio::time::Instant::now() + std::time::Duration::from_secs(20);
        Answer::from(Box::pin(debit::handle(event, &process, until)).await).expect(200)
    };
    charge(record("warm", "-", 60)).await;
    allowed(&world, request("c", 60)).await;
    charge(record("r", "c", 60)).await;
    assert_eq!(held(&world).await, Decimal::ZERO);
    assert_no_findings(&world).await;
}

#[tokio::test]
async fn reconciling_finds_a_hold_that_the_account_does_not_count() {
    let (world, _) = for_minutes(100).await;
    allowed(&world, request("c", 60)).await;
    let parts = tables(&world).query().table_name("accounts");
    let parts = parts.key_condition_expression("accountId = :account AND begins_with(part, :hold)");
    let parts = parts.expression_attribute_values(":account", text("a"));
    let items = parts.expression_attribute_values(":hold", text("hold#")).send().await.unwrap();
    let mut other: HashMap<_, _> = items.items()[0].clone();
    other.insert("callId".into(), text("d"));
    other.insert("part".into(), text("hold#000000000000000000001111111111111111"));
    tables(&world).put_item().table_name("accounts").set_item(Some(other)).send().await.unwrap();
    let summary = world.operator.post("/_local/run/reconcile", Value::Null).await.expect(200);
    let finding = &summary["findings"][0];
    assert_eq!((&finding["finding"], &finding["rule"]), (&json!("held"), &json!("C1")), "{summary}");
}

/// Only those who stand for the network ask.
#[tokio::test]
async fn x1_an_organizations_people_do_not_authorize_calls() {
    let world = world("10").await;
    for role in ["admin", "viewer"] {
        let api: Api = world.client(role, &["a"]);
        api.post("/v1/accounts/a/authorizations", request("c", 60)).await.problem(403);
    }
    let platform = world.client("platform", &["a"]);
    platform.post("/v1/accounts/a/authorizations", request("c", 60)).await.expect(200);
}
