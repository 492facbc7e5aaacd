//! Listings: transactions page by page and as CSV, the transaction of a record, unrated records, accounts, purchases and rates.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use scenarios::{Api, World, call, list, rated};
use serde_json::{Value, json};

const NOW: &str = "2026-11-22T12:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().expect("an instant")
}

/// All rows of a listing, page by page. Every page but the last must be full.
async fn pages(api: &Api, path: &str, name: &str, limit: usize) -> Vec<Value> {
    let mut all = Vec::new();
    let mut cursor = String::new();
    loop {
        let separator = if path.contains('?') { '&' } else { '?' };
        let page = api.get(&format!("{path}{separator}limit={limit}{cursor}")).await.expect(200);
        let rows = list(&page, name);
        assert!(rows.len() <= limit);
        all.extend(rows.iter().cloned());
        let Some(next) = page["next"].as_str() else { return all };
        assert_eq!(rows.len(), limit, "a page that is not the last is full");
        cursor = format!("&cursor={next}");
        assert!(all.len() < 10_000, "the listing ends");
    }
}

/// An account with 118 transactions: two purchases, an adjustment, and calls a minute apart, some without a rate.
async fn account_with_rows() -> World {
    let world = World::start().await;
    world.set_time("2026-11-20T00:00:00Z");
    world.account("a").await;
    world.operator.buy("a", "one", json!({ "amount": "50.00" })).await.expect(201);
    world.set_time(NOW);
    world.operator.buy("a", "two", json!({ "amount": "60.00" })).await.expect(201);
    world.operator.adjust("a", "three", json!({ "amount": "-5.00", "reason": "=1+1" })).await.expect(201);
    let first = at("2026-11-22T08:00:00Z");
    let records: Vec<_> = (0..115)
        .map(|number| {
            let started_at = (first + SignedDuration::from_mins(number)).to_string();
            if number % 5 == 4 {
                call(&format!("r-{number}"), &started_at, "+9990001234", 60)
            } else {
                rated(&format!("r-{number}"), &started_at, "0.0100")
            }
        })
        .collect();
    world.operator.debit("a", &records).await.expect(200);
    world
}

const TRANSACTIONS: &str = "/v1/accounts/a/transactions";

#[tokio::test]
async fn transactions_come_newest_first_whatever_the_limit() {
    let world = account_with_rows().await;
    let all = pages(&world.operator, TRANSACTIONS, "transactions", 100).await;
    assert_eq!(all.len(), 118);
    let instants: Vec<_> = all.iter().map(|row| at(row["at"].as_str().unwrap())).collect();
    assert!(instants.is_sorted_by(|newer, older| newer >= older));
    assert_eq!(all[117]["kind"], "purchase");
    for limit in 1..100 {
        assert_eq!(
            pages(&world.operator, TRANSACTIONS, "transactions", limit).await,
            all,
            "with a limit of {limit}"
        );
    }
    let unsaid = world.operator.get(TRANSACTIONS).await.expect(200);
    assert_eq!(list(&unsaid, "transactions"), &all[..50]);
}

#[tokio::test]
async fn transactions_are_filtered_by_period_and_kind() {
    let world = account_with_rows().await;
    // `from` is included and `to` is not. Calls are a minute apart, the first at 08:00.
    for (query, rows) in [
        ("", 118),
        ("?from=2026-11-22T08:00:00Z", 117),
        ("?from=2026-11-22T08:00:00.001Z", 116),
        ("?to=2026-11-22T08:00:00Z", 1),
        ("?to=2026-11-22T08:00:00.001Z", 2),
        ("?from=2026-11-22T08:10:00Z&to=2026-11-22T08:20:00Z", 10),
        ("?from=2026-11-22T09:10:00%2B01:00&to=2026-11-22T09:20:00%2B01:00", 10),
        ("?from=2026-11-22T12:00:00Z", 2),
        ("?from=2026-11-22T12:00:00.001Z", 0),
        ("?kind=usage", 92),
        ("?kind=unrated", 23),
        ("?kind=purchase", 2),
        ("?kind=adjustment", 1),
        ("?kind=expiry", 0),
        ("?kind=unrated&from=2026-11-22T08:04:00Z&to=2026-11-22T08:14:00Z", 2),
        ("?kind=purchase&to=2026-11-22T00:00:00Z", 1),
    ] {
        let path = format!("{TRANSACTIONS}{query}");
        let found = pages(&world.operator, &path, "transactions", 100).await;
        assert_eq!(found.len(), rows, "{query}");
        for limit in [1, 7] {
            assert_eq!(pages(&world.operator, &path, "transactions", limit).await, found, "{query}");
        }
    }
}

#[tokio::test]
async fn a_cursor_keeps_its_position_while_rows_arrive() {
    let world = account_with_rows().await;
    let before = pages(&world.operator, TRANSACTIONS, "transactions", 100).await;
    let mut seen = Vec::new();
    let mut cursor = String::new();
    for arriving in 0.. {
        let page = world.operator.get(&format!("{TRANSACTIONS}?limit=10{cursor}")).await.expect(200);
        seen.extend(list(&page, "transactions").iter().cloned());
        let Some(next) = page["next"].as_str() else { break };
        cursor = format!("&cursor={next}");
        // One record is newer than all transactions, one in the middle, and one older.
        let records = ["2026-11-22T12:00:01Z", "2026-11-22T08:30:30Z", "2026-11-19T00:00:00Z"]
            .map(|started_at| rated(&format!("late-{arriving}"), started_at, "0.0100"));
        world.operator.debit("a", &records).await.expect(200);
    }
    let ids: HashSet<_> = seen.iter().map(|row| row["transactionId"].to_string()).collect();
    assert_eq!(ids.len(), seen.len(), "none twice");
    seen.retain(|row| before.contains(row));
    assert_eq!(seen, before, "all rows of before are there, in order");
}

#[tokio::test]
async fn a_spreadsheet_shows_the_texts_of_transactions_in_csv_unchanged() {
    let world = account_with_rows().await;
    // Each text with its cell: a formula whose value is the text, quoted for CSV.
    let evil = [
        ("=HYPERLINK(\"http://example.com\")", r#""=""=HYPERLINK(""""http://example.com"""")""""#),
        ("@SUM(A1)", r#""=""@SUM(A1)""""#),
        ("+1+cmd|' /C calc'!A0", r#""=""+1+cmd|' /C calc'!A0""""#),
        ("-2+3+cmd", r#""=""-2+3+cmd""""#),
        ("\tx", "\"=\"\"\tx\"\"\""),
        ("\n=1+1", "\"=\"\"\n=1+1\"\"\""),
        ("\u{ff1d}1+1", "\"=\"\"\u{ff1d}1+1\"\"\""),
        ("00123", r#""=""00123""""#),
        ("a,b", "\"a,b\""),
        ("two\nlines", "\"two\nlines\""),
        ("Zoë", "Zoë"),
    ];
    for (index, (user, _)) in evil.iter().enumerate() {
        let mut record = rated(&format!("evil-{index}"), NOW, "0.0100");
        record["userId"] = json!(user);
        record["costCentre"] = json!(user);
        let answer = world.operator.debit("a", &[record]).await.expect(200);
        assert_eq!(answer["accepted"], 1, "{user}");
    }
    let accept = [("accept", "text/csv")];
    let answer = world.operator.send_text(Method::GET, TRANSACTIONS, &accept, "").await;
    assert_eq!(answer.headers["content-type"], "text/csv; charset=utf-8");
    let Value::String(text) = answer.expect(200) else { panic!("CSV is text") };
    assert!(text.starts_with("\u{feff}transactionId,at,postedAt,kind,amount,balance,recordId,userId,"));
    for (_, shown) in evil {
        assert!(
            text.contains(&format!(",{shown},userOut,\"=\"\"+33123456789\"\"\",60,0.0100,{shown},")),
            "{shown}\n{text}"
        );
    }
    assert!(text.contains(r#","=""=1+1""","#), "a reason is a formula too");
    assert!(text.contains(",-0.0100,"), "amounts stay numbers");
}

#[tokio::test]
async fn every_page_of_csv_links_to_the_next_of_the_same_listing() {
    let world = account_with_rows().await;
    let query = "?kind=usage&from=2026-11-22T08:10:00Z&to=2026-11-22T09:10:00Z&limit=20";
    let wanted: HashSet<_> = pages(
        &world.operator,
        &format!("{TRANSACTIONS}?kind=usage&from=2026-11-22T08:10:00Z&to=2026-11-22T09:10:00Z"),
        "transactions",
        100,
    )
    .await
    .iter()
    .map(|row| row["transactionId"].as_str().unwrap().to_owned())
    .collect();
    assert_eq!(wanted.len(), 48);

    let mut found = Vec::new();
    let mut path = format!("{TRANSACTIONS}{query}");
    for _ in 0..10 {
        let answer = world.operator.send_text(Method::GET, &path, &[("accept", "text/csv")], "").await;
        let link = answer.headers.get("link").map(|link| link.to_str().unwrap().to_owned());
        let Value::String(text) = answer.expect(200) else { panic!("CSV is text") };
        found.extend(text.lines().skip(1).map(|line| line.split(',').next().unwrap().to_owned()));
        let Some(link) = link else { break };
        let next = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\"")).unwrap();
        path = format!("{TRANSACTIONS}{next}");
    }
    assert_eq!(found.len(), 48);
    assert_eq!(found.into_iter().collect::<HashSet<_>>(), wanted);
}

#[tokio::test]
async fn a_records_transaction_is_found_by_its_id_and_start() {
    let world = account_with_rows().await;
    let strange = "1835317186_112562680@61.221.3.176/+&?=%";
    let encoded = "1835317186_112562680@61.221.3.176%2F%2B%26%3F%3D%25";
    world.operator.debit("a", &[rated(strange, "2026-11-22T08:00:00Z", "0.0100")]).await.expect(200);
    let platform = world.client("platform", &["a"]);
    for (record, query, found) in [
        ("r-0", "startedAt=2026-11-22T08:00:00Z", true),
        ("r-0", "startedAt=2026-11-22T08:00:00.75Z", true),
        ("r-0", "startedAt=2026-11-22T09:00:00%2B01:00&revision=1", true),
        (encoded, "startedAt=2026-11-22T08:00:00Z", true),
        ("r-4", "startedAt=2026-11-22T08:04:00Z", true),
        ("r-0", "startedAt=2026-11-22T08:00:01Z", false),
        ("r-0", "startedAt=2026-11-22T08:00:00Z&revision=2", false),
        ("nothing", "startedAt=2026-11-22T08:00:00Z", false),
    ] {
        let answer = platform.get(&format!("/v1/accounts/a/usage/{record}?{query}")).await;
        if found {
            let row = answer.expect(200);
            let id = if record == encoded { strange } else { record };
            assert_eq!(row["recordId"], id);
            let listed = world.operator.transactions("a").await;
            assert!(listed.contains(&row), "{record}: the same as in the listing");
        } else {
            answer.problem(404);
        }
    }
}

#[tokio::test]
async fn s9_records_without_a_rate_of_all_accounts_are_listed_page_by_page() {
    let world = World::start().await;
    world.set_time(NOW);
    let mut expected = Vec::new();
    // Forty accounts are spread over all eight shards.
    for number in 0..40 {
        let id = format!("org-{number}");
        world.account(&id).await;
        let records: Vec<_> = (0..=number % 5)
            .flat_map(|record| {
                let unrated = call(&format!("u-{record}"), "2026-11-22T08:00:00Z", "+9990001234", 60);
                [unrated, rated(&format!("r-{record}"), "2026-11-22T08:00:00Z", "0.0100")]
            })
            .collect();
        let answer = world.operator.debit(&id, &records).await.expect(200);
        assert_eq!(answer["rejected"], 0);
        expected.extend((0..=number % 5).map(|record| (id.clone(), format!("u-{record}"))));
    }
    expected.sort();
    for limit in [1, 3, 50, 100] {
        let mut found = Vec::new();
        let mut cursor = String::new();
        for _ in 0..400 {
            let page = world.operator.get(&format!("/v1/unrated?limit={limit}{cursor}")).await.expect(200);
            for row in list(&page, "records") {
                assert_eq!(row["kind"], "unrated");
                let text = |name: &str| row[name].as_str().expect("a text").to_owned();
                found.push((text("accountId"), text("recordId")));
            }
            // A page may have fewer rows than the limit, or none.
            assert!(list(&page, "records").len() <= limit);
            cursor = page["next"].as_str().map(|next| format!("&cursor={next}")).unwrap_or_default();
            if cursor.is_empty() {
                break;
            }
        }
        found.sort();
        assert_eq!(found, expected, "with a limit of {limit}");
    }
}

#[tokio::test]
async fn accounts_and_purchases_are_listed_page_by_page() {
    let world = World::start().await;
    world.set_time("2026-11-22T07:00:00Z");
    let mut ids: Vec<_> = (0..25).map(|number| format!("org-{number}")).collect();
    for id in &ids {
        world.account(id).await;
    }
    ids.sort();
    let first = at("2026-11-22T08:00:00Z");
    let mut purchases = Vec::new();
    for number in 0..12 {
        world.set_time(&(first + SignedDuration::from_hours(number)).to_string());
        let purchase =
            world.operator.buy("org-0", &format!("k-{number}"), json!({ "amount": "50.00" })).await;
        purchases.insert(0, purchase.expect(201));
    }
    for limit in [1, 5, 24, 25, 26, 100] {
        let accounts = pages_that_may_end_empty(&world.operator, "/v1/accounts", "accounts", limit).await;
        let listed: Vec<_> =
            accounts.iter().map(|account| account["accountId"].as_str().unwrap().to_owned()).collect();
        assert_eq!(listed, ids, "with a limit of {limit}");
        let path = "/v1/accounts/org-0/purchases";
        assert_eq!(
            pages_that_may_end_empty(&world.operator, path, "purchases", limit).await,
            purchases,
            "with a limit of {limit}"
        );
    }
}

/// Like [`pages`], for a listing whose last page may be empty.
async fn pages_that_may_end_empty(api: &Api, path: &str, name: &str, limit: usize) -> Vec<Value> {
    let mut all = Vec::new();
    let mut cursor = String::new();
    for _ in 0..1_000 {
        let page = api.get(&format!("{path}?limit={limit}{cursor}")).await.expect(200);
        all.extend(list(&page, name).iter().cloned());
        let Some(next) = page["next"].as_str() else { return all };
        cursor = format!("&cursor={next}");
    }
    panic!("the listing does not end")
}

#[tokio::test]
async fn s5_the_rate_of_the_longest_prefix_in_force_is_published() {
    let world = World::start().await;
    world.set_time(NOW);
    let viewer = world.client("viewer", &[]);
    let rate = async |query: &str| viewer.get(&format!("/v1/rates?{query}")).await;
    for (query, prefix, per_minute, increments) in [
        ("service=userOut&number=%2B33123456789&currency=EUR", "33", "0.0190", (60, 60)),
        ("service=userOut&number=33123456789&currency=EUR", "33", "0.0190", (60, 60)),
        ("service=userOut&number=+33123456***&currency=JPY", "33", "3.08", (60, 60)),
        ("service=premium&number=%2B33899701234&currency=EUR", "3389", "0.8000", (60, 60)),
        ("service=tollFreeIn&number=%2B18005550142&currency=EUR", "1800", "0.0270", (6, 6)),
        ("service=userOut&number=%2B81355501234&currency=EUR", "81", "0.0390", (60, 60)),
    ] {
        let found = rate(query).await.expect(200);
        let found = &found["rate"];
        assert_eq!((&found["prefix"], &found["perMinute"]), (&json!(prefix), &json!(per_minute)), "{query}");
        assert_eq!(
            (&found["firstIncrement"], &found["nextIncrement"]),
            (&json!(increments.0), &json!(increments.1))
        );
    }
    world.set_time("2027-01-01T00:00:00Z");
    let later = rate("service=userOut&number=%2B81355501234&currency=EUR").await.expect(200);
    assert_eq!(later["rate"]["perMinute"], "0.0410", "the price of 2027");
    world.set_time("2024-12-31T23:59:59Z");
    rate("service=userOut&number=%2B33123456789&currency=EUR").await.problem(404);
    world.set_time(NOW);
    rate("service=userOut&number=%2B9990001234&currency=EUR").await.problem(404);
    rate("service=userOut&number=%2B33123456789&currency=GBP").await.problem(404);
    for (query, field) in [
        ("service=fax&number=%2B33123456789&currency=EUR", "service"),
        ("service=userOut&currency=EUR", "number"),
        ("service=userOut&number=abc&currency=EUR", "number"),
        ("service=userOut&number=%2B33123456789", "currency"),
        ("service=userOut&number=%2B33123456789&currency=XAU", "currency"),
    ] {
        assert_eq!(rate(query).await.problem(422)["errors"][0]["field"], field, "{query}");
    }
}

#[tokio::test]
async fn s5_without_a_service_the_rates_of_every_service_are_found() {
    let world = World::start().await;
    world.set_time(NOW);
    let found = world.operator.get("/v1/rates?number=33899701234&currency=EUR").await.expect(200);
    let rates: Vec<_> =
        list(&found, "rates").iter().map(|rate| (rate["service"].clone(), rate["prefix"].clone())).collect();
    let expected = [
        ("tollFreeIn", "33"),
        ("tollIn", "33"),
        ("conferenceOut", "33"),
        ("userOut", "33"),
        ("premium", "3389"),
    ];
    assert_eq!(rates, expected.map(|(service, prefix)| (json!(service), json!(prefix))));
    assert!(found.get("rate").is_none(), "{found}");
    world.operator.get("/v1/rates?number=33899701234&currency=GBP").await.problem(404);
}

#[tokio::test]
async fn s5_the_published_rates_are_listed_page_by_page() {
    let world = World::start().await;
    world.set_time(NOW);
    let all = pages(&world.operator, "/v1/rates/list", "rates", 1_000).await;
    // Three prefixes have a second price. Those of 2026 have replaced the first one, and that of 2027 comes beside it.
    assert_eq!(all.len(), 5_418 - 3 * 3);
    let key = |rate: &Value| {
        ["service", "currency", "prefix", "effectiveFrom"].map(|name| rate[name].as_str().unwrap().to_owned())
    };
    let order = |rate: &Value| {
        let [service, currency, prefix, from] = key(rate);
        let services = ["tollFreeIn", "tollIn", "conferenceOut", "userOut", "premium"];
        (services.iter().position(|name| *name == service), currency, prefix, from)
    };
    assert!(all.is_sorted_by(|one, other| order(one) < order(other)));

    let japan = "/v1/rates/list?service=userOut&currency=EUR&country=JP";
    let japan = pages(&world.operator, japan, "rates", 1).await;
    let of_country_code: Vec<_> = japan
        .iter()
        .filter(|rate| rate["prefix"] == "81")
        .map(|rate| (rate["perMinute"].as_str().unwrap(), rate["effectiveFrom"].as_str().unwrap()))
        .collect();
    let expected = [("0.0390", "2025-01-01T00:00:00.000Z"), ("0.0410", "2027-01-01T00:00:00.000Z")];
    assert_eq!(of_country_code, expected);
    assert!(japan.iter().all(|rate| rate["country"] == "JP" && rate["currency"] == "EUR"), "{japan:?}");
    let germany = "/v1/rates/list?service=userOut&currency=EUR&country=DE";
    let germany = world.operator.get(germany).await.expect(200);
    let of_49: Vec<_> = list(&germany, "rates").iter().filter(|rate| rate["prefix"] == "49").collect();
    assert_eq!((of_49.len(), &of_49[0]["effectiveFrom"]), (1, &json!("2026-01-01T00:00:00.000Z")));
    let none = world.operator.get("/v1/rates/list?currency=GBP").await.expect(200);
    assert_eq!(none, json!({ "rates": [] }));
}

#[tokio::test]
async fn s5_the_published_rates_as_csv_are_a_deck_of_the_same_rates() {
    let world = World::start().await;
    world.set_time("2024-12-31T00:00:00Z");
    let (mut decks, mut count) = (rates::Decks::default(), 0);
    let mut path = "/v1/rates/list".to_owned();
    loop {
        let page = world.operator.send_text(Method::GET, &path, &[("accept", "text/csv")], "").await;
        assert_eq!(page.status, 200);
        decks.add(&format!("page {count}"), page.body.as_str().expect("CSV").as_bytes());
        count += 1;
        let Some(link) = page.headers.get("link") else { break };
        let query =
            link.to_str().unwrap().strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\""));
        path = format!("/v1/rates/list{}", query.expect("a link"));
    }
    assert_eq!(count, 2, "pages of 5,000");
    let sample = rates::read(&include_bytes!("../../infra/rates/sample.csv")[..]).unwrap();
    assert_eq!(decks.build().unwrap().fingerprint(), sample.fingerprint());
}

#[tokio::test]
async fn a_page_of_accounts_may_have_any_length_up_to_the_limit() {
    let world = World::start().await;
    for number in 0..60 {
        let account = json!({ "accountId": format!("account-{number:02}"), "name": "x", "currency": "EUR" });
        world.operator.post("/v1/accounts", account).await.expect(201);
    }
    for limit in [50, 51, 100] {
        let page = world.operator.get(&format!("/v1/accounts?limit={limit}")).await.expect(200);
        assert_eq!(page["accounts"].as_array().unwrap().len(), limit.min(60), "{limit}");
    }
}

#[tokio::test]
async fn a_period_before_the_books_began_is_refused() {
    let world = World::start().await;
    world.account("a").await;
    let path = "/v1/accounts/a/transactions?from=-000005-01-01T00:00:00Z&to=-000001-01-01T00:00:00Z";
    let problem = world.operator.get(path).await.expect(422);
    assert_eq!(problem["errors"][0]["field"], "from");
}
