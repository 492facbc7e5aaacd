//! Funds not used in time (E1-E3, S10), and a clock that is set back (T1).

use std::time::Duration;

use domain::change::Change;
use domain::{Account, AccountId, BillingModel, Currency, Lot, LotId, Money, Profile};
use jiff::Timestamp;
use local::faults::{Fault, Kind, Target};
use reqwest::Method;
use rust_decimal::Decimal;
use scenarios::{World, bounded, decimal, list, rated};
use serde_json::{Value, json};

/// Funds bought at this instant expire a year later, and are booked 72 hours after that.
const BOUGHT: &str = "2026-01-01T00:00:00Z";
const EXPIRES: &str = "2027-01-01T00:00:00.000Z";
const BOOKED: &str = "2027-01-04T00:00:00.000Z";

async fn buy_at(world: &World, account: &str, now: &str, key: &str, amount: &str) {
    world.set_time(now);
    world.operator.buy(account, key, json!({ "amount": amount })).await.expect(201);
}

/// An account that has bought 100.00.
async fn account_with_funds(world: &World, account: &str) {
    world.set_time(BOUGHT);
    world.account(account).await;
    buy_at(world, account, BOUGHT, "k", "100.00").await;
}

/// Runs the nightly sweep. Returns the numbers of due accounts, booked lots and warnings.
async fn sweep_at(world: &World, now: &str) -> (u64, u64, u64) {
    world.set_time(now);
    let done = world.operator.post("/_local/run/expire", json!({})).await.expect(200);
    let count = |name: &str| done[name].as_u64().expect("a count");
    (count("accounts"), count("booked"), count("warned"))
}

async fn rows_of_kind(world: &World, account: &str, kind: &str) -> Vec<Value> {
    let rows = world.operator.transactions(account).await;
    rows.into_iter().filter(|row| row["kind"] == kind).collect()
}

#[tokio::test]
async fn e1_unused_funds_are_forfeited_as_of_their_expiry() {
    let world = World::start().await;
    account_with_funds(&world, "a").await;
    world.set_time("2026-06-01T00:00:00Z");
    world.operator.debit("a", &[rated("r", "2026-05-31T00:00:00Z", "30.0000")]).await.expect(200);

    // The sweep is thirteen months after the purchase.
    assert_eq!(sweep_at(&world, "2027-02-01T00:00:00Z").await, (1, 1, 0));
    let booked = rows_of_kind(&world, "a", "expiry").await;
    assert_eq!(booked.len(), 1);
    let row = &booked[0];
    assert_eq!((&row["at"], &row["postedAt"]), (&json!(EXPIRES), &json!("2027-02-01T00:00:00.000Z")));
    assert_eq!((&row["amount"], &row["balance"]), (&json!("-70.0000"), &json!("0.0000")));
    assert_eq!(row["lotId"], rows_of_kind(&world, "a", "purchase").await[0]["lotId"]);
    let shown = world.operator.account("a").await;
    assert_eq!((&shown["balance"], &shown["status"]), (&json!("0.0000"), &json!("depleted")));
    assert!(shown["nextExpiry"].is_null());
    world.operator.assert_books_balance("a").await;

    // Repeated sweeps change nothing, a year later either.
    for now in ["2027-02-01T00:00:00Z", "2027-02-02T00:15:00Z", "2028-02-02T00:15:00Z"] {
        assert_eq!(sweep_at(&world, now).await, (0, 0, 0));
    }
    assert_eq!(rows_of_kind(&world, "a", "expiry").await, booked);
    assert_eq!(world.operator.account("a").await["version"], shown["version"]);
}

#[tokio::test]
async fn e1_funds_are_not_available_from_their_expiry_and_booked_72_hours_later() {
    let world = World::start().await;
    account_with_funds(&world, "a").await;
    for (now, available, status, booked) in [
        ("2026-12-31T23:59:59.999Z", "100.0000", "active", false),
        (EXPIRES, "0.0000", "depleted", false),
        ("2027-01-03T23:59:59.999Z", "0.0000", "depleted", false),
        (BOOKED, "0.0000", "depleted", true),
    ] {
        let (_, lots, _) = sweep_at(&world, now).await;
        assert_eq!(lots, u64::from(booked), "{now}");
        let shown = world.operator.account("a").await;
        assert_eq!((&shown["available"], &shown["status"]), (&json!(available), &json!(status)), "{now}");
        assert_eq!(shown["balance"], if booked { "0.0000" } else { "100.0000" }, "{now}");
        let lots = world.operator.get("/v1/accounts/a/lots").await.expect(200);
        assert_eq!(list(&lots, "lots").len(), usize::from(!booked), "{now}: listed until it is booked");
        world.operator.assert_books_balance("a").await;
    }
}

#[tokio::test]
async fn s10_a_record_up_to_72_hours_late_draws_on_the_expired_lot() {
    // (now, start, seconds, whether the lot pays). The lot expires at 2027-01-01T00:00:00Z.
    for (now, started_at, seconds, pays) in [
        ("2027-01-03T12:00:00Z", "2026-12-31T23:00:00Z", 60, true),
        ("2027-01-03T23:59:59Z", "2026-12-31T23:58:59Z", 60, true),
        ("2027-01-03T23:59:59.001Z", "2026-12-31T23:58:59Z", 60, false),
        ("2027-01-03T12:00:00Z", "2026-12-31T11:59:00Z", 60, true),
        ("2027-01-03T12:00:00Z", "2026-12-31T11:58:59Z", 60, false),
        // The call ends at or around the expiry.
        ("2027-01-01T12:00:00Z", "2026-12-31T23:59:00Z", 60, false),
        ("2027-01-01T12:00:00Z", "2026-12-31T23:59:00Z", 59, true),
        ("2027-01-01T12:00:00Z", "2027-01-01T00:00:00Z", 60, false),
    ] {
        let what = format!("{seconds} seconds from {started_at}, sent at {now}");
        let world = World::start().await;
        account_with_funds(&world, "a").await;
        // A sweep before the record, as every night.
        sweep_at(&world, now).await;
        let mut record = rated("r", started_at, "30.0000");
        record["durationSeconds"] = json!(seconds);
        let answer = world.operator.debit("a", &[record]).await.expect(200);
        assert_eq!((&answer["accepted"], &answer["balance"]), (&json!(1), &json!("70.0000")), "{what}");
        let shown = world.operator.account("a").await;
        let (owed, forfeited) = if pays { ("0.0000", "-70.0000") } else { ("30.0000", "-100.0000") };
        assert_eq!(shown["owed"], owed, "{what}");
        sweep_at(&world, BOOKED).await;
        assert_eq!(rows_of_kind(&world, "a", "expiry").await[0]["amount"], forfeited, "{what}");
        world.operator.assert_books_balance("a").await;
    }
}

#[tokio::test]
async fn e1_each_lot_is_booked_after_its_own_expiry() {
    let world = World::start().await;
    account_with_funds(&world, "a").await;
    buy_at(&world, "a", "2026-02-01T00:00:00Z", "two", "60.00").await;
    buy_at(&world, "a", "2026-02-01T00:00:00.001Z", "three", "70.00").await;
    for (now, booked, balance) in [
        (BOOKED, 1, "130.0000"),
        ("2027-02-03T23:59:59Z", 0, "130.0000"),
        ("2027-02-04T00:00:00Z", 1, "70.0000"),
        ("2027-02-04T00:00:01Z", 1, "0.0000"),
    ] {
        assert_eq!(sweep_at(&world, now).await.1, booked, "{now}");
        assert_eq!(world.operator.account("a").await["balance"], balance, "{now}");
    }
    world.operator.assert_books_balance("a").await;
}

#[tokio::test]
async fn e1_more_lots_than_one_commit_holds_are_booked_in_one_sweep() {
    let world = World::start().await;
    world.set_time(BOUGHT);
    world.account("a").await;
    for number in 0..200 {
        let funds = json!({ "amount": "1.00", "reason": "r", "expiresAt": EXPIRES });
        world.operator.adjust("a", &format!("k-{number}"), funds).await.expect(201);
    }
    assert_eq!(sweep_at(&world, BOOKED).await, (1, 200, 0));
    assert_eq!(world.operator.account("a").await["balance"], "0.0000");
    assert_eq!(rows_of_kind(&world, "a", "expiry").await.len(), 200);
    world.operator.assert_books_balance("a").await;
}

#[tokio::test]
async fn e3_each_warning_is_given_once() {
    let world = World::start().await;
    account_with_funds(&world, "a").await;
    // There is no warning for used funds, and none yet for later funds.
    account_with_funds(&world, "spent").await;
    world.operator.debit("spent", &[rated("r", BOUGHT, "100.0000")]).await.expect(200);
    world.set_time(BOUGHT);
    world.account("later").await;
    buy_at(&world, "later", "2026-06-01T00:00:00Z", "k", "100.00").await;
    for (now, warned) in [
        ("2026-11-01T23:59:59Z", 0),
        ("2026-11-02T00:00:00Z", 1),
        ("2026-11-02T00:00:00Z", 0),
        ("2026-12-01T23:59:59Z", 0),
        ("2026-12-02T00:00:00Z", 1),
        ("2026-12-03T00:15:00Z", 0),
        ("2026-12-25T00:00:00Z", 1),
        ("2026-12-26T00:00:00Z", 0),
        ("2027-01-02T00:00:00Z", 0),
    ] {
        let version = world.operator.account("a").await["version"].as_u64().unwrap();
        assert_eq!(sweep_at(&world, now).await, (warned, 0, warned), "{now}");
        let after = world.operator.account("a").await["version"].as_u64().unwrap();
        assert_eq!(after - version, warned, "{now}: one commit for each warning");
    }
    // A late sweep gives only the last of the missed warnings.
    account_with_funds(&world, "late").await;
    assert_eq!(sweep_at(&world, "2026-12-26T00:00:00Z").await.2, 1);
    assert_eq!(sweep_at(&world, "2026-12-27T00:00:00Z").await.2, 0);
}

#[tokio::test]
async fn n13_people_are_told_once_of_a_saved_card_that_expires() {
    let world = World::start().await;
    world.set_time(BOUGHT);
    // The card expires at the end of 2034.
    world.account("a").await;
    let told = json!({ "notificationEmails": ["ada@a.example"] });
    world.operator.send(Method::PATCH, "/v1/accounts/a", &[], told).await.expect(200);
    world.drain().await;
    world.operator.send(Method::DELETE, "/_local/mail", &[], Value::Null).await.expect(204);

    assert_eq!(sweep_at(&world, "2034-12-01T23:59:59Z").await.0, 0);
    assert_eq!(sweep_at(&world, "2034-12-02T00:15:00Z").await.0, 1);
    assert_eq!(sweep_at(&world, "2034-12-03T00:15:00Z").await.0, 0, "once");
    world.drain().await;
    let mails = world.operator.get("/_local/mail?to=ada@a.example").await.expect(200);
    let [mail] = mails.as_array().unwrap().as_slice() else { panic!("one mail: {mails}") };
    for part in ["December 2034", "4242", "/accounts/a/payment-method"] {
        assert!(mail["text"].as_str().unwrap().contains(part), "{part}: {mail}");
    }
}

#[tokio::test]
async fn t1_the_time_of_an_account_never_goes_back() {
    let world = World::start().await;
    account_with_funds(&world, "a").await;
    sweep_at(&world, BOOKED).await;
    let shown = world.operator.account("a").await;

    world.set_time("2026-06-01T00:00:00Z");
    assert_eq!(world.operator.account("a").await, shown, "the forfeited funds stay forfeited");
    assert_eq!(sweep_at(&world, "2026-06-01T00:00:00Z").await, (0, 0, 0));
    // The account's time is still that of its last change. It applies to starts, entries and purchases.
    let tomorrow = rated("r", "2027-01-04T00:05:00Z", "10.0000");
    let answer = world.operator.debit("a", &[tomorrow]).await.expect(200);
    assert_eq!(answer["results"][0]["status"], "accepted");
    let beyond = rated("s", "2027-01-04T00:05:01Z", "10.0000");
    let answer = world.operator.debit("a", &[beyond]).await.expect(200);
    assert_eq!(answer["results"][0]["status"], "invalid");
    assert_eq!(rows_of_kind(&world, "a", "usage").await[0]["postedAt"], BOOKED);
    let purchase = world.operator.buy("a", "later", json!({ "amount": "50.00" })).await.expect(201);
    assert_eq!(
        (&purchase["createdAt"], &purchase["expiresAt"]),
        (&json!(BOOKED), &json!("2028-01-04T00:00:00.000Z"))
    );
    assert_eq!(world.operator.account("a").await["balance"], "40.0000");
    world.operator.assert_books_balance("a").await;
}

/// The accounts of a night: one with a lot to book, one with two to book and a usable one, and one with a warning due.
const NIGHT: [&str; 3] = ["one", "three", "warned"];

async fn set_up_night(world: &World, name: &str) -> Vec<String> {
    let ids: Vec<_> = NIGHT.iter().map(|account| format!("{name}-{account}")).collect();
    world.set_time(BOUGHT);
    for id in &ids {
        world.account(id).await;
    }
    buy_at(world, &ids[0], BOUGHT, "k", "100.00").await;
    buy_at(world, &ids[1], BOUGHT, "k", "100.00").await;
    buy_at(world, &ids[1], "2026-01-02T00:00:00Z", "two", "60.00").await;
    buy_at(world, &ids[2], "2026-02-01T00:00:00Z", "k", "100.00").await;
    buy_at(world, &ids[1], "2026-12-01T00:00:00Z", "three", "70.00").await;
    world.set_time("2026-12-02T00:00:00Z");
    for id in &ids {
        world.operator.debit(id, &[rated("r", "2026-12-01T00:00:00Z", "10.0000")]).await.expect(200);
    }
    ids
}

const THAT_NIGHT: &str = "2027-01-05T00:15:00Z";

/// The fields of each account and its entries that must not depend on interruptions of the sweep. Ids are left out.
async fn books(world: &World, ids: &[String]) -> Vec<Value> {
    let mut books = Vec::new();
    for id in ids {
        world.operator.assert_books_balance(id).await;
        let shown = world.operator.account(id).await;
        let fields = ["balance", "available", "owed", "status", "nextExpiry", "version"];
        books.push(fields.map(|field| shown[field].clone()).into());
        for row in world.operator.transactions(id).await {
            let fields = ["kind", "at", "amount", "balance", "recordId"];
            books.push(fields.map(|field| row[field].clone()).into());
        }
    }
    books
}

/// Runs the sweep in a process that dies at this call.
async fn die_sweeping(world: &World, kind: Kind, step: usize) {
    world.arm(kind, step, 1);
    let now: Timestamp = THAT_NIGHT.parse().expect("an instant");
    let done = world.unless_killed(Box::pin(world.host.machine().functions.expire(now))).await;
    assert!(done.is_none(), "step {step}: the sweep ended with {done:?}");
    world.faults().disarm();
}

#[tokio::test]
async fn e1_the_next_sweep_completes_one_that_died_at_any_step() {
    let world = World::start().await;
    let undisturbed = set_up_night(&world, "undisturbed").await;
    world.set_time(THAT_NIGHT);
    let now: Timestamp = THAT_NIGHT.parse().expect("an instant");
    let (swept, calls) = world.recorded(Box::pin(world.host.machine().functions.expire(now))).await;
    let swept = swept.expect("it sweeps");
    assert_eq!((swept.accounts, swept.booked, swept.warned), (3, 3, 1));
    let expected = books(&world, &undisturbed).await;
    // A query for each of the eight shards, then a read and a commit for each account.
    assert_eq!(calls.len(), 8 + 3 * 2, "{:?}", calls.iter().map(|call| &call.operation).collect::<Vec<_>>());

    for step in 0..calls.len() {
        for kind in [Kind::DeathBefore, Kind::DeathAfter] {
            let ids = set_up_night(&world, &format!("{kind:?}-{step}")).await;
            world.set_time(THAT_NIGHT);
            die_sweeping(&world, kind, step).await;
            sweep_at(&world, THAT_NIGHT).await;
            assert_eq!(books(&world, &ids).await, expected, "{kind:?} at step {step}");
            assert_eq!(sweep_at(&world, THAT_NIGHT).await, (0, 0, 0), "{kind:?} at step {step}");
        }
    }
}

#[tokio::test]
async fn e1_two_sweeps_at_once_book_each_lot_once() {
    let world = World::start().await;
    let ids = set_up_night(&world, "night").await;
    let now: Timestamp = THAT_NIGHT.parse().unwrap();
    world.set_time(THAT_NIGHT);
    let functions = &world.host.machine().functions;
    let sweep = || functions.expire(now);
    let (one, two, three) = bounded(Box::pin(async { tokio::join!(sweep(), sweep(), sweep()) })).await;
    let booked: usize = [one, two, three].into_iter().map(|swept| swept.unwrap().booked).sum();
    assert_eq!(booked, 3);
    let alone = World::start().await;
    let expected = set_up_night(&alone, "night").await;
    sweep_at(&alone, THAT_NIGHT).await;
    assert_eq!(books(&world, &ids).await, books(&alone, &expected).await);
}

/// Sends a call until it is answered, since the function that serves it may die.
async fn debit_until_answered(world: &World, account: &str, record: Value) {
    for _ in 0..20 {
        let sent = world.operator.debit(account, std::slice::from_ref(&record));
        if let Ok(answer) = tokio::time::timeout(Duration::from_secs(2), sent).await
            && answer.status == 200
        {
            assert_eq!(answer.body["accepted"], 1, "{}", answer.body);
            return;
        }
    }
    panic!("{record} was never accepted");
}

/// Sends thirty calls to each account, independently of the sweep.
async fn debit_all(world: &World, ids: &[String]) {
    for number in 0..30 {
        for id in ids {
            let call = rated(&format!("during-{number}"), "2027-01-05T00:10:00Z", "1.0000");
            debit_until_answered(world, id, call).await;
        }
    }
}

#[tokio::test]
async fn e1_debits_during_interrupted_sweeps_do_not_change_their_result() {
    let world = World::start().await;
    let ids = set_up_night(&world, "night").await;
    world.set_time(THAT_NIGHT);
    let sweeps = async {
        for step in [9, 3, 11, 0, 10, 8, 12, 5] {
            let machine = world.host.machine();
            let kind = if step % 2 == 0 { Kind::DeathBefore } else { Kind::DeathAfter };
            // The fault may hit a call of a debit. Then that function dies, and the debit is sent again.
            machine.faults.arm(Fault { target: Some(Target::Database), kind, skip: step, count: 1 });
            tokio::select! {
                _ = machine.functions.expire(THAT_NIGHT.parse().expect("an instant")) => {}
                () = machine.faults.death() => {}
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    bounded(Box::pin(async { tokio::join!(sweeps, debit_all(&world, &ids)) })).await;
    world.host.machine().faults.disarm();
    sweep_at(&world, THAT_NIGHT).await;

    // The same without disturbance: the sweep, then the debits.
    let alone = World::start().await;
    let expected = set_up_night(&alone, "night").await;
    sweep_at(&alone, THAT_NIGHT).await;
    debit_all(&alone, &expected).await;
    for id in &ids {
        world.operator.assert_books_balance(id).await;
        let (shown, other) = (world.operator.account(id).await, alone.operator.account(id).await);
        for field in ["balance", "available", "owed", "status", "nextExpiry"] {
            assert_eq!(shown[field], other[field], "{id}: {field}");
        }
        // The entries are the same. Their balances depend on the order and are left out.
        let rows = |rows: Vec<Value>| -> Vec<_> {
            rows.iter().map(|row| (row["transactionId"].clone(), row["amount"].clone())).collect()
        };
        let (found, expected) =
            (world.operator.transactions(id).await, alone.operator.transactions(id).await);
        assert_eq!(rows(found), rows(expected), "{id}");
    }
}

#[tokio::test]
async fn e2_the_cost_of_a_night_depends_on_the_due_accounts_alone() {
    let world = World::start().await;
    account_with_funds(&world, "due").await;
    world.copy_account("due", "due", 199);
    for (number, bought) in
        ["2026-04-01T00:00:00Z", "2026-07-01T00:00:00Z", "2026-10-01T00:00:00Z"].into_iter().enumerate()
    {
        let template = format!("template-{number}");
        world.set_time(bought);
        world.account(&template).await;
        buy_at(&world, &template, bought, "k", "100.00").await;
        world.copy_account(&template, &format!("later-{number}"), 33_267);
    }

    let before = world.units("expire").await;
    assert_eq!(sweep_at(&world, THAT_NIGHT).await, (200, 200, 0));
    let cost = world.units("expire").await - before;
    // The account, its end of the day and the journal entry count twice each, as they are one transaction. An index entry is
    // deleted, since no recovery has looked at these accounts after their lots expired. Another moves to the day on which people
    // are told of the card (N13), which counts twice. One is written for the late entry.
    assert_eq!(cost.write, Decimal::from(200 * (6 + 1 + 2 + 1)));
    // Each account is read once, and 200 entries of the index.
    assert!(cost.read >= Decimal::from(200) && cost.read <= Decimal::from(220), "read {}", cost.read);
    for id in ["due", "due-0", "due-198"] {
        let shown = world.operator.account(id).await;
        assert_eq!(decimal(&shown["balance"]), Decimal::ZERO, "{id}");
    }

    let before = world.units("expire").await;
    assert_eq!(sweep_at(&world, THAT_NIGHT).await, (0, 0, 0));
    let cost = world.units("expire").await - before;
    assert!(cost.read <= Decimal::from(8) && cost.write.is_zero(), "{cost:?}");
}

/// A run makes at most twenty commits on an account, of ninety lots each. The next run books the other lots.
#[tokio::test]
async fn e1_a_run_books_a_limited_number_of_lots_and_the_next_continues() {
    let world = World::start().await;
    world.set_time(BOUGHT);
    let now = BOUGHT.parse().unwrap();
    let currency = Currency::parse("EUR").unwrap();
    let mut account = Account::open(AccountId::parse("a").unwrap(), currency, BillingModel::Prepaid, now);
    account.lots = (0..20 * 90 + 50)
        .map(|number| {
            let id = LotId::parse(format!("adj_{number:04}")).unwrap();
            Lot::new(id, now, EXPIRES.parse().unwrap(), Money::of_minor_units(100, currency), now)
        })
        .collect();
    let change = Change { profile: Some(Profile::default()), ..Change::of(account) };
    let store = &world.host.machine().functions.purchase_ports().store;
    assert!(store.create(&change).await.unwrap());
    assert_eq!(sweep_at(&world, BOOKED).await, (1, 20 * 90, 0));
    assert_eq!(sweep_at(&world, BOOKED).await, (1, 50, 0));
    assert_eq!(sweep_at(&world, BOOKED).await, (0, 0, 0));
}
