//! Invoices: months closed by whatever comes first, documents, reminders, paid and void (S8, N12, T3).

use std::collections::BTreeSet;

use api::ApiGatewayV2httpResponse;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use futures_util::future::join_all;
use local::faults::Kind;
use reqwest::Method;
use rust_decimal::Decimal;
use scenarios::{Answer, World, call, decimal, list, rated};
use serde_json::{Value, json};

/// An account that pays after use from November on, with a recipient.
async fn world() -> World {
    let world = World::start().await;
    world.set_time("2026-11-01T08:00:00Z");
    open(&world, "a").await;
    world
}

async fn open(world: &World, id: &str) {
    let body = json!({
        "accountId": id, "name": format!("{id} & Co"), "currency": "EUR", "billingModel": "postUsage",
        "notificationEmails": [format!("ada@{id}.example")],
    });
    world.operator.post("/v1/accounts", body).await.expect(201);
}

/// Charges a call that starts an hour before this instant, and is sent then.
async fn spend(world: &World, account: &str, now: &str, id: &str, charge: &str) {
    world.set_time(now);
    let start = now.parse::<jiff::Timestamp>().unwrap() - jiff::SignedDuration::from_hours(1);
    let answer = world.operator.debit(account, &[rated(id, &start.to_string(), charge)]).await.expect(200);
    assert_eq!(answer["accepted"], 1, "{answer}");
}

async fn run(world: &World, now: &str) -> Value {
    world.set_time(now);
    world.operator.post("/_local/run/invoice", Value::Null).await.expect(200)
}

async fn invoices(world: &World, account: &str) -> Vec<Value> {
    let page = world.operator.get(&format!("/v1/accounts/{account}/invoices")).await.expect(200);
    list(&page, "invoices").to_vec()
}

/// `number month carriedIn charges amount carriedOver` of each invoice, newest first.
async fn figures(world: &World, account: &str) -> Vec<String> {
    let text = |invoice: &Value, name: &str| invoice[name].as_str().unwrap().to_owned();
    let figures = |invoice: &Value| {
        let [month, carried_in, charges, amount, carried_over] =
            ["month", "carriedIn", "charges", "amount", "carriedOver"].map(|name| text(invoice, name));
        format!("{} {month} {carried_in} {charges} {amount} {carried_over}", invoice["number"])
    };
    invoices(world, account).await.iter().map(figures).collect()
}

async fn subjects(world: &World, account: &str) -> Vec<String> {
    world.drain().await;
    let mails = world.operator.get(&format!("/_local/mail?to=ada@{account}.example")).await.expect(200);
    mails.as_array().unwrap().iter().map(|mail| mail["subject"].as_str().unwrap().to_owned()).collect()
}

async fn assert_reconciled(world: &World) {
    let found = world.operator.post("/_local/run/reconcile", Value::Null).await.expect(200);
    assert_eq!(found["findings"], json!([]), "{found}");
}

async fn pay(world: &World, reference: &str, paid_at: &str) -> Answer {
    let body = json!({ "reference": reference, "paidAt": paid_at });
    world.operator.post("/v1/accounts/a/invoices/inv_2026-11/paid", body).await
}

async fn void(world: &World, reason: &str) -> Answer {
    let body = json!({ "reason": reason });
    world.operator.post("/v1/accounts/a/invoices/inv_2026-11/void", body).await
}

/// The rows of an invoice's CSV, over all its pages, without the head.
async fn csv(world: &World, invoice: &str) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    let mut query = String::new();
    loop {
        let path = format!("/v1/accounts/a/invoices/{invoice}{query}");
        let (headers, body) = world.operator.get_bytes_as(&path, "text/csv").await;
        let text = String::from_utf8(body).unwrap();
        let mut reader = csv::Reader::from_reader(text.trim_start_matches('\u{feff}').as_bytes());
        assert_eq!(reader.headers().unwrap().iter().next_back(), Some("postUsage"));
        rows.extend(reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect::<Vec<_>>()));
        let Some(link) = headers.get("link") else { return rows };
        let link = link.to_str().unwrap();
        link[1..link.find('>').unwrap()].clone_into(&mut query);
    }
}

fn sum(rows: &[Vec<String>]) -> Decimal {
    rows.iter().map(|row| row.last().unwrap().parse::<Decimal>().unwrap()).sum()
}

async fn pdf_text(world: &World, path: &str) -> String {
    let (headers, pdf) = world.operator.get_bytes_as(path, "application/pdf").await;
    assert_eq!(headers["content-type"], "application/pdf");
    let text = pdf_extract::extract_text_from_mem(&pdf).unwrap();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn v10_a_run_closes_the_month_and_a_repeat_changes_nothing() {
    let world = world().await;
    spend(&world, "a", "2026-11-10T12:00:00Z", "one", "10.0050").await;
    assert_eq!(run(&world, "2026-11-30T06:00:00Z").await["accounts"], 0, "nothing is due before the end");
    let first = run(&world, "2026-12-01T06:00:00Z").await;
    assert_eq!(first, json!({ "accounts": 1, "issued": 1, "reminded": 0 }));
    let again = run(&world, "2026-12-01T06:00:00Z").await;
    assert_eq!(again, json!({ "accounts": 0, "issued": 0, "reminded": 0 }));
    assert_eq!(figures(&world, "a").await, ["1 2026-11 0.0000 10.0050 10.0100 -0.0050"]);

    spend(&world, "a", "2026-12-10T12:00:00Z", "two", "0.0030").await;
    assert_eq!(run(&world, "2027-01-01T06:00:00Z").await["issued"], 0, "-0.0020 rounds to nothing");
    spend(&world, "a", "2027-01-10T12:00:00Z", "three", "5.0020").await;
    assert_eq!(run(&world, "2027-02-01T06:00:00Z").await["issued"], 1);
    let expected = ["2 2027-01 -0.0020 5.0020 5.0000 0.0000", "1 2026-11 0.0000 10.0050 10.0100 -0.0050"];
    assert_eq!(figures(&world, "a").await, expected);
    assert_eq!(
        subjects(&world, "a").await.iter().filter(|subject| subject.starts_with("Invoice 1 for")).count(),
        1
    );
    assert_reconciled(&world).await;
}

#[tokio::test]
async fn v11_a_month_of_less_than_nothing_is_carried_over() {
    let world = world().await;
    spend(&world, "a", "2026-11-10T12:00:00Z", "one", "6.7500").await;
    spend(&world, "a", "2026-11-11T12:00:00Z", "two", "3.2500").await;
    run(&world, "2026-12-01T06:00:00Z").await;
    let reversal = json!({ "startedAt": "2026-11-11T11:00:00Z", "reason": "a mistake" });
    world.set_time("2026-12-05T06:00:00Z");
    let reversed = world.operator.post("/v1/accounts/a/usage/two/reversal", reversal).await.expect(200);
    assert_eq!(reversed["postUsage"], "-3.2500");
    assert_eq!(run(&world, "2027-01-01T06:00:00Z").await["issued"], 0);
    spend(&world, "a", "2027-01-10T12:00:00Z", "three", "5").await;
    run(&world, "2027-02-01T06:00:00Z").await;
    let expected = ["2 2027-01 -3.2500 5.0000 1.7500 0.0000", "1 2026-11 0.0000 10.0000 10.0000 0.0000"];
    assert_eq!(figures(&world, "a").await, expected);
    assert_reconciled(&world).await;
}

#[tokio::test]
async fn s8_whatever_commit_comes_first_closes_the_month() {
    let world = world().await;
    let patch = json!({ "poNumber": "PO 7" });
    world.operator.send(Method::PATCH, "/v1/accounts/a", &[], patch).await.expect(200);
    spend(&world, "a", "2026-11-30T23:59:59.999Z", "last", "1.5").await;
    // The settings of the commit that closes a month are those of the next invoice.
    world.set_time("2026-12-01T00:00:00Z");
    let patch = json!({ "name": "Renamed", "poNumber": "PO 8", "paymentTermDays": 14 });
    let account = world.operator.send(Method::PATCH, "/v1/accounts/a", &[], patch).await.expect(200);
    assert_eq!(account["paymentTermDays"], 14);
    spend(&world, "a", "2026-12-01T00:00:00Z", "first", "2.25").await;
    spend(&world, "a", "2027-01-01T00:00:00Z", "next", "4").await;

    let [second, first] = &invoices(&world, "a").await[..] else { panic!("two invoices") };
    for (invoice, expected) in [
        (first, json!(["a & Co", "PO 7", "1.5000", "2026-12-01T00:00:00.000Z", "2026-12-31T23:59:59.999Z"])),
        (
            second,
            json!(["Renamed", "PO 8", "2.2500", "2027-01-01T00:00:00.000Z", "2027-01-15T23:59:59.999Z"]),
        ),
    ] {
        let shown = ["name", "poNumber", "amount", "issuedAt", "dueAt"].map(|name| &invoice[name]);
        assert_eq!(json!(shown), expected);
    }
    assert_eq!(run(&world, "2027-01-01T06:00:00Z").await["accounts"], 0);
    let rows = world.operator.get("/v1/accounts/a/transactions?kind=invoice").await.expect(200);
    assert_eq!(list(&rows, "transactions").len(), 2);
    assert_reconciled(&world).await;
}

#[tokio::test]
async fn s8_runs_at_once_with_debits_give_one_invoice_a_month() {
    let world = world().await;
    for (month, now) in
        ["2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z", "2027-02-01T00:00:00Z"].iter().enumerate()
    {
        let before = now.parse::<jiff::Timestamp>().unwrap() - jiff::SignedDuration::from_secs(1);
        spend(&world, "a", &before.to_string(), &format!("last-{month}"), "1").await;
        world.set_time(now);
        let run = async || drop(world.operator.post("/_local/run/invoice", Value::Null).await.expect(200));
        let debits = (0..6).map(|place| {
            let record = rated(&format!("c-{month}-{place}"), &before.to_string(), "0.50");
            let world = &world;
            async move { drop(world.operator.debit("a", &[record]).await.expect(200)) }
        });
        tokio::join!(run(), run(), join_all(debits));
    }
    world.drain().await;
    let expected = [
        "3 2027-01 0.0000 4.0000 4.0000 0.0000",
        "2 2026-12 0.0000 4.0000 4.0000 0.0000",
        "1 2026-11 0.0000 1.0000 1.0000 0.0000",
    ];
    assert_eq!(figures(&world, "a").await, expected);
    let subjects = subjects(&world, "a").await;
    let ready = subjects.iter().filter(|subject| subject.contains(" for ")).count();
    assert_eq!(ready, 3, "{subjects:?}");
    assert_reconciled(&world).await;
}

#[tokio::test]
async fn s8_a_run_that_is_disturbed_at_any_call_closes_the_month_once() {
    let world = World::start().await;
    for (round, kind) in
        [Kind::LostReply, Kind::Conflict, Kind::Throttle].into_iter().cycle().take(42).enumerate()
    {
        let id = format!("r{round}");
        world.set_time("2026-11-01T08:00:00Z");
        open(&world, &id).await;
        spend(&world, &id, "2026-11-10T12:00:00Z", "one", "3").await;
        world.drain().await;
        world.set_time("2026-12-01T06:00:00Z");
        world.arm(kind, round / 3, 1);
        // A run that fails leaves the account due, and the next one goes on.
        for _ in 0..2 {
            world.operator.post("/_local/run/invoice", Value::Null).await;
        }
        world.drain().await;
        assert_eq!(figures(&world, &id).await, ["1 2026-11 0.0000 3.0000 3.0000 0.0000"], "{kind:?} {round}");
        assert_eq!(subjects(&world, &id).await.len(), 1, "{kind:?} {round}");
    }
    assert_reconciled(&world).await;
}

#[tokio::test]
async fn s8_a_record_of_last_month_that_comes_late_is_on_the_next_invoice() {
    let world = world().await;
    spend(&world, "a", "2026-11-10T12:00:00Z", "one", "3").await;
    run(&world, "2026-12-01T06:00:00Z").await;
    let late = rated("late", "2026-11-09T10:00:00Z", "1.25");
    world.set_time("2026-12-20T06:00:00Z");
    world.operator.debit("a", &[late]).await.expect(200);
    run(&world, "2027-01-01T06:00:00Z").await;
    let expected = ["2 2026-12 0.0000 1.2500 1.2500 0.0000", "1 2026-11 0.0000 3.0000 3.0000 0.0000"];
    assert_eq!(figures(&world, "a").await, expected);
    for (invoice, ids) in [("inv_2026-11", ["one"]), ("inv_2026-12", ["late"])] {
        let rows = csv(&world, invoice).await;
        assert_eq!(rows.iter().map(|row| row[6].as_str()).collect::<Vec<_>>(), ids, "{invoice}");
        pdf_text(&world, &format!("/v1/accounts/a/invoices/{invoice}")).await;
    }
    // The opening balance of a statement does not move either.
    let path = "/v1/accounts/a/statement?from=2026-12-01&to=2026-12-31";
    let statement = world.operator.get(path).await.expect(200);
    assert_eq!(statement["opening"]["postUsage"], "3.0000");
    assert_eq!(statement["closing"]["postUsage"], "1.2500");
}

#[tokio::test]
async fn s8_the_documents_of_an_invoice_add_up() {
    let world = world().await;
    world.set_time("2026-11-10T12:00:00Z");
    let calls = [
        call("de", "2026-11-10T10:00:00Z", "+4930123456", 600),
        call("fr", "2026-11-10T10:00:00Z", "+33123456789", 6_100),
        rated("given", "2026-11-10T10:00:00Z", "80.0005"),
        rated("wrong", "2026-11-10T10:00:00Z", "7"),
    ];
    world.operator.debit("a", &calls).await.expect(200);
    let reversal = json!({ "startedAt": "2026-11-10T10:00:00Z", "reason": "a mistake" });
    world.operator.post("/v1/accounts/a/usage/wrong/reversal", reversal).await.expect(200);
    let less = json!({ "amount": "-2.50", "reason": "a correction", "allowNegative": true });
    world.operator.adjust("a", "less", less).await.expect(201);
    run(&world, "2026-12-01T06:00:00Z").await;

    let path = "/v1/accounts/a/invoices/inv_2026-11";
    let invoice = world.operator.get(path).await.expect(200);
    let rows = csv(&world, "inv_2026-11").await;
    assert_eq!(sum(&rows), decimal(&invoice["charges"]), "{rows:?}");
    let mut kinds: Vec<_> = rows.iter().map(|row| row[3].as_str()).collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["adjustment", "reversal", "usage", "usage", "usage", "usage"]);

    let text = pdf_text(&world, path).await;
    let amount = format!("EUR {:.2}", decimal(&invoice["amount"]));
    for said in [
        "Invoice 1 a & Co",
        "Month (UTC): November 2026",
        "Due: 31 December 2026",
        &format!("To pay: {amount}"),
        "No tax is included.",
        "Calls taken back",
        "Funds taken by adjustment 2.5000",
        "Germany 1 0:10:00",
    ] {
        assert!(text.contains(said), "{said:?} in {text}");
    }
    world.operator.send(Method::PATCH, "/v1/accounts/a", &[], json!({ "locale": "fr" })).await.expect(200);
    let text = pdf_text(&world, path).await;
    for said in ["Facture 1", "À payer", "Montant de la facture", "Aucune taxe n’est incluse."] {
        assert!(text.contains(said), "{said:?} in {text}");
    }
    let (headers, _) = world.operator.get_bytes_as(path, "application/pdf").await;
    assert!(headers["content-disposition"].to_str().unwrap().contains("invoice-A-0001.pdf"));

    for (path, field) in [
        (format!("{path}?cursor=x"), "cursor"),
        ("/v1/accounts/a/invoices?cursor=bm9uZQ".to_owned(), "cursor"),
        ("/v1/accounts/a/invoices?limit=0".to_owned(), "limit"),
    ] {
        let answer = world.operator.send_text(Method::GET, &path, &[("accept", "text/csv")], "").await;
        assert_eq!(answer.problem(422)["errors"][0]["field"], field, "{path}");
    }
    for id in ["inv_2026-10", "inv_", "pur_1", "x"] {
        world.operator.get(&format!("/v1/accounts/a/invoices/{id}")).await.problem(404);
    }
}

/// A page of an invoice's CSV that ends after about so many bytes.
async fn page(world: &World, query: &str, csv_bytes: usize) -> ApiGatewayV2httpResponse {
    let ports = statement::Ports { csv_bytes, ..world.host.machine().functions.statement_ports().clone() };
    let mut event = world.event("GET", "invoices/{invoiceId}", "a", &json!({ "accept": "text/csv" }), "");
    event.path_parameters.insert("invoiceId".to_owned(), "inv_2026-11".to_owned());
    event.raw_query_string = Some(query.to_owned());
    Box::pin(statement::handle(event, &ports)).await
}

#[tokio::test]
async fn the_pages_of_a_csv_have_each_call_once_and_a_cursor_of_another_month_is_refused() {
    let world = world().await;
    for (now, name) in [("2026-11-10T12:00:00Z", "near"), ("2026-11-20T12:00:00Z", "late")] {
        world.set_time(now);
        for third in 0..3 {
            let record =
                |id: usize| rated(&format!("{name}-{third}-{id:03}"), "2026-11-09T10:00:00Z", "0.01");
            let records: Vec<_> = (0..900).map(record).collect();
            world.operator.debit("a", &records).await.expect(200);
        }
    }
    run(&world, "2026-12-01T06:00:00Z").await;
    assert_eq!(csv(&world, "inv_2026-11").await.len(), 5_400, "in one page");
    let (mut ids, mut query, mut pages) = (BTreeSet::new(), String::new(), 0);
    loop {
        let answer = page(&world, &query, 1).await;
        let body = serde_json::to_value(&answer.body).unwrap();
        let text = body.as_str().unwrap();
        let mut reader = csv::Reader::from_reader(text.trim_start_matches('\u{feff}').as_bytes());
        for row in reader.records() {
            assert!(ids.insert(row.unwrap()[6].to_owned()), "each call once");
        }
        pages += 1;
        let Some(link) = answer.headers.get("link") else { break };
        let link = link.to_str().unwrap();
        link[2..link.find('>').unwrap()].clone_into(&mut query);
    }
    assert_eq!((ids.len(), pages > 4), (5_400, true), "{pages} pages");
    // A cursor that names a place outside the month, or none.
    let key = "2025-01-01T00:00:00.000Z#usage#x#1";
    for place in [format!("near##{key}"), format!("late#2025-01-01T00:00:00.000Z#{key}"), "far##".to_owned()]
    {
        let cursor = BASE64_URL_SAFE_NO_PAD.encode(place);
        let problem = Answer::from(page(&world, &format!("cursor={cursor}"), 1).await).problem(422);
        assert_eq!(problem["errors"][0]["field"], "cursor");
    }
}

#[tokio::test]
async fn s8_a_process_that_saw_the_account_before_the_month_ended_marks_its_invoice() {
    let world = world().await;
    spend(&world, "a", "2026-11-10T12:00:00Z", "one", "3").await;
    run(&world, "2026-12-01T06:00:00Z").await;
    spend(&world, "a", "2026-12-10T12:00:00Z", "two", "1").await;
    world.set_time("2026-12-15T12:00:00Z");
    pay(&world, "bank-7", "2026-12-15T12:00:00Z").await.expect(200);
    // The function that ends invoices remembers December as open, and another one closes it.
    spend(&world, "a", "2027-01-01T00:00:00Z", "three", "1").await;
    let body = json!({ "reference": "bank-8", "paidAt": "2027-01-01T00:00:00Z" });
    let paid = world.operator.post("/v1/accounts/a/invoices/inv_2026-12/paid", body).await.expect(200);
    assert_eq!((&paid["state"], &paid["number"]), (&json!("paid"), &json!(2)));
    spend(&world, "a", "2027-02-01T00:00:00Z", "four", "1").await;
    let body = json!({ "reason": "a mistake" });
    world.operator.post("/v1/accounts/a/invoices/inv_2027-01/void", body).await.expect(200);
    assert_reconciled(&world).await;
}

#[tokio::test]
async fn n12_people_are_told_of_an_invoice_and_reminded_until_it_is_paid() {
    let world = world().await;
    spend(&world, "a", "2026-11-10T12:00:00Z", "one", "3").await;
    run(&world, "2026-12-01T06:00:00Z").await;
    // It is due by the end of 31 December.
    for (now, reminded) in [
        ("2027-01-01T06:00:00Z", 0),
        ("2027-01-14T06:00:00Z", 0),
        ("2027-01-15T06:00:00Z", 1),
        ("2027-01-16T06:00:00Z", 0),
        ("2027-01-31T06:00:00Z", 1),
        ("2027-04-01T06:00:00Z", 0),
    ] {
        assert_eq!(run(&world, now).await["reminded"], reminded, "{now}");
    }
    let invoice = &invoices(&world, "a").await[0];
    assert_eq!((&invoice["state"], &invoice["overdue"]), (&json!("open"), &json!(true)));
    let subjects = subjects(&world, "a").await;
    for subject in
        ["Invoice 1 for November 2026", "Invoice 1 is overdue by 14 days", "Invoice 1 is overdue by 30 days"]
    {
        assert_eq!(subjects.iter().filter(|sent| sent.starts_with(subject)).count(), 1, "{subjects:?}");
    }
    assert_eq!(subjects.len(), 3);
    // Nothing is cut off by it.
    assert_eq!(world.operator.account("a").await["status"], "active");
    assert_reconciled(&world).await;
}

#[tokio::test]
async fn s8_the_operator_marks_an_invoice_as_paid_once() {
    let world = world().await;
    spend(&world, "a", "2026-11-10T12:00:00Z", "one", "3").await;
    run(&world, "2026-12-01T06:00:00Z").await;
    world.set_time("2026-12-20T06:00:00Z");
    for (body, field) in [
        (json!({ "paidAt": "2026-12-19T00:00:00Z" }), "reference"),
        (json!({ "reference": " ", "paidAt": "2026-12-19T00:00:00Z" }), "reference"),
        (json!({ "reference": "x".repeat(201), "paidAt": "2026-12-19T00:00:00Z" }), "reference"),
        (json!({ "reference": "a\nb", "paidAt": "2026-12-19T00:00:00Z" }), "reference"),
        (json!({ "reference": "b" }), "paidAt"),
        (json!({ "reference": "b", "paidAt": "1999-12-19T00:00:00Z" }), "paidAt"),
        (json!({ "reference": "b", "paidAt": "2026-12-20T06:00:01Z" }), "paidAt"),
        (json!({ "reference": "b", "paidAt": "2026-12-19T00:00:00Z", "by": "me" }), "by"),
    ] {
        let path = "/v1/accounts/a/invoices/inv_2026-11/paid";
        let problem = world.operator.post(path, body.clone()).await.problem(422);
        assert_eq!(problem["errors"][0]["field"], field, "{body}: {problem}");
    }
    let paid = pay(&world, "bank-7", "2026-12-19T00:00:00Z").await.expect(200);
    let shown = ["state", "overdue", "reference", "paidAt"].map(|name| &paid[name]);
    assert_eq!(json!(shown), json!(["paid", false, "bank-7", "2026-12-19T00:00:00.000Z"]));
    assert!(paid["by"].as_str().is_some_and(|by| !by.is_empty()), "{paid}");
    assert_eq!(pay(&world, "bank-7", "2026-12-19T00:00:00Z").await.expect(200), paid);
    for problem in [
        pay(&world, "bank-8", "2026-12-19T00:00:00Z").await,
        pay(&world, "bank-7", "2026-12-18T00:00:00Z").await,
        void(&world, "a mistake").await,
    ] {
        assert_eq!(problem.problem(409)["code"], "invoiceEnded");
    }
    assert_eq!(run(&world, "2027-03-01T06:00:00Z").await["reminded"], 0);
    let text = pdf_text(&world, "/v1/accounts/a/invoices/inv_2026-11").await;
    assert!(text.contains("Paid on 19 December 2026. Reference: bank-7"), "{text}");
    assert!(text.contains("Amount of the invoice 3.0000") && !text.contains("To pay"), "{text}");
    world
        .operator
        .post("/v1/accounts/a/invoices/inv_2026-10/void", json!({ "reason": "r" }))
        .await
        .problem(404);
    assert_reconciled(&world).await;
}

#[tokio::test]
async fn s8_marking_that_is_sent_at_once_or_whose_reply_is_lost_counts_once() {
    let world = world().await;
    spend(&world, "a", "2026-11-10T12:00:00Z", "one", "3").await;
    run(&world, "2026-12-01T06:00:00Z").await;
    world.set_time("2026-12-20T06:00:00Z");
    world.arm(Kind::LostReply, 6, 1);
    let answers = join_all((0..4).map(|_| pay(&world, "bank-7", "2026-12-19T00:00:00Z"))).await;
    for answer in answers {
        assert_eq!(answer.expect(200)["state"], "paid");
    }
    let ways = join_all([0, 1].map(|_| async { void(&world, "a mistake").await.status })).await;
    assert_eq!(ways, [409, 409]);
    assert_reconciled(&world).await;
}

#[tokio::test]
async fn s8_a_void_invoice_claims_nothing_and_a_reversal_of_its_call_credits_nothing() {
    let world = world().await;
    spend(&world, "a", "2026-11-10T12:00:00Z", "one", "3").await;
    run(&world, "2026-12-01T06:00:00Z").await;
    spend(&world, "a", "2026-12-10T12:00:00Z", "two", "1").await;
    let voided = void(&world, "a mistake").await.expect(200);
    let shown = ["state", "reason", "voidedAt"].map(|name| &voided[name]);
    assert_eq!(json!(shown), json!(["void", "a mistake", "2026-12-10T12:00:00.000Z"]));
    assert_eq!(void(&world, "a mistake").await.expect(200), voided);
    let text = pdf_text(&world, "/v1/accounts/a/invoices/inv_2026-11").await;
    assert!(text.contains("Void since 10 December 2026: a mistake") && !text.contains("To pay"), "{text}");
    assert_eq!(void(&world, "another").await.problem(409)["code"], "invoiceEnded");
    assert_eq!(pay(&world, "b", "2026-12-10T12:00:00Z").await.problem(409)["code"], "invoiceEnded");

    for (id, start, credited) in
        [("one", "2026-11-10T11:00:00Z", "0.0000"), ("two", "2026-12-10T11:00:00Z", "-1.0000")]
    {
        let reversal = json!({ "startedAt": start, "reason": "a mistake" });
        let path = format!("/v1/accounts/a/usage/{id}/reversal");
        let row = world.operator.post(&path, reversal).await.expect(200);
        assert_eq!(row["postUsage"].as_str().unwrap_or("0.0000"), credited, "{row}");
    }
    assert_eq!(world.operator.account("a").await["postUsage"]["amount"], "0.0000");
    assert_eq!(run(&world, "2027-03-01T06:00:00Z").await["reminded"], 0);
    assert_reconciled(&world).await;
}

#[tokio::test]
async fn s8_only_the_operator_sets_the_term_of_invoices() {
    let world = world().await;
    let admin = world.client("admin", &["a"]);
    let patch = |days: Value| json!({ "paymentTermDays": days });
    admin.send(Method::PATCH, "/v1/accounts/a", &[], patch(json!(14))).await.problem(403);
    for days in [json!(0), json!(366), json!(-1), json!("30"), Value::Null] {
        let problem =
            world.operator.send(Method::PATCH, "/v1/accounts/a", &[], patch(days.clone())).await.problem(422);
        assert_eq!(problem["errors"][0]["field"], "paymentTermDays", "{days}");
    }
    let account =
        world.operator.send(Method::PATCH, "/v1/accounts/a", &[], patch(json!(365))).await.expect(200);
    assert_eq!(account["paymentTermDays"], 365);
}

#[tokio::test]
async fn an_account_has_many_invoices_page_by_page() {
    let world = world().await;
    let mut months = Vec::new();
    for year in 2027..2029 {
        for month in 1..=12 {
            let now = format!("{year}-{month:02}-02T00:00:00Z");
            spend(&world, "a", &now, &format!("c-{year}-{month}"), "1").await;
            months.push(format!("{year}-{month:02}"));
        }
    }
    run(&world, "2029-01-01T06:00:00Z").await;
    let (mut seen, mut next) = (Vec::new(), String::new());
    loop {
        let page = world.operator.get(&format!("/v1/accounts/a/invoices?limit=5{next}")).await.expect(200);
        seen.extend(
            list(&page, "invoices").iter().map(|invoice| invoice["month"].as_str().unwrap().to_owned()),
        );
        let Some(cursor) = page["next"].as_str() else { break };
        next = format!("&cursor={cursor}");
    }
    months.reverse();
    assert_eq!(seen, months);
    let numbers: Vec<_> =
        invoices(&world, "a").await.iter().map(|invoice| invoice["number"].as_u64().unwrap()).collect();
    assert_eq!(numbers, (1..=24).rev().collect::<Vec<_>>());
    assert_reconciled(&world).await;
}
