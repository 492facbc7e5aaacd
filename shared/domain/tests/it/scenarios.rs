//! Decisions on an account, and the journal entries and balances that follow. Each test is named after its rule and has the
//! rule's limits as data.

use domain::account::{DayEnd, PostUsage};
use domain::adjustment::{self, AdjustmentRequest};
use domain::card_payment::{ABANDONED, CardPaymentState, LEASE};
use domain::change::MAX_ITEMS_PER_COMMIT;
use domain::change::{Change, Decision};
use domain::declines::Declines;
use domain::hold::Holds;
use domain::journal::EntryDetails;
use domain::movements::Movements;
use domain::purchase::{self, ChargeRange, PurchaseLimits, PurchaseRefusal};
use domain::rate::RatingBasis;
use domain::settlement::{self, NotOpen};
use domain::{
    Account, BillingModel, CardPayment, CardPaymentKind, Currency, Draft, EntryKind, EventDetails,
    Fingerprint, JournalEntry, Lot, LotId, RateTable, RecordId, Service, Status, UsageRecord, debit, expiry,
};
use jiff::{SignedDuration, Timestamp};

use crate::books::Books;
use crate::given::{
    account, at, call, card_holder, changed_at, currency, decimal, euros, hours, millis, money, owing,
    payment_id, priced, purchase_of, with_lots,
};

/// The instant of most scenarios.
const NOON: &str = "2027-01-10T12:00:00Z";

// Decisions.

pub(crate) fn pay_for(
    account: &Account,
    now: Timestamp,
    records: &[UsageRecord],
) -> Decision<Vec<debit::Outcome>> {
    let header = "service,prefix,destination,country,currency,perMinute,connectionFee,firstIncrement,nextIncrement,\
                  effectiveFrom";
    let rates =
        rates::read(format!("{header}\nuserOut,33,France,FR,EUR,0.02,0.1,60,60,2025-01-01\n").as_bytes())
            .unwrap();
    let Decision { change, answer } =
        debit::decide(account, now, &records.iter().collect::<Vec<_>>(), &[], priced(&rates), &Holds::new());
    assert_eq!(answer.kept, 0);
    Decision { change, answer: answer.outcomes }
}

fn charge(account: &Account, now: Timestamp, amount: &str) -> Decision<Vec<debit::Outcome>> {
    pay_for(account, now, &[call("c", now, 60, Some(amount))])
}

fn open(
    account: &Account,
    now: Timestamp,
    id: &str,
    amount: &str,
) -> Result<Decision<CardPayment>, PurchaseRefusal> {
    let request = purchase_of(id, decimal(amount));
    purchase::open(account, &card_holder(), now, &request, &PurchaseLimits::default())
}

fn adjust(amount: &str, expires_at: Option<&str>, allow_negative: bool) -> AdjustmentRequest {
    AdjustmentRequest {
        id: payment_id("adj_1"),
        fingerprint: Fingerprint::of([amount]),
        amount: decimal(amount),
        reason: "goodwill".into(),
        author: "ada".into(),
        expires_at: expires_at.map(at),
        allow_negative,
    }
}

/// A purchase that opens and succeeds at the same instant.
fn buy(account: &Account, now: Timestamp, id: &str, amount: &str) -> Decision<CardPayment> {
    let opened = open(account, now, id, amount).unwrap();
    settlement::succeed(&opened.change.unwrap().account, now, &opened.answer, "pi_1").unwrap()
}

// Decisions and accounts as text.

/// The account after the commit, whose invariants are checked; the same account if there is no commit.
fn after<T>(before: &Account, decision: &Decision<T>) -> Account {
    let Some(change) = &decision.change else { return before.clone() };
    Books::of(before).enter(before, change);
    change.account.clone()
}

/// One line for each entry of the commit.
fn rows<T>(decision: &Decision<T>) -> Vec<String> {
    decision.change.iter().flat_map(|change| &change.entries).map(row).collect()
}

/// An entry as text, such as `usage -3.0000 = 7.0000 from a 1.0000 + b 2.0000, after use 1.0000`.
fn row(row: &JournalEntry) -> String {
    let draws: Vec<_> = row.draws.iter().map(|draw| format!("{} {}", draw.lot, draw.amount)).collect();
    let from = if draws.is_empty() { String::new() } else { format!(" from {}", draws.join(" + ")) };
    let post_usage =
        if row.post_usage.is_zero() { String::new() } else { format!(", after use {}", row.post_usage) };
    format!("{} {} = {}{from}{post_usage}", row.details.kind().as_str(), row.amount, row.balance)
}

/// An account as text, such as `a 7.0000, b 2.0000, owed 1.0000, after use 1.0000`, without parts that are zero.
fn stands(account: &Account) -> String {
    let mut parts: Vec<_> = account.lots.iter().map(|lot| format!("{} {}", lot.id, lot.remaining)).collect();
    for (name, amount) in [("owed", account.owed), ("after use", account.post_usage.amount)] {
        if !amount.is_zero() {
            parts.push(format!("{name} {amount}"));
        }
    }
    parts.join(", ")
}

fn events<T>(decision: &Decision<T>) -> &[EventDetails] {
    decision.change.as_ref().map_or(&[], |change| &change.events)
}

fn only_row<T>(decision: &Decision<T>) -> &JournalEntry {
    let Some(Change { entries, .. }) = &decision.change else { panic!("nothing was committed") };
    let [row] = &entries[..] else { panic!("expected one row: {entries:?}") };
    row
}

// Time and money (T).

#[test]
fn t1_a_call_starts_at_most_five_minutes_after_now() {
    let account = euros(&[("a", "2027-06-01T00:00:00Z", "10")]);
    for (starts_in, accepted) in [(0, true), (299, true), (300, true), (301, false), (86_400, false)] {
        let mut record = call("c", at(NOON), 0, Some("1"));
        record.started_at = at(NOON) + SignedDuration::from_secs(starts_in);
        let decision = pay_for(&account, at(NOON), &[record]);
        assert_eq!(decision.change.is_some(), accepted, "{starts_in} s");
        if let [debit::Outcome::Invalid(problem)] = &decision.answer[..] {
            assert_eq!(problem.to_string(), "startedAt: expected a start at most five minutes after now");
        }
    }
}

#[test]
fn t1_the_time_of_an_account_never_goes_back() {
    let lots = [("a", "2027-03-01T00:00:00Z", "10"), ("b", "2027-06-01T00:00:00Z", "10")];
    let account = Account { as_of: at("2027-03-10T00:00:00Z"), ..euros(&lots) };
    let event = at("2027-02-01T00:00:00Z");
    // Lot a is usable at the instant of the request. At the account's own time it expired too long ago for this call.
    let decision = charge(&account, event, "1");
    assert_eq!(rows(&decision), ["usage -1.0000 = 19.0000 from b 1.0000"]);
    assert_eq!(only_row(&decision).posted_at, account.as_of);
    assert_eq!(after(&account, &decision).as_of, account.as_of);

    let opened = open(&account, event, "pur_1", "50").unwrap().answer;
    assert_eq!(opened.created_at, account.as_of, "a purchase has the account's time too");
    let adjusted = adjustment::decide(&account, event, &adjust("-11", None, false));
    assert!(adjusted.is_err(), "lot a is not available at that time");
    assert_eq!(expiry::sweep(&account, event).answer.booked, 1, "lot a is due for booking at that time");
}

#[test]
fn t2_balance_counts_expired_funds_and_available_does_not() {
    let account = Account {
        owed: money("1", "EUR"),
        ..euros(&[("a", "2027-03-01T00:00:00Z", "10"), ("b", "2027-06-01T00:00:00Z", "5")])
    };
    for (now, available) in [
        ("2027-02-28T23:59:59.999Z", "14.0000"),
        ("2027-03-01T00:00:00Z", "4.0000"),
        ("2027-06-01T00:00:00Z", "-1.0000"),
    ] {
        assert_eq!(account.balance().to_string(), "14.0000");
        assert_eq!(account.available(at(now)).to_string(), available, "{now}");
    }
}

#[test]
fn t3_charges_are_exact_to_two_decimals_below_the_minor_unit() {
    for (code, smallest, left, too_fine, said) in [
        ("EUR", "0.0001", "9.9999", "0.00001", "charge: expected at most 4 decimals for EUR"),
        ("JPY", "0.01", "9.99", "0.001", "charge: expected at most 2 decimals for JPY"),
        ("KWD", "0.00001", "9.99999", "0.000001", "charge: expected at most 5 decimals for KWD"),
    ] {
        let account = with_lots(code, BillingModel::Prepaid, &[("a", "2027-06-01T00:00:00Z", "10")]);
        assert_eq!(only_row(&charge(&account, at(NOON), smallest)).balance.to_string(), left);
        let decision = charge(&account, at(NOON), too_fine);
        assert!(decision.change.is_none());
        assert!(
            matches!(&decision.answer[..], [debit::Outcome::Invalid(problem)] if problem.to_string() == said)
        );
    }
}

// Accounts (A).

#[test]
fn a2_a_finished_call_is_always_recorded() {
    let account = owing("3");
    let decision = charge(&account, at(NOON), "2.5");
    assert_eq!(rows(&decision), ["usage -2.5000 = -5.5000"]);
    assert_eq!(stands(&after(&account, &decision)), "owed 5.5000");
}

#[test]
fn a3_depleted_at_zero_or_below_unless_paid_after_use() {
    for (billing_model, charged, status) in [
        (BillingModel::Prepaid, "9.9999", Status::Active),
        (BillingModel::Prepaid, "10", Status::Depleted),
        (BillingModel::Prepaid, "10.0001", Status::Depleted),
        (BillingModel::PostUsage, "10", Status::Active),
        (BillingModel::PostUsage, "11", Status::Active),
    ] {
        let account = with_lots("EUR", billing_model, &[("a", "2027-06-01T00:00:00Z", "10")]);
        let account = after(&account, &charge(&account, at(NOON), charged));
        assert_eq!(account.status(at(NOON)), status, "{billing_model:?} {charged}");
    }
    let account = euros(&[("a", "2027-06-01T00:00:00Z", "10")]);
    assert_eq!(
        account.status(at("2027-06-01T00:00:00Z")),
        Status::Depleted,
        "expired funds are not available"
    );
}

// Funds (F).

#[test]
fn f1_funds_expire_after_twelve_calendar_months() {
    for (asked_for, expires) in [
        ("2028-02-29T12:00:00Z", "2029-02-28T12:00:00Z"),
        ("2027-02-28T23:59:59.999Z", "2028-02-28T23:59:59.999Z"),
        ("2027-12-31T10:00:00Z", "2028-12-31T10:00:00Z"),
    ] {
        let account = account("EUR", BillingModel::Prepaid, at(asked_for));
        let opened = open(&account, at(asked_for), "pur_1", "50").unwrap();
        let account = opened.change.unwrap().account;
        // The payment succeeds a day later. The funds are dated at the request.
        let decision =
            settlement::succeed(&account, at(asked_for) + hours(24), &opened.answer, "pi_1").unwrap();
        assert_eq!(rows(&decision), ["purchase 50.0000 = 50.0000"]);
        assert_eq!(only_row(&decision).at, at(asked_for));
        let account = after(&account, &decision);
        assert_eq!((account.lots[0].purchased_at, account.lots[0].expires_at), (at(asked_for), at(expires)));
        let available = |now| account.available(now).to_string();
        assert_eq!(available(at(expires) - millis(1)), "50.0000", "{expires}");
        assert_eq!(available(at(expires)), "0.0000", "{expires}");
    }
}

#[test]
fn f1_a_new_purchase_never_extends_an_older_lot() {
    let account = euros(&[("a", "2027-03-01T00:00:00Z", "10")]);
    let account = buy(&account, at(NOON), "pur_1", "50").change.unwrap().account;
    let expiries: Vec<_> = account.lots.iter().map(|lot| lot.expires_at.to_string()).collect();
    assert_eq!(expiries, ["2027-03-01T00:00:00Z", "2028-01-10T12:00:00Z"]);
}

#[test]
fn f2_amounts_are_between_the_limits() {
    for (list, code, amount, refused) in [
        ("", "EUR", "50", ""),
        ("", "EUR", "49.99", "expected at least 50 EUR"),
        ("", "EUR", "0", "expected at least 50 EUR"),
        ("", "EUR", "-50", "expected at least 50 EUR"),
        ("", "EUR", "100000", ""),
        ("", "EUR", "100000.01", "expected at most 100000 EUR"),
        ("", "EUR", "1000000000000000", "expected at most 100000 EUR"),
        ("", "EUR", "-1000000000000000", "expected at least 50 EUR"),
        ("", "EUR", "50.001", "expected at most 2 decimals, as a card is charged in EUR"),
        ("", "JPY", "5000", ""),
        ("", "JPY", "4999", "expected at least 5000 JPY"),
        ("", "JPY", "10000000", ""),
        ("", "JPY", "10000001", "expected at most 10000000 JPY"),
        ("", "JPY", "5000.5", "expected at most 0 decimals, as a card is charged in JPY"),
        ("", "KWD", "50.001", ""),
        ("", "KWD", "50.0001", "expected at most 3 decimals, as a card is charged in KWD"),
        ("EUR=10..20.5", "EUR", "10", ""),
        ("EUR=10..20.5", "EUR", "9.99", "expected at least 10 EUR"),
        ("EUR=10..20.5", "EUR", "20.51", "expected at most 20.5 EUR"),
        ("EUR=10..20.5", "KWD", "49", "expected at least 50 KWD"),
        (" JPY=100..200 , EUR=1..2,", "JPY", "100", ""),
        (" JPY=100..200 , EUR=1..2,", "EUR", "3", "expected at most 2 EUR"),
    ] {
        let checked = PurchaseLimits::parse(list).unwrap().check(decimal(amount), currency(code));
        let said = checked.map_or_else(|refusal| refusal.to_string(), |_| String::new());
        assert_eq!(said, refused, "{list} {code} {amount}");
    }
}

#[test]
fn f2_a_list_of_limits_that_cannot_be_read_names_the_item() {
    for bad in [
        "EUR",
        "EUR=50",
        "EUR=50..",
        "EUR=..50",
        "EUR=a..b",
        "EUR=0..50",
        "EUR=-1..50",
        "EUR=100..50",
        "EUR=1..1000000000000000",
        "eur=1..2",
        "XAU=1..2",
        "EUR=1..2;JPY=1..2",
    ] {
        let problem = PurchaseLimits::parse(&format!("KWD=1..2,{bad}")).unwrap_err().to_string();
        assert!(problem.ends_with(&format!("not {bad:?}")), "{problem}");
    }
}

/// A processor that charges dinars by hundredths and francs in a narrow range, and no other currency but the euro and the yen.
fn charged(currency: Currency) -> Option<ChargeRange> {
    let (smallest, largest, digits) = match currency.code() {
        "EUR" => ("0.50", "999999.99", 2),
        "JPY" => ("50", "99999999", 0),
        "KWD" => ("0.2", "99999.99", 2),
        "XPF" => ("80", "90", 0),
        _ => return None,
    };
    Some(ChargeRange { smallest: decimal(smallest), largest: decimal(largest), digits })
}

#[test]
fn f2_limits_keep_to_the_amounts_that_the_processor_charges() {
    let limits = PurchaseLimits::default().within(charged).unwrap();
    for (code, amount, refused) in [
        ("EUR", "50", ""),
        ("EUR", "100000.01", "expected at most 100000 EUR"),
        ("KWD", "99999.99", ""),
        ("KWD", "100000", "expected at most 99999.99 KWD"),
        ("KWD", "50.123", "expected at most 2 decimals, as a card is charged in KWD"),
        ("KWD", "50.120", ""),
        ("XPF", "50", "expected at least 80 XPF"),
        ("XPF", "91", "expected at most 90 XPF"),
        ("USD", "50", "the card processor does not charge USD"),
    ] {
        let said = limits.check(decimal(amount), currency(code));
        let said = said.map_or_else(|refusal| refusal.to_string(), |_| String::new());
        assert_eq!(said, refused, "{code} {amount}");
    }
    for (list, problem) in [
        ("KWD=1..99999.99", ""),
        ("KWD=1..100000", "purchase limits: the card processor charges 0.2 to 99999.99 KWD"),
        ("EUR=0.49..50", "purchase limits: the card processor charges 0.50 to 999999.99 EUR"),
        ("USD=1..2", "purchase limits: the card processor does not charge USD"),
    ] {
        let within = PurchaseLimits::parse(list).unwrap().within(charged);
        assert_eq!(within.map_or_else(|problem| problem.to_string(), |_| String::new()), problem, "{list}");
    }
}

#[test]
fn f4_a_declined_card_credits_nothing_and_says_why() {
    let before = euros(&[]);
    let opened = open(&before, at(NOON), "pur_1", "50").unwrap();
    let account = after(&before, &opened);
    let decision = settlement::decline(&account, at(NOON), &opened.answer, "insufficient_funds").unwrap();
    assert_eq!(decision.answer.state, CardPaymentState::Declined { reason: "insufficient_funds".into() });
    assert!(
        matches!(events(&decision), [EventDetails::PaymentDeclined { reason, .. }] if reason == "insufficient_funds")
    );
    let closed = after(&account, &decision);
    let declines = Declines::from_stored(vec![at(NOON)]);
    assert_eq!(closed, Account { version: 3, as_of: at(NOON), declines, ..before });
}

#[test]
fn f5_a_payment_ends_as_one_lot_or_none_however_often_it_is_closed() {
    let account = euros(&[]);
    let opened = open(&account, at(NOON), "pur_1", "50").unwrap();
    let account = after(&account, &opened);
    assert_eq!(account.due_for_recharge(), Some(at(NOON) + LEASE), "recovery looks at it soon");

    let (now, later) = (at(NOON) + hours(1), at(NOON) + hours(5));
    let unknown = settlement::still_unknown(&account, now, &opened.answer, later).unwrap();
    let account = after(&account, &unknown);
    assert_eq!(unknown.answer.state, opened.answer.state);
    assert_eq!(account.due_for_recharge(), Some(later));

    let person =
        settlement::await_owner(&account, now, &unknown.answer, "pi_1", "https://x", later + hours(1))
            .unwrap();
    let account = after(&account, &person);
    assert_eq!(person.answer.intent(), Some("pi_1"));
    assert_eq!(account.due_for_recharge(), Some(later + hours(1)));

    let succeeded = settlement::succeed(&account, now, &person.answer, "pi_1").unwrap();
    let account = after(&account, &succeeded);
    let expiry = account.lots[0].expires_at;
    assert_eq!((stands(&account), account.due_for_recharge()), ("pur_1 50.0000".into(), Some(expiry)));
    assert_eq!(settlement::succeed(&account, now, &person.answer, "pi_1").unwrap_err(), NotOpen);
    assert_eq!(settlement::decline(&account, now, &person.answer, "abandoned").unwrap_err(), NotOpen);
    assert_eq!(settlement::still_unknown(&account, now, &person.answer, later).unwrap_err(), NotOpen);
}

#[test]
fn f6_a_post_usage_account_cannot_buy_but_spends_what_it_has() {
    let account = with_lots("EUR", BillingModel::PostUsage, &[("a", "2027-06-01T00:00:00Z", "10")]);
    assert_eq!(open(&account, at(NOON), "pur_1", "50").unwrap_err(), PurchaseRefusal::PostUsage);
    assert_eq!(rows(&charge(&account, at(NOON), "4")), ["usage -4.0000 = 6.0000 from a 4.0000"]);
}

#[test]
fn f7_what_is_owed_is_repaid_first() {
    for (owed, arrives, stand) in [
        ("3", "50", "adj_1 47.0000"),
        ("49.9999", "50", "adj_1 0.0001"),
        ("50", "50", ""),
        ("50.0001", "50", "owed 0.0001"),
        ("0", "50", "adj_1 50.0000"),
    ] {
        let account = owing(owed);
        let decision = adjustment::decide(&account, at(NOON), &adjust(arrives, None, false)).unwrap();
        let adjusted = after(&account, &decision);
        assert_eq!(stands(&adjusted), stand, "owed {owed}");
        assert!(
            adjusted.lots.iter().all(|lot| lot.amount == money("50", "EUR")),
            "the lot begins with it all"
        );
        assert_eq!(only_row(&decision).amount.to_string(), "50.0000");

        let bought = buy(&account, at(NOON), "adj_1", arrives).change.unwrap().account;
        assert_eq!(stands(&bought), stand, "bought when {owed} is owed");
    }
}

#[test]
fn f8_receipts_are_numbered_without_gaps() {
    let mut account = euros(&[]);
    let mut payments = Vec::new();
    for id in ["pur_1", "pur_2", "pur_3"] {
        let opened = open(&account, at(NOON), id, "50").unwrap();
        account = after(&account, &opened);
        payments.push(opened.answer);
    }
    assert_eq!(payments[0].po_number.as_deref(), Some("PO-7"), "the PO number at the time of the purchase");
    let second = settlement::succeed(&account, at(NOON), &payments[1], "pi_2").unwrap();
    account = after(&account, &second);
    account =
        after(&account, &settlement::decline(&account, at(NOON), &payments[0], "card_declined").unwrap());
    let third = CardPayment { kind: CardPaymentKind::Recharge, ..payments[2].clone() };
    let third = settlement::succeed(&account, at(NOON), &third, "pi_3").unwrap();
    let receipt = |decision: &Decision<CardPayment>| match &decision.answer.state {
        CardPaymentState::Succeeded { receipt_number, .. } => *receipt_number,
        other => panic!("{other:?}"),
    };
    assert_eq!((receipt(&second), receipt(&third)), (1, 2));
    assert_eq!(only_row(&third).key.as_str(), "2027-01-10T12:00:00.000Z#recharge#pur_3");
}

#[test]
fn f9_adjustments() {
    // Lot a has expired and is not booked yet, so its 5 are not available.
    let now = "2027-03-02T00:00:00Z";
    let lots = [
        ("a", "2027-03-01T00:00:00Z", "5"),
        ("b", "2027-06-01T00:00:00Z", "4"),
        ("c", "2027-07-01T00:00:00Z", "6"),
    ];
    let account = euros(&lots);
    for (amount, expires_at, allow_negative, row, stand) in [
        ("7", None, false, "adjustment 7.0000 = 22.0000", "a 5.0000, b 4.0000, c 6.0000, adj_1 7.0000"),
        (
            "7",
            Some("2027-05-01T00:00:00Z"),
            false,
            "adjustment 7.0000 = 22.0000",
            "a 5.0000, adj_1 7.0000, b 4.0000, c 6.0000",
        ),
        ("-5", None, false, "adjustment -5.0000 = 10.0000 from b 4.0000 + c 1.0000", "a 5.0000, c 5.0000"),
        ("-10", None, false, "adjustment -10.0000 = 5.0000 from b 4.0000 + c 6.0000", "a 5.0000"),
        ("-11", None, true, "adjustment -11.0000 = 4.0000 from b 4.0000 + c 6.0000", "a 5.0000, owed 1.0000"),
    ] {
        let decision =
            adjustment::decide(&account, at(now), &adjust(amount, expires_at, allow_negative)).unwrap();
        assert_eq!(rows(&decision), [row]);
        assert_eq!(stands(&after(&account, &decision)), stand);
        let EntryDetails::Adjustment { reason, author, .. } = &only_row(&decision).details else {
            panic!("{row}")
        };
        assert_eq!((reason.as_str(), author.as_str()), ("goodwill", "ada"));
    }
    let added = adjustment::decide(&account, at(now), &adjust("7", None, false)).unwrap();
    let lots = after(&account, &added).lots;
    assert_eq!(lots[3].expires_at, at("2028-03-02T00:00:00Z"), "12 months if no expiry is given");
}

#[test]
fn f9_adjustments_refused() {
    let account = euros(&[("a", "2027-03-01T00:00:00Z", "5"), ("b", "2027-06-01T00:00:00Z", "10")]);
    let expiry = "expected an instant after now, on a positive amount";
    for (amount, expires_at, allow_negative, said) in [
        ("0", None, true, "expected an amount other than zero"),
        ("-10.0001", None, false, "only 10.0000 is available; allowNegative takes more"),
        ("-1", Some("2027-05-01T00:00:00Z"), true, expiry),
        ("1", Some("2027-03-02T00:00:00Z"), false, expiry),
        ("1", Some("2027-03-01T23:59:59.999Z"), false, expiry),
        ("1", Some("9001-01-01T00:00:00Z"), false, expiry),
        ("0.00001", None, false, "expected at most 4 decimals for EUR"),
        ("1000000000000000", None, false, "expected an amount below 1 000 000 000 000 000"),
    ] {
        let request = adjust(amount, expires_at, allow_negative);
        let refusal = adjustment::decide(&account, at("2027-03-02T00:00:00Z"), &request).unwrap_err();
        assert_eq!(refusal.to_string(), said, "{amount} {expires_at:?}");
    }
}

#[test]
fn f11_expired_lots_do_not_count_towards_the_limit() {
    let expiry = at("2027-06-01T00:00:00Z");
    let account = many_lots(500, expiry);
    let a_moment_before = expiry - SignedDuration::from_millis(1);
    assert!(open(&account, a_moment_before, "pur_last", "50").is_err());
    assert!(open(&account, expiry, "pur_last", "50").is_ok(), "expired lots do not count");
}

#[test]
fn f11_at_most_500_lots_and_pending_purchases() {
    let full = "the account has 500 live lots and pending purchases, the most there may be";
    for (lots, pending, room) in
        [(498, 1, true), (499, 0, true), (499, 1, false), (500, 0, false), (498, 2, false)]
    {
        let mut account = many_lots(lots, at("2027-06-01T00:00:00Z"));
        let mut payments = Vec::new();
        for index in 0..pending {
            let opened = open(&account, at(NOON), &format!("pur_{index}"), "50").unwrap();
            account = after(&account, &opened);
            payments.push(opened.answer);
        }
        let bought = open(&account, at(NOON), "pur_last", "50");
        let adjusted = adjustment::decide(&account, at(NOON), &adjust("1", None, false));
        assert_eq!((bought.is_ok(), adjusted.is_ok()), (room, room), "{lots} lots, {pending} pending");
        if let (Err(bought), Err(adjusted)) = (bought, adjusted) {
            assert_eq!((bought.to_string(), adjusted.to_string()), (full.to_owned(), full.to_owned()));
            assert!(
                adjustment::decide(&account, at(NOON), &adjust("-1", None, false)).is_ok(),
                "a negative adjustment needs no lot"
            );
        }
        // A declined purchase makes room for another. A pending purchase always has room for its lot.
        if let Some(payment) = payments.pop() {
            let declined = settlement::decline(&account, at(NOON), &payment, "card_declined").unwrap();
            assert!(open(&after(&account, &declined), at(NOON), "pur_last", "50").is_ok());
            let succeeded = settlement::succeed(&account, at(NOON), &payment, "pi_1").unwrap();
            assert_eq!(after(&account, &succeeded).lots.len(), lots + 1);
        }
    }
}

fn many_lots(count: usize, expires_at: Timestamp) -> Account {
    let mut account = euros(&[]);
    account.lots = (0..count)
        .map(|index| {
            let id = LotId::parse(format!("lot_{index:03}")).unwrap();
            Lot::new(id, account.created_at, expires_at, money("1", "EUR"), account.created_at)
        })
        .collect();
    account.depletion_told = false;
    account
}

// Spending (S).

#[test]
fn s1_oldest_expiry_first_and_the_rest_is_owed() {
    let march = "2027-03-01T00:00:00Z";
    let june = "2027-06-01T00:00:00Z";
    let in_order = [("a", march, "2"), ("b", june, "3")];
    let together = [("b", march, "2"), ("a", june, "1"), ("c", march, "3")];
    for (lots, charged, row, stand) in [
        (&in_order[..], "0.5", "usage -0.5000 = 4.5000 from a 0.5000", "a 1.5000, b 3.0000"),
        (&in_order, "2", "usage -2.0000 = 3.0000 from a 2.0000", "b 3.0000"),
        (&in_order, "2.0001", "usage -2.0001 = 2.9999 from a 2.0000 + b 0.0001", "b 2.9999"),
        (&in_order, "5", "usage -5.0000 = 0.0000 from a 2.0000 + b 3.0000", ""),
        (&in_order, "6", "usage -6.0000 = -1.0000 from a 2.0000 + b 3.0000", "owed 1.0000"),
        (&in_order, "0", "usage 0.0000 = 5.0000", "a 2.0000, b 3.0000"),
        (&together, "4", "usage -4.0000 = 2.0000 from b 2.0000 + c 2.0000", "c 1.0000, a 1.0000"),
        (&[], "1", "usage -1.0000 = -1.0000", "owed 1.0000"),
    ] {
        let account = euros(lots);
        let decision = charge(&account, at(NOON), charged);
        assert_eq!(rows(&decision), [row]);
        assert_eq!(stands(&after(&account, &decision)), stand, "{row}");
    }
}

#[test]
fn s1_lots_that_expire_together_pay_in_the_order_of_their_ids() {
    let june = Some("2027-06-01T00:00:00Z");
    for order in [["adj_1", "adj_2", "adj_3"], ["adj_3", "adj_1", "adj_2"], ["adj_2", "adj_3", "adj_1"]] {
        let mut account =
            euros(&[("old", "2027-03-01T00:00:00Z", "1"), ("young", "2027-07-01T00:00:00Z", "1")]);
        for id in order {
            let request = AdjustmentRequest { id: payment_id(id), ..adjust("1", june, false) };
            account = after(&account, &adjustment::decide(&account, at(NOON), &request).unwrap());
        }
        let row = "usage -3.5000 = 1.5000 from old 1.0000 + adj_1 1.0000 + adj_2 1.0000 + adj_3 0.5000";
        assert_eq!(rows(&charge(&account, at(NOON), "3.5")), [row], "{order:?}");
    }
}

#[test]
fn s2_the_key_of_a_record_depends_on_its_start_id_and_revision_alone() {
    let account = euros(&[]);
    let key = "2027-01-10T11:59:00.000Z#usage#c#1";
    let without_rate = UsageRecord { service: Service::TollIn, ..call("c", at(NOON), 60, None) };
    for (record, kind) in [
        (call("c", at(NOON), 60, Some("1")), EntryKind::Usage),
        (call("c", at(NOON), 60, None), EntryKind::Usage),
        (call("c", at("2027-01-10T11:59:00Z"), 0, None), EntryKind::Usage),
        (without_rate, EntryKind::Unrated),
    ] {
        // The instant of the request is not in the key either.
        for now in [NOON, "2027-01-12T00:00:00Z", "2027-12-31T00:00:00Z"] {
            let decision = pay_for(&account, at(now), std::slice::from_ref(&record));
            assert_eq!((only_row(&decision).key.as_str(), only_row(&decision).details.kind()), (key, kind));
            assert_eq!(only_row(&decision).fingerprint, record.fingerprint(account.currency));
        }
    }
}

#[test]
fn s2_the_same_record_again_or_a_conflict() {
    let (eur, usd) = (Some(currency("EUR")), Some(currency("USD")));
    let first = call("c", at(NOON), 60, Some("1.50"));
    let to_rate = call("c", at(NOON), 60, None);
    for (again, same) in [
        (first.clone(), true),
        (UsageRecord { charge: Some(decimal("1.5000")), ..first.clone() }, true),
        (UsageRecord { currency: eur, ..first.clone() }, true),
        (UsageRecord { user_id: Some("ada".into()), call_id: Some("x".into()), ..first.clone() }, true),
        (UsageRecord { duration_seconds: 61, ..first.clone() }, false),
        (UsageRecord { service: Service::Premium, ..first.clone() }, false),
        (UsageRecord { charge: Some(decimal("1.51")), ..first.clone() }, false),
        (UsageRecord { currency: usd, ..first.clone() }, false),
        (to_rate, false),
    ] {
        let eur = currency("EUR");
        assert_eq!(again.fingerprint(eur) == first.fingerprint(eur), same, "{again:?}");
    }
    let free = UsageRecord { charge: Some(decimal("0")), ..first.clone() };
    let to_rate = UsageRecord { charge: None, ..first };
    assert_ne!(
        free.fingerprint(currency("EUR")),
        to_rate.fingerprint(currency("EUR")),
        "a charge of zero differs from no charge"
    );
}

#[test]
fn s2_a_change_of_rates_does_not_make_a_repeat_a_conflict() {
    let eur = currency("EUR");
    let named = |service| UsageRecord { service, ..call("c", at(NOON), 60, Some("1.50")) };
    let by_rates = |service| UsageRecord { service_by_rates: true, ..named(service) };
    let reported = by_rates(Service::UserOut);
    for (again, same) in [
        (by_rates(Service::Premium), true),
        // A record whose sender names the service has no flag, nor has an entry written before the flag existed.
        (named(Service::UserOut), true),
        (named(Service::Premium), true),
        (named(Service::ConferenceOut), false),
        (UsageRecord { duration_seconds: 61, ..by_rates(Service::Premium) }, false),
        (UsageRecord { charge: None, ..by_rates(Service::Premium) }, false),
        (UsageRecord { currency: Some(currency("USD")), ..by_rates(Service::Premium) }, false),
    ] {
        assert_eq!(again.repeats(&reported, eur), same, "{again:?}");
        assert_eq!(reported.repeats(&again, eur), same, "{again:?}");
    }
    assert!(
        !named(Service::Premium).repeats(&named(Service::UserOut), eur),
        "the sender named another service"
    );
    assert_eq!(reported.fingerprint(eur), by_rates(Service::Premium).fingerprint(eur));
    assert_eq!(
        reported.fingerprint(eur),
        named(Service::UserOut).fingerprint(eur),
        "the fingerprint does not depend on the flag"
    );
    assert_ne!(named(Service::Premium).fingerprint(eur), named(Service::UserOut).fingerprint(eur));
}

#[test]
fn s4_a_record_that_costs_nothing_may_name_any_currency() {
    let account = euros(&[("a", "2027-06-01T00:00:00Z", "10")]);
    let dollars = |seconds, charge| UsageRecord {
        currency: Some(currency("USD")),
        ..call("c", at(NOON), seconds, charge)
    };
    for record in [dollars(60, Some("0")), dollars(0, Some("0.00")), dollars(0, None)] {
        let decision = pay_for(&account, at(NOON), std::slice::from_ref(&record));
        assert_eq!(rows(&decision), ["usage 0.0000 = 10.0000"], "{record:?}");
        assert_eq!(only_row(&decision).fingerprint, record.fingerprint(account.currency));
    }
    for record in [dollars(60, Some("0.01")), dollars(0, Some("0.01")), dollars(60, None)] {
        let decision = pay_for(&account, at(NOON), std::slice::from_ref(&record));
        assert!(decision.change.is_none(), "{record:?}");
    }
}

#[test]
fn s2_a_revision_requires_the_reversal_of_the_one_before() {
    let account = euros(&[("a", "2027-06-01T00:00:00Z", "10")]);
    let start = "2027-01-10T11:59:00.000Z";
    for (revision, requires) in [
        (1, None),
        (2, Some(format!("{start}#usage#c#1#reversal"))),
        (12, Some(format!("{start}#usage#c#11#reversal"))),
    ] {
        let record = UsageRecord { revision, ..call("c", at(NOON), 60, Some("1")) };
        let decision = pay_for(&account, at(NOON), &[record]);
        let row = only_row(&decision);
        assert_eq!(row.key.as_str(), format!("{start}#usage#c#{revision}"));
        assert_eq!(row.requires.as_ref().map(ToString::to_string), requires);
    }
}

#[test]
fn s3_each_record_is_decided_on_its_own_in_order() {
    let account = euros(&[("a", "2027-06-01T00:00:00Z", "5")]);
    let records = [
        call("c1", at(NOON), 60, Some("4")),
        UsageRecord { currency: Some(currency("USD")), ..call("c2", at(NOON), 60, Some("1")) },
        call("c3", at(NOON), 60, Some("-1")),
        call("c4", at(NOON), 60, Some("4")),
    ];
    let decision = pay_for(&account, at(NOON), &records);
    assert_eq!(
        rows(&decision),
        ["usage -4.0000 = 1.0000 from a 4.0000", "usage -4.0000 = -3.0000 from a 1.0000"]
    );
    let said: Vec<_> = decision
        .answer
        .iter()
        .map(|outcome| match outcome {
            debit::Outcome::Charged { charge, .. } => charge.to_string(),
            debit::Outcome::Unrated => "unrated".into(),
            debit::Outcome::Invalid(problem) => problem.to_string(),
        })
        .collect();
    let wrong_currency = "currency: expected EUR, the account's currency, not USD";
    assert_eq!(said, ["4.0000", wrong_currency, "charge: expected zero or more", "4.0000"]);

    let decision = pay_for(&account, at(NOON), &records[1..3]);
    assert!(decision.change.is_none(), "a request without a valid record changes nothing");
    assert_eq!(decision.answer.len(), 2);
}

#[test]
fn s3_a_commit_takes_as_many_records_as_a_transaction_holds() {
    let post_usage = |owed: &str| {
        let mut account = account("EUR", BillingModel::PostUsage, at("2026-12-31T00:00:00Z"));
        account.post_usage.amount = money(owed, "EUR");
        account
    };
    let plain = call("c", at(NOON), 60, None);
    let today = changed_at(euros(&[]), at(NOON));
    for (why, account, like, taken) in [
        ("the account and 99 entries", today.clone(), plain.clone(), 99),
        ("the end of a day takes one item", euros(&[]), plain.clone(), 98),
        ("an invoice, its entry and the end of a day take one item each", post_usage("1"), plain.clone(), 96),
        (
            "an unrated record takes an item for its marker",
            today,
            UsageRecord { service: Service::TollIn, ..plain.clone() },
            49,
        ),
        ("a revision takes two items", euros(&[]), UsageRecord { revision: 2, ..plain.clone() }, 49),
        (
            "an invalid record takes none",
            euros(&[]),
            UsageRecord { charge: Some(decimal("-1")), ..plain },
            300,
        ),
    ] {
        let records: Vec<_> = (0..300)
            .map(|index| UsageRecord { id: RecordId::parse(format!("c{index}")).unwrap(), ..like.clone() })
            .collect();
        let decision = pay_for(&account, at(NOON), &records);
        assert_eq!(decision.answer.len(), taken, "{why}");
        let items = decision.change.map_or(0, |change| change.items());
        assert!(items <= MAX_ITEMS_PER_COMMIT, "{why}: {items}");
    }
}

#[test]
fn s5_s6_s9_what_a_call_costs_and_why() {
    let account = euros(&[("a", "2027-06-01T00:00:00Z", "10")]);
    let toll_in = |record| UsageRecord { service: Service::TollIn, ..record };
    for (record, row, rule) in [
        (call("c", at(NOON), 61, None), "usage -0.1400 = 9.8600 from a 0.1400", "rated"),
        (call("c", at(NOON), 0, None), "usage 0.0000 = 10.0000", "zero"),
        (toll_in(call("c", at(NOON), 0, None)), "usage 0.0000 = 10.0000", "zero"),
        (call("c", at(NOON), 61, Some("2.5")), "usage -2.5000 = 7.5000 from a 2.5000", "as rated"),
        (call("c", at(NOON), 61, Some("0")), "usage 0.0000 = 10.0000", "as rated"),
        (call("c", at(NOON), 0, Some("0.1")), "usage -0.1000 = 9.9000 from a 0.1000", "as rated"),
        (toll_in(call("c", at(NOON), 61, None)), "unrated 0.0000 = 10.0000", "none"),
    ] {
        let decision = pay_for(&account, at(NOON), std::slice::from_ref(&record));
        assert_eq!(rows(&decision), [row]);
        let why = match &decision.answer[..] {
            [
                debit::Outcome::Charged {
                    basis: RatingBasis::Rated { prefix, billed_seconds: 120, .. }, ..
                },
            ] if prefix == "33" => "rated",
            [debit::Outcome::Charged { basis: RatingBasis::ZeroDuration, .. }] => "zero",
            [debit::Outcome::Charged { basis: RatingBasis::AsRated, .. }] => "as rated",
            [debit::Outcome::Unrated] => "none",
            other => panic!("{other:?}"),
        };
        assert_eq!(why, rule, "{row}");
        let (EntryDetails::Usage { record: kept, .. } | EntryDetails::Unrated { record: kept }) =
            &only_row(&decision).details
        else {
            panic!("{row}");
        };
        assert_eq!(*kept, record, "the entry keeps the record as it was sent");
    }
}

#[test]
fn s8_an_account_created_post_usage_drains_its_funds_first() {
    let account = with_lots("EUR", BillingModel::PostUsage, &[("a", "2027-06-01T00:00:00Z", "3")]);
    let records = ["c1", "c2", "c3"].map(|id| call(id, at(NOON), 60, Some("2")));
    let decision = pay_for(&account, at(NOON), &records);
    assert_eq!(
        rows(&decision),
        [
            "usage -2.0000 = 1.0000 from a 2.0000",
            "usage -1.0000 = 0.0000 from a 1.0000, after use 1.0000",
            "usage 0.0000 = 0.0000, after use 2.0000",
        ]
    );
    let charges: Vec<_> = decision
        .answer
        .iter()
        .map(|outcome| matches!(outcome, debit::Outcome::Charged { charge, .. } if *charge == money("2", "EUR")))
        .collect();
    assert_eq!(charges, [true; 3], "each charge is the whole price");
    assert_eq!(stands(&after(&account, &decision)), "after use 3.0000");
}

#[test]
fn s8_an_invoice_is_rounded_half_up_and_the_difference_carried_over() {
    for (code, charged, invoice, carried) in [
        ("EUR", "1.0049", "invoice 0.0000 = 0.0000, after use -1.0000", "after use 0.0049"),
        ("EUR", "1.0050", "invoice 0.0000 = 0.0000, after use -1.0100", "after use -0.0050"),
        ("EUR", "1.0000", "invoice 0.0000 = 0.0000, after use -1.0000", ""),
        ("EUR", "0.0050", "invoice 0.0000 = 0.0000, after use -0.0100", "after use -0.0050"),
        ("EUR", "0.0049", "", "after use 0.0049"),
        ("EUR", "0", "", ""),
        ("JPY", "10.49", "invoice 0.00 = 0.00, after use -10.00", "after use 0.49"),
        ("JPY", "10.5", "invoice 0.00 = 0.00, after use -11.00", "after use -0.50"),
        ("KWD", "1.00049", "invoice 0.00000 = 0.00000, after use -1.00000", "after use 0.00049"),
        ("KWD", "1.0005", "invoice 0.00000 = 0.00000, after use -1.00100", "after use -0.00050"),
    ] {
        let january = account(code, BillingModel::PostUsage, at("2027-01-01T00:00:00Z"));
        let january = after(&january, &charge(&january, at("2027-01-31T23:59:59.999Z"), charged));
        // The first commit after the end of the month closes it. Here it is that of a free call.
        let now = at("2027-02-01T00:00:00Z");
        let decision = pay_for(&january, now, &[call("free", now, 0, None)]);
        let mut lines = rows(&decision);
        lines.pop();
        assert_eq!(lines.join(" "), invoice, "{code} {charged}");
        assert_eq!(stands(&after(&january, &decision)), carried, "{code} {charged}");
    }
}

#[test]
fn s8_a_month_has_one_invoice_entry_dated_at_its_end() {
    let account = account("EUR", BillingModel::PostUsage, at("2026-12-01T00:00:00Z"));
    // A call of December that is posted in January counts in January.
    let late = call("late", at("2026-12-31T23:00:00Z"), 60, Some("1.0049"));
    let account = after(&account, &pay_for(&account, at("2027-01-02T00:00:00Z"), &[late]));
    assert_eq!(account.post_usage.month.to_string(), "2027-01");

    // There is no commit in February. The first commit of March closes January.
    let decision = charge(&account, at("2027-03-15T00:00:00Z"), "0.0001");
    let [invoice, usage] = &decision.change.as_ref().unwrap().entries[..] else { panic!("two rows") };
    assert_eq!(row(invoice), "invoice 0.0000 = 0.0000, after use -1.0000");
    assert_eq!(invoice.key.as_str(), "2027-02-01T00:00:00.000Z#invoice#2027-01");
    assert_eq!((invoice.at, invoice.posted_at), (at("2027-02-01T00:00:00Z"), at("2027-03-15T00:00:00Z")));
    assert_eq!(row(usage), "usage 0.0000 = 0.0000, after use 0.0001");
    let account = after(&account, &decision);
    assert_eq!(stands(&account), "after use 0.0050", "the difference of January and the charge of March");

    // The first commit of April closes March, with the difference of January.
    let decision =
        adjustment::decide(&account, at("2027-04-01T00:00:00Z"), &adjust("1", None, false)).unwrap();
    assert_eq!(rows(&decision), ["invoice 0.0000 = 0.0000, after use -0.0100", "adjustment 1.0000 = 1.0000"]);
    assert_eq!(stands(&after(&account, &decision)), "adj_1 1.0000, after use -0.0050");
}

#[test]
fn s8_a_decision_without_a_commit_closes_no_month() {
    let mut account = with_lots("EUR", BillingModel::PostUsage, &[("a", "2027-12-01T00:00:00Z", "1")]);
    account.post_usage.amount = money("5", "EUR");
    let february = at("2027-02-01T00:00:00Z");
    assert!(expiry::sweep(&account, february).change.is_none());
    assert!(charge(&account, february, "-1").change.is_none());
    assert_eq!(rows(&charge(&account, february, "0"))[0], "invoice 0.0000 = 1.0000, after use -5.0000");
}

#[test]
fn s10_a_record_up_to_72_hours_late_draws_on_the_lots_at_the_end_of_its_call() {
    let account = euros(&[("a", "2027-03-01T00:00:00Z", "10"), ("b", "2027-06-01T00:00:00Z", "10")]);
    for (ended, now, payer) in [
        ("2027-02-28T23:59:59Z", "2027-02-28T23:59:59Z", "a"),
        // A call that ends a second before the expiry draws on the lot for exactly 72 h.
        ("2027-02-28T23:59:59Z", "2027-03-01T00:00:00Z", "a"),
        ("2027-02-28T23:59:59Z", "2027-03-03T23:59:59Z", "a"),
        ("2027-02-28T23:59:59Z", "2027-03-03T23:59:59.001Z", "b"),
        // A call that ends exactly at the expiry does not draw on the lot.
        ("2027-03-01T00:00:00Z", "2027-03-01T00:00:00Z", "b"),
        ("2027-03-01T00:00:00Z", "2027-03-03T00:00:00Z", "b"),
        // A record more than 72 h late draws on lots that are usable now.
        ("2027-02-20T00:00:00Z", "2027-02-28T23:59:59.999Z", "a"),
        ("2027-02-20T00:00:00Z", "2027-03-01T00:00:00Z", "b"),
        ("2026-03-10T00:00:00Z", "2027-03-09T00:00:00Z", "b"),
        // The end of the call decides even if it is in the future (T1).
        ("2027-03-01T00:00:30Z", "2027-02-28T23:59:59Z", "b"),
    ] {
        let decision = pay_for(&account, at(now), &[call("c", at(ended), 60, Some("1"))]);
        assert_eq!(
            rows(&decision),
            [format!("usage -1.0000 = 19.0000 from {payer} 1.0000")],
            "{ended}, {now}"
        );
    }
}

#[test]
fn s10_a_late_record_draws_on_an_expired_lot() {
    let account = euros(&[("a", "2027-03-01T00:00:00Z", "10")]);
    let now = at("2027-03-02T00:00:00Z");
    assert_eq!(account.status(now), Status::Depleted);
    let decision = pay_for(&account, now, &[call("c", at("2027-02-28T20:00:00Z"), 60, Some("12"))]);
    assert_eq!(rows(&decision), ["usage -12.0000 = -2.0000 from a 10.0000"]);
    assert_eq!(stands(&after(&account, &decision)), "owed 2.0000");

    let decision = pay_for(&account, now, &[call("c", at("2027-02-28T20:00:00Z"), 60, Some("4"))]);
    let drawn = after(&account, &decision);
    let booked = expiry::sweep(&drawn, at("2027-03-04T00:00:00Z"));
    assert_eq!(rows(&booked), ["expiry -6.0000 = 0.0000"], "only the remaining funds are forfeited");
}

// Expiry (E).

#[test]
fn e1_a_lot_is_booked_once_72_hours_after_its_expiry() {
    let account = euros(&[("a", "2027-03-01T00:00:00Z", "10"), ("b", "2027-06-01T00:00:00Z", "1")]);
    let warned = after(&account, &expiry::sweep(&account, at("2027-03-01T00:00:00Z")));
    assert_eq!(stands(&warned), "a 10.0000, b 1.0000");
    for too_early in ["2027-03-01T00:00:00Z", "2027-03-03T23:59:59.999Z"] {
        assert!(expiry::sweep(&warned, at(too_early)).change.is_none(), "{too_early}");
    }
    // A late sweep adds the same entry, dated at the expiry.
    for now in ["2027-03-04T00:00:00Z", "2027-04-01T00:00:00Z"] {
        let decision = expiry::sweep(&warned, at(now));
        assert_eq!(decision.answer.booked, 1);
        assert_eq!(rows(&decision), ["expiry -10.0000 = 1.0000"]);
        let row = only_row(&decision);
        assert_eq!(row.key.as_str(), "2027-03-01T00:00:00.000Z#expiry#a");
        assert_eq!((row.at, row.posted_at), (at("2027-03-01T00:00:00Z"), at(now)));
        let booked = after(&warned, &decision);
        assert_eq!(stands(&booked), "b 1.0000");
        assert!(expiry::sweep(&booked, at(now)).change.is_none(), "a second sweep changes nothing");
    }
}

#[test]
fn e1_two_hundred_lots_are_booked_in_several_commits() {
    let mut account = many_lots(200, at("2027-03-01T00:00:00Z"));
    let now = at("2027-03-10T00:00:00Z");
    let mut pieces = Vec::new();
    let mut books = Books::of(&account);
    while let Some(change) = expiry::sweep(&account, now).change {
        pieces.push(change.entries.len());
        books.enter(&account, &change);
        account = change.account;
        assert_eq!(account.due_for_expiry().is_none(), account.lots.is_empty(), "due while lots are left");
    }
    assert_eq!(pieces, [90, 90, 20]);
    assert_eq!((stands(&account), books.rows.len()), (String::new(), 200));
}

#[test]
fn e3_warnings_at_60_30_and_7_days_then_the_booking() {
    let mut account = euros(&[("a", "2027-12-31T00:00:00Z", "10")]);
    let mut books = Books::of(&account);
    for (due, warned) in [
        ("2027-11-01T00:00:00Z", Some(60)),
        ("2027-12-01T00:00:00Z", Some(30)),
        ("2027-12-24T00:00:00Z", Some(7)),
        ("2028-01-03T00:00:00Z", None),
    ] {
        assert_eq!(account.due_for_expiry(), Some(at(due)));
        assert!(expiry::sweep(&account, at(due) - millis(1)).change.is_none(), "nothing is due before");
        let decision = expiry::sweep(&account, at(due));
        let days = events(&decision).iter().find_map(|event| match event {
            EventDetails::FundsExpiring(expiring) => Some(expiring.days),
            _ => None,
        });
        assert_eq!((days, decision.answer.warned), (warned, usize::from(warned.is_some())), "{due}");
        let change = decision.change.expect("it was due");
        books.enter(&account, &change);
        account = change.account;
    }
    assert_eq!((account.due_for_expiry(), books.rows.len()), (None, 1));
}

#[test]
fn e3_one_event_covers_all_lots_with_a_due_warning() {
    let expiries = ["2027-12-31T08:00:00Z", "2027-12-31T09:00:00Z", "2028-01-30T08:00:00Z"];
    let lots: Vec<_> = (0..12).map(|index| (format!("lot_{index:02}"), expiries[index / 5])).collect();
    let lots: Vec<_> = lots.iter().map(|(id, expiry)| (id.as_str(), *expiry, "1.5")).collect();
    let account = euros(&lots);
    let told = |decision: &Decision<expiry::Swept>| -> Vec<_> {
        let told = events(decision).iter().filter_map(|event| match event {
            EventDetails::FundsExpiring(told) => {
                Some((Some(told.days), told.amount.to_string(), told.lots.len()))
            }
            EventDetails::FundsExpired(told) => Some((None, told.amount.to_string(), told.lots.len())),
            _ => None,
        });
        told.collect()
    };
    let warned = expiry::sweep(&account, at("2027-12-02T00:15:00Z"));
    assert_eq!(told(&warned), [(Some(30), "18.0000".to_owned(), 12)], "ten lots at 30 days, and two at 60");
    assert_eq!(warned.answer.warned, 12);
    let booked = expiry::sweep(&after(&account, &warned), at("2028-01-04T00:15:00Z"));
    assert_eq!(told(&booked), [(None, "15.0000".to_owned(), 10), (Some(30), "3.0000".to_owned(), 2)]);
    assert_eq!(booked.answer.booked, 10);
}

#[test]
fn e3_a_lot_without_funds_gives_no_warning() {
    let account = euros(&[("a", "2027-12-31T00:00:00Z", "10")]);
    let account = after(&account, &charge(&account, at(NOON), "10"));
    assert_eq!(account.due_for_expiry(), None);
    assert!(expiry::sweep(&account, at("2027-12-24T00:00:00Z")).change.is_none());
}

// Notices (N3).

#[test]
fn n3_a_crossing_is_one_event_and_armed_again_above_zero() {
    let mut account = account("EUR", BillingModel::Prepaid, at("2027-01-01T00:00:00Z"));
    let mut books = Books::of(&account);
    let steps = [
        ("-1", None), // the balance was never above zero
        ("1", None),  // exactly zero is not above zero
        ("-1", None),
        ("3", None),
        ("-1.9999", None),
        ("-0.0001", Some("0.0000")),
        ("-2", None),
        ("2", None),
        ("0.0099", None),
        ("-0.0099", None), // the balance was less than a minor unit
        ("0.01", None),
        ("-5", Some("-4.9900")),
    ];
    for (index, (amount, told)) in steps.into_iter().enumerate() {
        let id = payment_id(&format!("adj_{index}"));
        let decision =
            adjustment::decide(&account, at(NOON), &AdjustmentRequest { id, ..adjust(amount, None, true) });
        let change = decision.unwrap().change.unwrap();
        let said = change.events.iter().find_map(|event| match event {
            EventDetails::BalanceDepleted { available } => Some(available.to_string()),
            _ => None,
        });
        assert_eq!(said.as_deref(), told, "step {index}: {amount}");
        books.enter(&account, &change);
        account = change.account;
    }
}

#[test]
fn n3_the_commit_after_an_expiry_has_the_event_of_the_crossing() {
    let account = euros(&[("a", "2027-03-01T00:00:00Z", "10")]);
    let decision = expiry::sweep(&account, at("2027-03-04T00:00:00Z"));
    let kinds: Vec<_> = events(&decision)
        .iter()
        .map(|event| match event {
            EventDetails::FundsExpired(_) => "expired",
            EventDetails::BalanceDepleted { .. } => "depleted",
            _ => "other",
        })
        .collect();
    assert_eq!(kinds, ["expired", "depleted"]);
}

#[test]
fn f4_no_purchase_begins_while_fifteen_declines_lie_within_thirty_days() {
    let noon = at(NOON);
    let later = |hours| noon + SignedDuration::from_hours(hours);
    let tried = |account: &Account, now: Timestamp, reason: &str| {
        let opened = open(account, now, "pur_1", "50").unwrap();
        let account = opened.change.unwrap().account;
        settlement::decline(&account, now, &opened.answer, reason).unwrap().change.unwrap().account
    };
    let refused_until = |account: &Account, now| match open(account, now, "pur_1", "50") {
        Err(PurchaseRefusal::TooManyDeclines { until }) => Some(until),
        opened => {
            assert!(opened.is_ok(), "{opened:?}");
            None
        }
    };
    let mut account = tried(&euros(&[]), noon, ABANDONED);
    assert_eq!(account.declines, Declines::default(), "no card was asked");
    // One decline, and fourteen more four weeks later.
    account = tried(&account, noon, "insufficient_funds");
    for hour in 0..14 {
        account = tried(&account, later(28 * 24 + hour), "insufficient_funds");
    }
    let until = later(30 * 24);
    for now in [later(29 * 24), until - SignedDuration::from_millis(1)] {
        assert_eq!(refused_until(&account, now), Some(until));
    }
    assert_eq!(refused_until(&account, until), None, "the first is thirty days ago");
    account = tried(&account, until, "insufficient_funds");
    assert_eq!(refused_until(&account, until), Some(later((28 + 30) * 24)), "the other fourteen still count");
    assert_eq!(account.declines.instants().len(), 15);
}

#[test]
fn a_change_counts_every_item_of_its_transaction() {
    let account = euros(&[]);
    let now = account.as_of;
    let items = |draft: Draft| draft.finish(()).change.unwrap().items();
    assert_eq!(items(Draft::on(&account, now)), 1, "the account");
    let payment = purchase::open(
        &account,
        &card_holder(),
        now,
        &purchase_of("pur_1", decimal("50")),
        &PurchaseLimits::default(),
    );
    let payment = payment.unwrap().answer;
    let mut draft = Draft::on(&account, now);
    draft.set_profile(card_holder());
    draft.set_payment(payment);
    assert_eq!(draft.items(), 3);
    assert_eq!(items(draft), 3, "the account, its profile and a payment");

    // An entry is one item. An entry that it requires is another, and so is the marker of an unrated record.
    for (revision, charge, expected) in [(1, Some("1"), 2), (2, Some("1"), 3), (1, None, 3), (2, None, 4)] {
        let record = UsageRecord { revision, ..call("r", now, 60, charge) };
        let decided =
            debit::decide(&account, now, &[&record], &[], priced(&RateTable::default()), &Holds::new());
        assert_eq!(decided.change.unwrap().items(), expected, "{revision} {charge:?}");
    }
}

#[test]
fn a1_a_profile_is_written_with_the_commit_that_changes_it() {
    let account = euros(&[]);
    assert_eq!(Draft::on(&account, at(NOON)).finish(()).change.unwrap().profile, None);
    let mut draft = Draft::on(&account, at(NOON));
    draft.set_profile(card_holder());
    assert_eq!(draft.finish(()).change.unwrap().profile, Some(card_holder()));
}

#[test]
fn s4_a_record_that_takes_the_sum_of_charges_to_ten_to_the_fifteenth_is_refused() {
    let largest = "999999999999999.9999";
    for billing_model in [BillingModel::Prepaid, BillingModel::PostUsage] {
        let mut account = with_lots("EUR", billing_model, &[]);
        let now = account.as_of;
        let records =
            [("a", largest), ("b", "0.0001"), ("c", "0")].map(|(id, charge)| call(id, now, 60, Some(charge)));
        let decision = pay_for(&account, now, &records);
        let refused = "expected an amount that keeps the account's sums below 1 000 000 000 000 000";
        assert!(matches!(&decision.answer[0], debit::Outcome::Charged { .. }));
        let debit::Outcome::Invalid(problem) = &decision.answer[1] else {
            panic!("{:?}", decision.answer[1])
        };
        assert_eq!((&*problem.field, &*problem.detail), ("charge", refused));
        assert!(
            matches!(&decision.answer[2], debit::Outcome::Charged { .. }),
            "a charge of zero adds nothing to the sum"
        );
        account = after(&account, &decision);
        let take = adjust("-0.0001", None, true);
        assert_eq!(adjustment::decide(&account, now, &take).unwrap_err().to_string(), refused);
    }

    let account = with_lots("EUR", BillingModel::Prepaid, &[("pur_1", "2027-12-01T00:00:00Z", largest)]);
    let now = account.as_of;
    let add = adjust("0.0001", None, false);
    assert_eq!(
        adjustment::decide(&account, now, &add).unwrap_err(),
        adjustment::AdjustmentRefusal::Amount(domain::money::MoneyError::AccountTooLarge)
    );
    let buy = purchase_of("pur_2", decimal("50"));
    let bought = purchase::open(&account, &card_holder(), now, &buy, &PurchaseLimits::default());
    assert_eq!(bought.unwrap_err(), PurchaseRefusal::AccountTooLarge);
}

#[test]
fn f9_the_uncovered_part_of_an_adjustment_is_post_usage_on_a_post_usage_account() {
    for (lots, amount, balance) in [("2", "-2.0000", "0.0000"), ("5", "-5.0000", "0.0000")] {
        let account = with_lots("EUR", BillingModel::PostUsage, &[("pur_1", "2027-12-01T00:00:00Z", lots)]);
        let mut books = Books::of(&account);
        let take = adjust("-5.5", None, true);
        let decision = adjustment::decide(&account, account.as_of, &take).unwrap();
        let row = decision.answer.clone();
        assert_eq!((row.amount.to_string().as_str(), row.balance.to_string().as_str()), (amount, balance));
        let change = decision.change.unwrap();
        books.enter(&account, &change);
        let rest = decimal("5.5") - decimal(lots);
        assert_eq!(row.post_usage.amount(), rest);
        assert_eq!(change.account.post_usage.amount.amount(), rest, "the next invoice asks for it");
        assert!(change.account.owed.is_zero(), "an owed amount would never be repaid");
        assert_eq!(change.payment.unwrap().amount(), money("-5.5", "EUR"), "the requested amount");
    }
}

#[test]
fn the_first_change_of_a_day_records_the_end_of_the_last_day() {
    let account = Account {
        post_usage: PostUsage { amount: money("2.5", "EUR"), ..euros(&[]).post_usage },
        version: 7,
        ..changed_at(euros(&[("a", "2027-06-01T00:00:00Z", "10")]), at("2027-01-09T23:59:59.999Z"))
    };
    let change_at = |account: &Account, now: &str| {
        let now = at(now);
        let record = call("c", now, 60, Some("4"));
        pay_for(account, now, &[record]).change.unwrap()
    };
    let change = change_at(&account, "2027-01-10T00:00:00Z");
    let expected = DayEnd {
        day: "2027-01-09".parse().unwrap(),
        as_of: account.as_of,
        version: 7,
        balance: money("10", "EUR"),
        owed: money("0", "EUR"),
        post_usage: account.post_usage,
        lots: account.lots.clone(),
        movements: Some(Movements::none(account.currency)),
    };
    assert_eq!(change.day_end, Some(expected));
    let spent = Movements { spent: money("4", "EUR"), ..Movements::none(account.currency) };
    assert_eq!(change.account.movements, Some(spent), "those of the new day");
    let earlier_software = Account { movements: None, ..account.clone() };
    let change_by_earlier = change_at(&earlier_software, "2027-01-09T23:59:59.999Z");
    assert_eq!(change_by_earlier.account.movements, None, "the day has movements that nobody counted");
    assert_eq!(change_at(&change_by_earlier.account, "2027-01-10T00:00:00Z").account.movements, Some(spent));
    assert_eq!(change_at(&change.account, "2027-01-10T23:59:59.999Z").day_end, None, "one for each day");
    // A clock that was set back ends no day, since now is never earlier than the last change (T1).
    assert_eq!(change_at(&change.account, "2027-01-08T12:00:00Z").day_end, None);
    let months_later = change_at(&change.account, "2027-05-01T12:00:00Z");
    assert_eq!(
        months_later.day_end.unwrap().day,
        "2027-01-10".parse().unwrap(),
        "the day of the last change"
    );
}

#[test]
fn an_entry_is_late_if_posted_over_three_days_after_its_instant() {
    for (posted_at, late) in [
        ("2027-01-10T12:00:00Z", false),
        ("2027-01-13T12:00:00Z", false),
        ("2027-01-13T12:00:00.001Z", true),
        ("2027-02-13T12:00:00Z", true),
    ] {
        let record = call("c", at("2027-01-10T12:01:00Z"), 60, Some("4"));
        let change = pay_for(&euros(&[]), at(posted_at), &[record]).change.unwrap();
        assert_eq!(change.entries[0].is_late(), late, "{posted_at}");
    }
}
