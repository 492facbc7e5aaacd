//! May a call start: worked examples V13 to V17, and what holds do to later decisions (C1, C2, C4).

use domain::authorization::{self, Authorization, MAX_HOLDS, Refusal, Request};
use domain::change::{Change, MAX_ITEMS_PER_COMMIT};
use domain::hold::{HeldSums, Hold, HoldChange, HoldKey, Holds, Leg};
use domain::limits::UserSpending;
use domain::pool::PoolTerms;
use domain::profile::Author;
use domain::settings::{self, NewLimits};
use domain::time::Month;
use domain::usage::Number;
use domain::{
    Account, BillingModel, Decision, Money, Pools, Profile, RateTable, Service, UsageRecord, debit,
};
use jiff::{SignedDuration, Timestamp};

use crate::given::{at, call, euros, money, with_lots};

const NOON: &str = "2027-01-10T12:00:00Z";
/// The expiry of lots that outlive every call.
const FAR: &str = "2027-12-31T00:00:00Z";

/// The rate of the worked examples.
fn usual() -> RateTable {
    table("0.02", "0.05", 60)
}

fn table(per_minute: &str, fee: &str, increment: u16) -> RateTable {
    let csv = format!(
        "service,prefix,destination,country,currency,perMinute,connectionFee,firstIncrement,nextIncrement,effectiveFrom\n\
         userOut,33,France,FR,EUR,{per_minute},{fee},{increment},{increment},2020-01-01\n"
    );
    rates::read(csv.as_bytes()).unwrap()
}

fn with_funds(funds: &str) -> Account {
    euros(&[("lot", FAR, funds)])
}

fn request(call_id: &str, seconds: u32) -> Request {
    let number = Number::parse("+33123456789").unwrap();
    Request {
        leg: Leg { call_id: call_id.to_owned(), service: Service::UserOut, number },
        user_id: Some("ada".to_owned()),
        plan: Some("P1".to_owned()),
        user_country: Some("FR".to_owned()),
        node: Some("sbc-1".to_owned()),
        max_duration_seconds: seconds,
    }
}

/// An account with its holds, as a store keeps them.
struct Wallet {
    account: Account,
    holds: Holds,
    pools: Pools,
    rates: RateTable,
    spending: Option<UserSpending>,
    now: Timestamp,
}

impl Wallet {
    fn of(account: Account, rates: RateTable) -> Self {
        let pools = Pools::default();
        Self { account, holds: Holds::new(), pools, rates, spending: None, now: at(NOON) }
    }

    fn commit<T>(&mut self, decision: Decision<T>) -> T {
        if let Some(change) = decision.change {
            assert!(change.items() <= MAX_ITEMS_PER_COMMIT);
            self.keep(&change);
            self.account = change.account;
        }
        let live = self.holds.values().filter(|hold| hold.lives_at(self.account.as_of));
        assert_eq!(self.account.held, HeldSums::of(live), "the sums are those of the live holds");
        decision.answer
    }

    fn keep(&mut self, change: &Change) {
        for change in &change.holds {
            let key = change.hold().key();
            let before = self.holds.get(&key).filter(|hold| hold.lives_at(self.now));
            match change {
                HoldChange::New(_) => assert_eq!(before, None),
                HoldChange::Instead(_, version) => assert_eq!(before.unwrap().version, *version),
                HoldChange::Gone(hold) => assert_eq!(before, Some(hold)),
            }
            match change {
                HoldChange::New(hold) | HoldChange::Instead(hold, _) => {
                    assert_eq!(hold.version, self.account.version + 1);
                    self.holds.insert(key, hold.clone());
                }
                HoldChange::Gone(_) => drop(self.holds.remove(&key)),
            }
        }
    }

    fn authorize(&mut self, request: &Request) -> Answer {
        let known = self.holds.get(&HoldKey::of(&request.leg)).cloned();
        let spending = self.spending.as_ref();
        let decision = authorization::authorize(
            &self.account,
            self.now,
            request,
            known.as_ref(),
            spending,
            &self.rates,
            &self.pools,
        );
        let answer = Answer::of(&decision.answer);
        let decision = Decision { change: decision.change, answer };
        self.commit(decision)
    }

    fn debit(&mut self, record: &UsageRecord) {
        let rates = std::mem::take(&mut self.rates);
        let terms = debit::Terms { rates: &rates, pools: &self.pools };
        let decision = debit::decide(&self.account, self.now, &[record], &[], terms, &self.holds);
        self.commit(decision);
        self.rates = rates;
    }

    fn release(&mut self, call_id: &str) {
        let holds: Vec<_> = self.holds.values().filter(|hold| hold.leg.call_id == call_id).cloned().collect();
        let decision = authorization::release(&self.account, self.now, &holds.iter().collect::<Vec<_>>());
        assert_eq!(self.commit(decision), holds.len());
    }

    fn held(&self) -> String {
        self.account.held(self.now).to_string()
    }

    fn limit(&mut self, per_user_monthly: Option<&str>, per_day: Option<&str>) {
        let amount = |text: Option<&str>| text.map(|text| money(text, "EUR"));
        let new = NewLimits {
            per_user_monthly: amount(per_user_monthly),
            per_day: amount(per_day),
            margin_seconds: self.account.limits.margin_seconds,
        };
        let decision = settings::set_limits(
            &self.account,
            &Profile::default(),
            self.now,
            &new,
            &Author::new("ada", None),
        );
        self.commit(decision);
    }

    fn pass(&mut self, seconds: i64) {
        self.now += SignedDuration::from_secs(seconds);
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Answer {
    refusal: Option<Refusal>,
    granted: u32,
    hold: Option<String>,
}

impl Answer {
    fn of(answer: &Authorization<'_>) -> Self {
        let hold = answer.hold.as_ref().map(|id| id.as_str().to_owned());
        Self { refusal: answer.refusal, granted: answer.granted_seconds, hold }
    }
}

fn record(id: &str, call_id: &str, ended_at: Timestamp, seconds: u32) -> UsageRecord {
    UsageRecord {
        call_id: Some(call_id.to_owned()),
        user_id: Some("ada".to_owned()),
        ..call(id, ended_at, seconds, None)
    }
}

/// Asks for one call. Returns what is granted and held.
#[track_caller]
fn granted(account: Account, rates: RateTable, seconds: u32) -> (u32, String) {
    let mut wallet = Wallet::of(account, rates);
    let answer = wallet.authorize(&request("c", seconds));
    assert_eq!((answer.refusal, answer.hold.is_some()), (None, true));
    (answer.granted, wallet.held())
}

#[track_caller]
fn refused(account: Account, rates: RateTable, seconds: u32) -> Refusal {
    let mut wallet = Wallet::of(account, rates);
    let answer = wallet.authorize(&request("c", seconds));
    assert_eq!((answer.granted, answer.hold), (0, None));
    assert_eq!(wallet.account.version, 1, "nothing is written");
    answer.refusal.unwrap()
}

#[test]
fn v13_a_call_is_granted_less_than_is_held() {
    let of = |seconds| granted(with_funds("0.10"), usual(), seconds);
    assert_eq!(of(3_600), (118, "0.0900".into()));
    assert_eq!(of(60), (58, "0.0700".into()));
    assert_eq!(of(30), (30, "0.0700".into()));
}

#[test]
fn v14_by_the_second_and_nothing_left_after_the_margin() {
    let per_second = || table("0.06", "0", 1);
    assert_eq!(granted(with_funds("0.1000"), per_second(), 3_600), (98, "0.1000".into()));
    assert_eq!(refused(with_funds("0.0020"), per_second(), 3_600), Refusal::InsufficientFunds);
    assert_eq!(granted(with_funds("0.0030"), per_second(), 3_600), (1, "0.0030".into()));
}

fn pools(minutes: u32) -> Pools {
    let terms = PoolTerms {
        plan: "P1".into(),
        country: "FR".into(),
        minutes_per_licence: minutes,
        licences: 1,
        services: vec![Service::UserOut],
        countries: Vec::new(),
    };
    let decision = settings::set_pools(
        &with_funds("1"),
        &Profile::default(),
        at(NOON),
        vec![terms],
        &Author::new("ada", None),
    );
    decision.change.unwrap().profile.unwrap().pools
}

#[test]
fn v15_pool_minutes_are_held_too() {
    let mut wallet = Wallet::of(with_funds("0.05"), usual());
    wallet.pools = pools(1);
    let answer = wallet.authorize(&request("c", 3_600));
    assert_eq!((answer.refusal, answer.granted), (None, 58));
    let month = Month::of(wallet.now);
    assert_eq!((wallet.held().as_str(), wallet.account.held.minutes(month, 0, wallet.now)), ("0.0000", 1));
    let other = wallet.authorize(&request("d", 3_600));
    assert_eq!(other.refusal, Some(Refusal::InsufficientFunds), "the minute is held");
    // A debit may use the minute: then the held call pays.
    wallet.debit(&UsageRecord {
        plan: Some("P1".into()),
        user_country: Some("FR".into()),
        ..record("r", "elsewhere", wallet.now, 60)
    });
    assert_eq!(wallet.account.balance(), money("0.05", "EUR"));
}

#[test]
fn v16_only_lots_that_outlive_the_call_pay_for_it() {
    let soon = (at(NOON) + SignedDuration::from_secs(600)).to_string();
    let of = |lots: &[(&str, &str, &str)]| granted(euros(lots), usual(), 3_600);
    assert_eq!(of(&[("lot", &soon, "5")]), (538, "0.2300".into()));
    assert_eq!(of(&[("lot", &soon, "5"), ("other", FAR, "0.30")]), (718, "0.2900".into()));
}

#[test]
fn v17_a_limit_counts_what_was_posted() {
    let mut wallet = Wallet::of(with_funds("100"), usual());
    wallet.limit(Some("10"), None);
    let spent = |spent: &str, held: &[(Timestamp, Money)]| UserSpending {
        spent: money(spent, "EUR"),
        held: held.to_vec(),
    };
    wallet.spending = Some(spent("9.95", &[]));
    assert_eq!(wallet.authorize(&request("c", 3_600)).refusal, Some(Refusal::LimitReached));
    wallet.spending = Some(spent("9.93", &[]));
    let answer = wallet.authorize(&request("c", 3_600));
    assert_eq!((answer.refusal, answer.granted, wallet.held()), (None, 58, "0.0700".into()));
    // What is held for the user counts until it lapses.
    let lapses_at = wallet.now + SignedDuration::from_secs(60);
    wallet.spending = Some(spent("9.86", &[(lapses_at, money("0.0701", "EUR"))]));
    assert_eq!(wallet.authorize(&request("d", 3_600)).refusal, Some(Refusal::LimitReached));
    wallet.pass(60);
    assert_eq!(wallet.authorize(&request("d", 3_600)).refusal, None);
    let of_nobody = Request { user_id: None, ..request("e", 3_600) };
    assert_eq!(wallet.authorize(&of_nobody).granted, 3_598, "a limit of users bounds the calls of users");
}

#[test]
fn c1_a_free_call_gets_the_maximum_without_a_hold() {
    let mut wallet = Wallet::of(euros(&[]), table("0", "0", 60));
    let answer = wallet.authorize(&request("c", 3_600));
    assert_eq!(answer, Answer { refusal: None, granted: 3_600, hold: None });
    assert_eq!(wallet.account.version, 1, "nothing is written");
}

#[test]
fn c1_without_a_rate_or_with_too_many_holds_no_call_starts() {
    let mut wallet = Wallet::of(with_funds("100000"), usual());
    let mut elsewhere = request("c", 60);
    elsewhere.leg.number = Number::parse("+49301234567").unwrap();
    assert_eq!(wallet.authorize(&elsewhere).refusal, Some(Refusal::NoRate));
    for number in 0..MAX_HOLDS {
        assert_eq!(wallet.authorize(&request(&number.to_string(), 60)).refusal, None);
    }
    assert_eq!(wallet.authorize(&request("one more", 60)).refusal, Some(Refusal::TooManyHolds));
    assert!(wallet.authorize(&request("7", 60)).hold.is_some(), "the leg has its hold");
    wallet.debit(&record("r", "8", wallet.now, 1));
    assert_eq!(wallet.authorize(&request("one more", 60)).refusal, None);
}

#[test]
fn c1_calls_in_progress_cannot_together_spend_more_than_there_is() {
    let mut wallet = Wallet::of(with_funds("0.70"), usual());
    let allowed =
        (0..30).filter(|number| wallet.authorize(&request(&number.to_string(), 60)).refusal.is_none());
    assert_eq!(allowed.count(), 10);
    assert_eq!(wallet.held(), "0.7000");
    // A debit larger than its hold is recorded all the same.
    wallet.debit(&record("r", "3", wallet.now, 601));
    assert_eq!((wallet.account.balance().to_string(), wallet.held()), ("0.4300".into(), "0.6300".into()));
    assert_eq!(wallet.authorize(&request("more", 60)).refusal, Some(Refusal::InsufficientFunds));
}

#[test]
fn c1_the_same_leg_has_the_same_hold_until_it_ends() {
    let mut wallet = Wallet::of(with_funds("1"), usual());
    let first = wallet.authorize(&request("c", 60));
    wallet.pass(30);
    let version = wallet.account.version;
    assert_eq!(wallet.authorize(&request("c", 60)), first);
    assert_eq!(wallet.account.version, version, "nothing is written");
    wallet.release("c");
    assert_eq!(wallet.held(), "0.0000");
    let second = wallet.authorize(&request("c", 60));
    assert_eq!((second.granted, second.hold == first.hold), (58, false), "it is a new one");
    // It lapses by itself: at 12:15:30 + 58 s, rounded up.
    wallet.now = at("2027-01-10T12:19:59.999Z");
    assert_eq!(wallet.held(), "0.0700");
    wallet.now = at("2027-01-10T12:20:00Z");
    assert_eq!(wallet.held(), "0.0000");
    let third = wallet.authorize(&request("c", 60));
    assert_ne!(third.hold, second.hold);
}

#[test]
fn c4_an_extension_is_to_a_total_and_refused_leaves_what_was_granted() {
    let mut wallet = Wallet::of(with_funds("0.20"), usual());
    let first = wallet.authorize(&request("c", 60));
    wallet.pass(50);
    let longer = wallet.authorize(&request("c", 300));
    assert_eq!((longer.refusal, longer.granted, &longer.hold), (None, 298, &first.hold));
    assert_eq!(wallet.held(), "0.1500", "five minutes from the start");
    assert_eq!(wallet.authorize(&request("c", 300)), longer, "the same request, the same answer");
    assert_eq!(wallet.authorize(&request("c", 100)), longer, "it may last that long already");
    // 0.20 pays for seven minutes.
    assert_eq!(wallet.authorize(&request("c", 3_600)).granted, 418);
    let more = wallet.authorize(&request("c", 3_000));
    let expected =
        Answer { refusal: Some(Refusal::InsufficientFunds), granted: 418, hold: first.hold.clone() };
    assert_eq!(more, expected);
    assert_eq!(wallet.held(), "0.1900");
    wallet.debit(&record("r", "c", wallet.now, 419));
    assert_eq!((wallet.account.balance().to_string(), wallet.held()), ("0.0100".into(), "0.0000".into()));
}

#[test]
fn c4_a_call_that_moves_to_another_switch_is_released_with_that_one() {
    let mut wallet = Wallet::of(with_funds("1"), usual());
    wallet.authorize(&request("c", 60));
    let moved = Request { node: Some("sbc-2".into()), ..request("c", 60) };
    wallet.authorize(&moved);
    let nodes: Vec<_> = wallet.holds.values().map(|hold| hold.node.clone().unwrap()).collect();
    assert_eq!(nodes, ["sbc-2"]);
    assert_eq!(wallet.held(), "0.0700");
}

#[test]
fn c1_a_hold_named_twice_ends_once_and_a_foreign_one_spoils_nothing() {
    let mut wallet = Wallet::of(with_funds("1"), usual());
    let id = wallet.authorize(&request("c", 60)).hold.unwrap();
    wallet.authorize(&request("d", 60));
    let rates = usual();
    let terms = debit::Terms { rates: &rates, pools: &Pools::default() };
    let naming = |record_id: &str, hold: &str| UsageRecord {
        hold_id: Some(hold.to_owned()),
        ..record(record_id, "unknown", at(NOON), 60)
    };
    let records =
        [naming("1", &id), naming("2", &id), naming("3", "another system's"), naming("4", &id[..41])];
    let records: Vec<_> = records.iter().collect();
    let decision = debit::decide(&wallet.account, wallet.now, &records, &[], terms, &wallet.holds);
    let decided = wallet.commit(decision);
    assert_eq!(decided.outcomes.len(), 4);
    assert_eq!((wallet.account.balance().to_string(), wallet.held()), ("0.7200".into(), "0.0700".into()));
}

#[test]
fn c1_a_commit_counts_the_items_of_holds_and_users() {
    let mut wallet = Wallet::of(with_funds("100"), usual());
    wallet.limit(Some("50"), None);
    wallet.spending = Some(UserSpending { spent: money("0", "EUR"), held: Vec::new() });
    let of_user = |number: usize| Request {
        user_id: Some(format!("user-{number}")),
        ..request(&number.to_string(), 60)
    };
    for number in 0..60 {
        wallet.authorize(&of_user(number));
    }
    let records: Vec<_> = (0..60)
        .map(|number| UsageRecord {
            user_id: Some(format!("user-{number}")),
            ..record(&number.to_string(), &number.to_string(), wallet.now, 30)
        })
        .collect();
    let records: Vec<_> = records.iter().collect();
    let rates = usual();
    let terms = debit::Terms { rates: &rates, pools: &Pools::default() };
    let decision = debit::decide(&wallet.account, wallet.now, &records, &[], terms, &wallet.holds);
    let change = decision.change.as_ref().unwrap();
    // The account, and for each record its entry, its hold and its user.
    assert_eq!((change.items(), decision.answer.outcomes.len()), (1 + 3 * 33, 33));
    wallet.commit(decision);
    assert_eq!(wallet.account.held.count(wallet.now), 27);
}

#[test]
fn c2_the_limit_of_a_day_counts_charges_and_holds_from_when_it_was_set() {
    let mut wallet = Wallet::of(with_funds("100"), usual());
    wallet.debit(&record("before", "-", wallet.now, 3_000));
    wallet.pass(1);
    wallet.limit(None, Some("0.30"));
    wallet.debit(&record("r", "-", wallet.now, 60));
    assert_eq!(wallet.authorize(&request("c", 120)).granted, 118);
    assert_eq!(wallet.authorize(&request("d", 3_600)).granted, 238, "0.07 and 0.09 of 0.30 are gone");
    assert_eq!(wallet.authorize(&request("e", 3_600)).refusal, Some(Refusal::LimitReached));
    // The amount changes, and it counts on.
    wallet.limit(None, Some("0.37"));
    assert_eq!(wallet.authorize(&request("e", 3_600)).granted, 58);
    // A debit is never refused.
    wallet.debit(&record("large", "c", wallet.now, 3_000));
    // Another day begins.
    wallet.now = at("2027-01-11T00:00:00Z");
    assert_eq!(wallet.authorize(&request("f", 60)).granted, 58);
    // It is set anew.
    wallet.debit(&record("next", "-", wallet.now, 3_000));
    assert_eq!(wallet.authorize(&request("g", 60)).refusal, Some(Refusal::LimitReached));
    wallet.limit(None, None);
    wallet.pass(1);
    wallet.limit(None, Some("0.37"));
    assert_eq!(wallet.authorize(&request("g", 60)).granted, 58);
}

#[test]
fn s8_an_account_that_pays_after_use_holds_only_for_its_limits() {
    let open = || with_lots("EUR", BillingModel::PostUsage, &[]);
    let mut wallet = Wallet::of(open(), usual());
    let answer = wallet.authorize(&request("c", 3_600));
    assert_eq!(answer, Answer { refusal: None, granted: 3_600, hold: None });
    wallet.limit(None, Some("0.10"));
    let answer = wallet.authorize(&request("c", 3_600));
    assert_eq!((answer.refusal, answer.granted, wallet.held()), (None, 118, "0.0900".into()));
    assert_eq!(wallet.authorize(&request("d", 60)).refusal, Some(Refusal::LimitReached));
}

#[test]
fn the_margin_is_the_accounts_to_set() {
    let mut account = with_funds("0.10");
    account.limits.margin_seconds = 0;
    assert_eq!(granted(account, usual(), 3_600), (120, "0.0900".into()));
}

#[test]
fn a_month_that_is_over_is_closed_by_an_authorization_too() {
    let mut account = with_lots("EUR", BillingModel::PostUsage, &[]);
    account.post_usage.amount = money("5", "EUR");
    let mut wallet = Wallet::of(account, usual());
    wallet.limit(None, Some("10"));
    wallet.now = at("2027-02-03T00:00:00Z");
    wallet.authorize(&request("c", 60));
    assert_eq!((wallet.account.invoices, wallet.account.held.count(wallet.now)), (1, 1));
}

#[test]
fn a_hold_needs_what_it_says() {
    let mut wallet = Wallet::of(with_funds("0.20"), usual());
    wallet.authorize(&request("c", 60));
    let hold: &Hold = wallet.holds.values().next().unwrap();
    assert_eq!((hold.granted_seconds, hold.asked_seconds), (58, 60));
    assert_eq!(hold.lapses_at, at("2027-01-10T12:20:00Z"));
    assert_eq!(hold.version, wallet.account.version);
}

#[test]
fn c4_an_extension_never_shortens_the_life_of_a_hold() {
    let mut wallet = Wallet::of(with_funds("100"), usual());
    wallet.now = at("2027-01-10T12:00:00Z");
    // The lapse at 14:00:01 is more than two hours away, so it is rounded up to an hour.
    wallet.authorize(&request("c", 6_301));
    wallet.now = at("2027-01-10T14:50:00Z");
    assert_eq!(wallet.authorize(&request("c", 6_600)).refusal, None);
    assert_eq!(wallet.account.held.count(wallet.now), 1);
}

#[test]
fn c4_a_longer_call_within_the_same_increment_is_not_refused() {
    let mut wallet = Wallet::of(with_funds("100"), usual());
    let first = wallet.authorize(&request("c", 3_600));
    assert_eq!(wallet.authorize(&request("c", 3_599)), first);
    assert_eq!(first.granted, 3_598);
}

#[test]
fn c2_a_hold_from_before_the_limit_is_not_part_of_what_counts() {
    let mut wallet = Wallet::of(with_funds("100"), usual());
    wallet.limit(Some("1"), None);
    wallet.spending = Some(UserSpending { spent: money("0", "EUR"), held: Vec::new() });
    wallet.authorize(&request("c", 300));
    wallet.limit(None, None);
    wallet.pass(1);
    wallet.limit(Some("0.25"), None);
    // The new limit counts nothing of the hold of 0.15, and pays for ten minutes.
    assert_eq!(wallet.authorize(&request("c", 3_600)).granted, 598);
}

#[test]
fn c1_a_record_with_a_foreign_id_ends_the_hold_of_its_leg() {
    let mut wallet = Wallet::of(with_funds("1"), usual());
    wallet.authorize(&request("c", 60));
    let foreign = Some("another system's".to_owned());
    wallet.debit(&UsageRecord { hold_id: foreign, ..record("r", "c", wallet.now, 30) });
    assert_eq!(wallet.held(), "0.0000");
}
