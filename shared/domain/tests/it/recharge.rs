//! The transitions of auto-recharge (R1-R7, F10, N3, N4): the state, the events and the due time after each.

use domain::card_payment::{ABANDONED, LEASE};
use domain::change::Decision;
use domain::event::Setting;
use domain::hold::Holds;
use domain::profile::{Author, PaymentMethod};
use domain::purchase::PurchaseLimits;
use domain::recharge::{
    self, Limit, NewSettings, Policy, STILL_LOW_AFTER, Safeguard, SettingsRefusal, State,
};
use domain::settlement;
use domain::{Account, BillingModel, CardPayment, EventDetails, Profile, RateTable, debit, expiry};
use jiff::{SignedDuration, Timestamp};

use crate::books::Books;
use crate::given::{account, at, call, card_holder, decimal, euros, hours, money, priced};

const NOON: &str = "2027-01-10T12:00:00Z";

/// An account with a card, and a clock that moves only when a test sets it.
struct Wallet {
    account: Account,
    profile: Profile,
    policy: Policy,
    now: Timestamp,
    calls: usize,
    books: Books,
    /// The events of the last change.
    told: Vec<EventDetails>,
}

impl Wallet {
    fn with(account: Account) -> Self {
        let books = Books::of(&account);
        let (profile, policy) = (card_holder(), Policy::default());
        Self { account, profile, policy, now: at(NOON), calls: 0, books, told: Vec::new() }
    }

    /// An account with this available balance and auto-recharge on: it adds 50 at 60, without a monthly limit.
    fn armed(available: &str) -> Self {
        let mut wallet = Self::with(euros(&[("pur_1", "2027-12-01T00:00:00Z", available)]));
        wallet.set(true, Some(("60", "50")), None).unwrap();
        wallet
    }

    fn take<T>(&mut self, decision: Decision<T>) -> T {
        self.told.clear();
        if let Some(change) = decision.change {
            self.books.enter(&self.account, &change);
            self.account = change.account;
            self.told = change.events;
        }
        decision.answer
    }

    fn set(
        &mut self,
        enabled: bool,
        amounts: Option<(&str, &str)>,
        monthly_limit: Option<&str>,
    ) -> Result<(), SettingsRefusal> {
        let new = NewSettings {
            enabled,
            trigger: amounts.map(|(trigger, _)| decimal(trigger)),
            amount: amounts.map(|(_, amount)| decimal(amount)),
            monthly_limit: monthly_limit.map(decimal),
            by: Author::new("ada", None),
        };
        let decision =
            recharge::configure(&self.account, &self.profile, self.now, &new, &self.policy.limits)?;
        self.take(decision);
        Ok(())
    }

    fn spend(&mut self, amount: &str) {
        self.calls += 1;
        let record = call(&format!("c{}", self.calls), self.now, 60, Some(amount));
        let decision = debit::decide(
            &self.account,
            self.now,
            &[&record],
            &[],
            priced(&RateTable::default()),
            &Holds::new(),
        );
        self.take(decision);
    }

    fn look(&mut self) -> Option<CardPayment> {
        let decision = recharge::look(&self.account, &self.profile, self.now, self.now, &self.policy);
        self.take(decision)
    }

    /// Looks at the account, which must begin a payment of this amount.
    fn charge(&mut self, amount: &str) -> CardPayment {
        let payment = self.look().expect("a payment begins");
        assert_eq!(payment.amount, money(amount, "EUR"));
        assert!(matches!(self.state(), State::Charging { .. }));
        assert!(self.look().is_none(), "R3: no payment begins while another is open");
        payment
    }

    fn succeed(&mut self, payment: &CardPayment) {
        let decision = settlement::succeed(&self.account, self.now, payment, "pi_1").unwrap();
        self.take(decision);
    }

    fn decline(&mut self, payment: &CardPayment, reason: &str) {
        self.decline_or_try_backup(payment, reason);
    }

    fn decline_or_try_backup(&mut self, payment: &CardPayment, reason: &str) -> CardPayment {
        let now = self.now;
        let decision = settlement::decline_or_try_backup(&self.account, now, payment, reason, now);
        self.take(decision.unwrap())
    }

    /// Declines the first card, after which the payment goes on with the backup.
    fn try_backup(&mut self, payment: &CardPayment, reason: &str) -> CardPayment {
        let second = self.decline_or_try_backup(payment, reason);
        assert!(matches!(self.state(), State::Charging { .. }) && self.told.is_empty());
        assert_eq!(Some(&second.method), self.profile.backup.as_ref());
        assert_ne!(second.processor_key(), payment.processor_key(), "the attempt has a key of its own");
        second
    }

    fn ask_owner(&mut self, payment: &CardPayment) -> CardPayment {
        let decision = settlement::await_owner(
            &self.account,
            self.now,
            payment,
            "pi_1",
            "https://x",
            self.now + hours(1),
        );
        self.take(decision.unwrap())
    }

    fn new_card(&mut self) {
        let mut draft = domain::Draft::on(&self.account, self.now);
        recharge::card_changed(&mut draft);
        self.take(draft.finish(()));
    }

    fn state(&self) -> State {
        self.account.recharge.state
    }

    fn available(&self) -> String {
        self.account.available(self.now).to_string()
    }

    /// The types of the events of the last change.
    fn told(&self) -> Vec<String> {
        let kind =
            |event: &EventDetails| serde_json::to_value(event).unwrap()["type"].as_str().unwrap().to_owned();
        self.told.iter().map(kind).collect()
    }

    /// Moves to the instant at which the account is due, which must be this far away.
    fn wait(&mut self, expected: SignedDuration) {
        let due = self.account.due_for_recharge().unwrap();
        assert_eq!(due.duration_since(self.now), expected);
        self.now = due;
    }
}

#[test]
fn r3_a_payment_after_a_restore_has_another_id_than_the_lost_one() {
    let lost = Wallet::armed("60").charge("50");
    let again = Wallet::armed("60").charge("50");
    assert_eq!(again.id, lost.id, "the same decision gives the same id");
    let mut restored = Wallet::armed("60");
    restored.now += hours(1);
    let charge = restored.charge("50");
    assert_ne!(charge.id, lost.id, "the version is the same, the instant is not");
    assert_ne!(charge.processor_key(), lost.processor_key());
}

#[test]
fn r2_at_the_trigger_the_amount_is_added() {
    for (available, spent, charged) in [
        ("100", "39.9999", None),
        ("100", "40", Some("50")),
        ("100", "89.99", Some("50")),
        ("100", "90", Some("100")),
        // The smallest multiple that lifts the balance above the trigger (R3).
        ("110", "170", Some("150")),
        ("100", "440", Some("450")),
    ] {
        let mut wallet = Wallet::armed(available);
        wallet.spend(spent);
        assert_eq!(wallet.told().contains(&"BalanceLow".to_owned()), charged.is_some(), "{spent}");
        match charged {
            None => assert!(wallet.look().is_none(), "{spent}"),
            Some(amount) => {
                let payment = wallet.charge(amount);
                wallet.succeed(&payment);
                assert_eq!(wallet.state(), State::Armed);
                assert!(wallet.told().starts_with(&["FundsAdded".to_owned()]), "{:?}", wallet.told());
                assert!(wallet.look().is_none(), "one shortfall is one payment");
                assert!(wallet.account.available(wallet.now) > money("60", "EUR"));
            }
        }
    }
}

#[test]
fn r2_a_setting_or_an_expiry_can_leave_the_account_low() {
    // A changed setting leaves the account low.
    let mut wallet = Wallet::armed("100");
    wallet.set(true, Some(("100", "50")), None).unwrap();
    assert_eq!(wallet.told(), ["SettingsChanged", "BalanceLow"]);
    wallet.charge("50");

    // The expiry of a lot leaves it low, at the instant of the expiry.
    let mut wallet = Wallet::armed("100");
    wallet.now = wallet.account.due_for_recharge().unwrap();
    assert_eq!(wallet.now, at("2027-12-01T00:00:00Z"));
    let payment = wallet.charge("100");
    assert_eq!(payment.created_at, wallet.now);
    assert_eq!(wallet.told(), [] as [&str; 0], "the second look adds no event");

    // Without auto-recharge the expiry is still a crossing (N3), and nothing is charged.
    let mut wallet = Wallet::with(euros(&[("pur_1", "2027-12-01T00:00:00Z", "5")]));
    wallet.now = wallet.account.due_for_recharge().unwrap();
    assert!(wallet.look().is_none());
    assert_eq!(wallet.told(), ["BalanceDepleted"]);
    assert_eq!(wallet.account.due_for_recharge(), None);
    assert!(wallet.look().is_none() && wallet.told.is_empty());
}

#[test]
fn r3_an_account_that_is_low_stays_due_until_it_is_looked_at() {
    let mut wallet = Wallet::armed("100");
    wallet.spend("50");
    for _ in 0..5 {
        wallet.now += SignedDuration::from_mins(1);
        wallet.spend("1");
        assert_eq!(wallet.told(), ["BalanceLow"], "every commit that leaves the account low adds the event");
    }
    assert_eq!(
        wallet.account.due_for_recharge(),
        Some(at(NOON) + STILL_LOW_AFTER),
        "the due time is that of the first commit"
    );
    wallet.now = at(NOON) + STILL_LOW_AFTER;
    let payment = wallet.charge("50");
    wallet.succeed(&payment);
    assert_eq!(wallet.account.recharge.look_at, None);

    // The account is due no longer once other funds arrive.
    let mut wallet = Wallet::armed("100");
    wallet.spend("50");
    wallet.account.lots[0].remaining = money("80", "EUR");
    wallet.books = Books::of(&wallet.account);
    assert!(wallet.look().is_none());
    wallet.spend("1");
    assert_eq!(wallet.account.recharge.look_at, None);
}

#[test]
fn r3_a_limit_reduces_or_prevents_the_payment() {
    // The monthly limit: two of three recharge amounts fit. Then one event gives the limit.
    let mut wallet = Wallet::armed("110");
    wallet.set(true, Some(("60", "50")), Some("120")).unwrap();
    wallet.spend("170");
    let payment = wallet.charge("100");
    wallet.succeed(&payment);
    assert_eq!(
        (wallet.available().as_str(), wallet.told()),
        ("40.0000", vec!["FundsAdded".into(), "BalanceLow".into()])
    );
    let month_end = at("2027-02-01T00:00:00Z");
    assert!(wallet.look().is_none());
    assert_eq!(wallet.state(), State::Limited { until: month_end, why: Limit::Monthly });
    assert_eq!(wallet.told(), ["RechargeLimited"]);
    wallet.spend("10");
    assert_eq!(wallet.told(), [] as [&str; 0], "one event for the limit");
    assert!(wallet.look().is_none());

    // The new month has room for two recharge amounts.
    wallet.now = wallet.account.due_for_recharge().unwrap();
    assert_eq!(wallet.now, month_end);
    let payment = wallet.charge("50");
    wallet.succeed(&payment);
    wallet.spend("80");
    wallet.charge("50");

    // The largest purchase (F2).
    let mut wallet = Wallet::armed("100");
    wallet.policy.limits = PurchaseLimits::parse("EUR=50..120").unwrap();
    wallet.spend("440");
    let payment = wallet.charge("100");
    wallet.succeed(&payment);
    assert_eq!(wallet.told(), ["FundsAdded", "BalanceLow"], "the next payment charges the rest");
    wallet.charge("100");

    // The largest purchase is below the recharge amount.
    let mut wallet = Wallet::armed("100");
    wallet.policy.limits = PurchaseLimits::parse("EUR=20..40").unwrap();
    wallet.spend("50");
    assert!(wallet.look().is_none());
    assert_eq!(wallet.state(), State::Limited { until: wallet.now + hours(24), why: Limit::Maximum });
    wallet.wait(hours(24));
    assert!(wallet.look().is_none() && wallet.told.is_empty(), "the second look adds no event");
    wallet.policy.limits = PurchaseLimits::default();
    wallet.wait(hours(24));
    wallet.charge("50");
}

#[test]
fn r3_a_payment_counts_in_the_month_in_which_it_closes() {
    let mut wallet = Wallet::armed("100");
    wallet.set(true, Some(("60", "50")), Some("50")).unwrap();
    wallet.now = at("2027-01-31T23:59:59Z");
    wallet.spend("50");
    let payment = wallet.charge("50");
    wallet.now = at("2027-02-01T00:00:01Z");
    wallet.succeed(&payment);
    wallet.spend("50");
    assert!(wallet.look().is_none());
    let march = at("2027-03-01T00:00:00Z");
    assert_eq!(wallet.state(), State::Limited { until: march, why: Limit::Monthly });
    wallet.now = march;
    wallet.charge("50");
}

#[test]
fn f5_a_lease_runs_from_the_attempt_and_not_from_its_event() {
    let mut wallet = Wallet::armed("60");
    wallet.profile.backup = wallet.profile.payment_method.clone();
    let (sent_at, begins_at) = (wallet.now, wallet.now + hours(3));
    let decision = recharge::look(&wallet.account, &wallet.profile, sent_at, begins_at, &wallet.policy);
    let payment = wallet.take(decision).expect("a payment begins");
    assert_eq!(payment.created_at, sent_at, "the payment is dated at the event");
    assert_eq!(wallet.account.open_payments[0].recover_at, begins_at + LEASE);

    let next_begins_at = begins_at + hours(1);
    let reason = "card_declined";
    let declined =
        settlement::decline_or_try_backup(&wallet.account, sent_at, &payment, reason, next_begins_at);
    let second = wallet.take(declined.unwrap());
    assert_eq!((second.attempt, second.revision), (payment.attempt + 1, payment.revision + 1));
    assert_eq!(wallet.account.open_payments[0].recover_at, next_begins_at + LEASE);
}

#[test]
fn f11_without_room_for_a_lot_nothing_is_charged() {
    let names: Vec<_> = (0..500).map(|number| format!("pur_{number}")).collect();
    let lots: Vec<_> = names.iter().map(|id| (id.as_str(), "2027-12-01T00:00:00Z", "0.1")).collect();
    let mut wallet = Wallet::with(euros(&lots));
    wallet.set(true, Some(("60", "50")), None).unwrap();
    assert!(wallet.look().is_none());
    assert_eq!(wallet.state(), State::Limited { until: wallet.now + hours(24), why: Limit::Lots });
    wallet.spend("0.15");
    wallet.wait(hours(24));
    wallet.charge("50");
}

#[test]
fn r6_a_runaway_is_paused_until_it_is_resumed() {
    let mut wallet = Wallet::armed("100");
    wallet.policy.a_day = 3;
    wallet.spend("140");
    let payment = wallet.charge("150");
    wallet.succeed(&payment);
    wallet.spend("60");
    assert!(wallet.look().is_none());
    assert_eq!(
        (wallet.state(), wallet.told()),
        (State::Paused { why: Safeguard::Runaway }, vec!["RechargePaused".into()])
    );
    for _ in 0..3 {
        wallet.now += hours(48);
        wallet.spend("10");
        assert!(wallet.look().is_none() && wallet.told().iter().all(|told| told != "BalanceLow"));
    }
    let resumed = recharge::resume(&wallet.account, wallet.now, "ada").unwrap();
    wallet.take(resumed);
    assert_eq!(wallet.told(), ["SettingsChanged", "BalanceLow"]);
    assert!(recharge::resume(&wallet.account, wallet.now, "ada").is_err(), "there is nothing to resume");
    let payment = wallet.look().unwrap();
    wallet.succeed(&payment);

    // The count begins again the next day, so nothing has to be resumed.
    let mut wallet = Wallet::armed("100");
    wallet.policy.a_day = 1;
    wallet.spend("50");
    let payment = wallet.charge("50");
    wallet.succeed(&payment);
    wallet.now = at("2027-01-11T00:00:00Z");
    wallet.spend("50");
    wallet.charge("50");
}

#[test]
fn r4_a_failing_card_is_tried_again_four_times_and_then_no_more() {
    let mut wallet = Wallet::armed("100");
    wallet.spend("50");
    for after in [Some(1), Some(6), Some(24), Some(72), None] {
        let payment = wallet.charge("50");
        wallet.decline(&payment, "card_declined");
        let failure = wallet.account.recharge.last_failure.clone().unwrap();
        assert_eq!((failure.at, failure.reason.as_str()), (wallet.now, "card_declined"));
        let Some(after) = after else {
            assert_eq!(
                (wallet.state(), wallet.told()),
                (State::Stopped, vec!["RechargeFailed".into(), "RechargeStopped".into()])
            );
            break;
        };
        assert_eq!(wallet.told(), ["RechargeFailed"]);
        // A debit in between causes neither a payment nor an event.
        let attempt = wallet.now;
        wallet.now += hours(after) - SignedDuration::from_secs(1);
        wallet.spend("0.01");
        assert!(wallet.look().is_none());
        assert_eq!(wallet.told(), [] as [&str; 0]);
        wallet.now = attempt + hours(after);
        assert_eq!(wallet.account.due_for_recharge(), Some(wallet.now));
    }
    wallet.now += hours(1_000);
    wallet.spend("0.01");
    assert!(wallet.look().is_none() && wallet.told.is_empty(), "no event after the last attempt");

    // A new card, or changed settings, reset the count of failures and publish at once that the account is low.
    for new_start in
        [Wallet::new_card, |wallet: &mut Wallet| wallet.set(true, Some(("60", "60")), None).unwrap()]
    {
        let mut again = Wallet {
            books: Books::of(&wallet.account),
            account: wallet.account.clone(),
            ..Wallet::armed("1")
        };
        again.now = wallet.now;
        new_start(&mut again);
        assert_eq!(again.told().last().map(String::as_str), Some("BalanceLow"));
        let payment = again.look().unwrap();
        again.decline(&payment, "card_declined");
        assert_eq!(again.state(), State::Waiting { until: again.now + hours(1), failures: 1 });
    }
}

#[test]
fn r4_a_retry_needs_a_balance_that_is_still_low() {
    let mut wallet = Wallet::armed("100");
    wallet.spend("50");
    let payment = wallet.charge("50");
    wallet.decline(&payment, "insufficient_funds");
    // Funds are bought by hand in the meantime.
    wallet.account.lots[0].remaining = money("100", "EUR");
    wallet.books = Books::of(&wallet.account);
    wallet.wait(hours(1));
    assert!(wallet.look().is_none());
    assert_eq!(wallet.state(), State::Armed);
    // The next shortfall counts failures from the beginning.
    wallet.spend("50");
    let payment = wallet.charge("50");
    wallet.decline(&payment, "insufficient_funds");
    assert_eq!(wallet.state(), State::Waiting { until: wallet.now + hours(1), failures: 1 });
}

#[test]
fn r4_a_hard_decline_stops_at_once() {
    for reason in [
        "lost_card",
        "stolen_card",
        "account_closed",
        "expired_card",
        "authentication_required",
        "do_not_try_again",
        "fraudulent",
    ] {
        let mut wallet = Wallet::armed("100");
        wallet.spend("50");
        let payment = wallet.charge("50");
        wallet.decline(&payment, reason);
        assert_eq!(
            (wallet.state(), wallet.told()),
            (State::Stopped, vec!["RechargeFailed".into(), "RechargeStopped".into()])
        );
        assert!(matches!(&wallet.told[0], EventDetails::RechargeFailed { retry_at: None, .. }), "{reason}");
    }
}

#[test]
fn r4_an_abandoned_payment_is_no_failure() {
    let mut wallet = Wallet::armed("100");
    wallet.spend("50");
    let payment = wallet.charge("50");
    wallet.decline(&payment, ABANDONED);
    assert_eq!((wallet.state(), wallet.told()), (State::Armed, vec!["BalanceLow".into()]));
    // An abandoned payment keeps the count of failures.
    let payment = wallet.charge("50");
    wallet.decline(&payment, "card_declined");
    wallet.wait(hours(1));
    let payment = wallet.charge("50");
    wallet.decline(&payment, ABANDONED);
    assert_eq!(wallet.told(), ["BalanceLow"]);
    let payment = wallet.charge("50");
    wallet.decline(&payment, "card_declined");
    assert_eq!(wallet.state(), State::Waiting { until: wallet.now + hours(6), failures: 2 });
}

#[test]
fn r4_a_payment_that_needs_the_owner_waits_and_publishes_one_event() {
    let mut wallet = Wallet::armed("100");
    wallet.spend("50");
    let payment = wallet.charge("50");
    let mut payment = wallet.ask_owner(&payment);
    assert_eq!(
        (wallet.state(), wallet.told()),
        (State::NeedsAction { failures: 0 }, vec!["RechargeNeedsAction".into()])
    );
    for _ in 0..50 {
        wallet.now += hours(1);
        wallet.spend("0.01");
        payment = wallet.ask_owner(&payment);
        assert!(payment.is_open() && wallet.told.is_empty());
        assert!(wallet.look().is_none());
    }
    wallet.succeed(&payment);
    assert_eq!(wallet.state(), State::Armed);
}

#[test]
fn r3_a_look_above_the_trigger_commits_only_what_is_due() {
    let mut wallet = Wallet::armed("100");
    let look = |wallet: &Wallet| {
        recharge::look(&wallet.account, &wallet.profile, wallet.now, wallet.now, &wallet.policy)
    };
    assert!(look(&wallet).change.is_none(), "the balance is above the trigger");

    // A retry is due, and funds have arrived in the meantime.
    wallet.spend("50");
    let payment = wallet.charge("50");
    wallet.decline(&payment, "insufficient_funds");
    assert!(matches!(wallet.state(), State::Waiting { .. }));
    wallet.account.lots = euros(&[("pur_2", "2027-12-01T00:00:00Z", "500")]).lots;
    wallet.books = Books::of(&wallet.account);
    wallet.now = wallet.account.due_for_recharge().unwrap();
    assert!(wallet.look().is_none());
    assert_eq!(wallet.state(), State::Armed);
    assert!(look(&wallet).change.is_none());
}

#[test]
fn n9_an_event_names_the_new_settings_of_auto_recharge() {
    let mut wallet = Wallet::with(euros(&[("a", "2027-12-01T00:00:00Z", "100")]));
    wallet.set(true, Some(("50", "60")), Some("200")).unwrap();
    let [EventDetails::SettingsChanged { fields, new, .. }] = &wallet.told[..] else {
        panic!("{:?}", wallet.told)
    };
    assert_eq!(fields[..], [Setting::AutoRecharge]);
    let new = new.auto_recharge.as_ref().unwrap();
    assert_eq!((new.enabled, new.resumed), (true, false));
    let amounts = [new.trigger_amount, new.recharge_amount, new.monthly_limit];
    assert_eq!(amounts, ["50", "60", "200"].map(|amount| Some(money(amount, "EUR"))));
}

#[test]
fn r5_turning_off_withdraws_the_open_payment_and_begins_none() {
    let mut wallet = Wallet::armed("100");
    wallet.spend("50");
    wallet.set(false, None, None).unwrap();
    assert_eq!(wallet.told(), ["SettingsChanged"]);
    assert!(wallet.look().is_none());
    assert_eq!(wallet.account.recharge.amounts.as_ref().unwrap().amount, money("50", "EUR"), "they stay");

    // An open payment is withdrawn. Auto-recharge stays off whether it succeeds or not.
    for charged in [false, true] {
        let mut wallet = Wallet::armed("100");
        wallet.spend("50");
        let payment = wallet.charge("50");
        wallet.set(false, None, None).unwrap();
        let open = wallet.account.open_recharge().unwrap();
        assert!(open.withdrawn && open.recover_at == wallet.now, "recovery is due at once");
        if charged {
            wallet.succeed(&payment);
            assert_eq!(wallet.available(), "100.0000", "a payment that succeeds all the same adds its lot");
        } else {
            wallet.decline(&payment, "card_declined");
            assert_eq!(wallet.told(), [] as [&str; 0]);
        }
        assert_eq!(wallet.state(), State::Off);
        assert!(wallet.look().is_none());
    }

    // Turned on again while that payment is open, no second one begins.
    let mut wallet = Wallet::armed("100");
    wallet.spend("50");
    let payment = wallet.charge("50");
    wallet.set(false, None, None).unwrap();
    wallet.set(true, Some(("60", "50")), None).unwrap();
    assert!(wallet.look().is_none());
    wallet.succeed(&payment);
    assert_eq!(wallet.state(), State::Armed);
}

fn with_backup(available: &str) -> Wallet {
    let mut wallet = Wallet::armed(available);
    let card = wallet.profile.payment_method.clone().unwrap();
    wallet.profile.backup = Some(PaymentMethod { token: "pm_2".into(), ..card });
    wallet
}

#[test]
fn f10_the_backup_is_tried_once_after_the_first_card_is_declined() {
    let mut wallet = with_backup("100");
    wallet.spend("50");
    let payment = wallet.charge("50");
    let second = wallet.try_backup(&payment, "lost_card");
    wallet.succeed(&second);
    assert_eq!(wallet.state(), State::Armed);

    // The backup is not tried if the payment was withdrawn in the meantime.
    let mut wallet = with_backup("100");
    wallet.spend("50");
    let payment = wallet.charge("50");
    wallet.set(false, None, None).unwrap();
    wallet.decline(&payment, "card_declined");
    assert!(wallet.account.open_recharge().is_none());
}

#[test]
fn r4_the_first_decline_decides_if_both_cards_are_declined() {
    for (first, second, stops) in
        [("card_declined", "lost_card", false), ("lost_card", "card_declined", true)]
    {
        let mut wallet = with_backup("100");
        wallet.spend("50");
        let payment = wallet.charge("50");
        let backup = wallet.try_backup(&payment, first);
        wallet.decline(&backup, second);
        let waits = State::Waiting { until: wallet.now + hours(1), failures: 1 };
        assert_eq!(wallet.state(), if stops { State::Stopped } else { waits }, "{first}, {second}");
        assert!(
            wallet
                .told
                .iter()
                .any(|event| matches!(event, EventDetails::RechargeFailed { reason, .. } if reason == first))
        );
    }
}

#[test]
fn r4_an_abandoned_attempt_of_the_backup_is_no_failure() {
    let mut wallet = with_backup("100");
    wallet.spend("50");
    let payment = wallet.charge("50");
    let backup = wallet.try_backup(&payment, "card_declined");
    wallet.decline(&backup, ABANDONED);
    assert_eq!((wallet.state(), wallet.told()), (State::Armed, vec!["BalanceLow".into()]));
}

#[test]
fn n2_a_backup_that_needs_the_owner_too_is_an_event() {
    let mut wallet = with_backup("100");
    wallet.spend("50");
    let payment = wallet.charge("50");
    let first = wallet.ask_owner(&payment);
    assert_eq!(wallet.told(), ["RechargeNeedsAction"]);
    let backup = wallet.try_backup(&first, "authentication_required");
    wallet.ask_owner(&backup);
    assert_eq!(wallet.told(), ["RechargeNeedsAction"]);
    assert_eq!(wallet.state(), State::NeedsAction { failures: 0 });
}

#[test]
fn r4_the_retry_of_a_late_decline_is_an_hour_after_it() {
    let mut wallet = Wallet::armed("100");
    wallet.spend("50");
    let payment = wallet.charge("50");
    let asked = wallet.ask_owner(&payment);
    wallet.now += hours(72);
    wallet.decline(&asked, "card_declined");
    assert_eq!(wallet.state(), State::Waiting { until: wallet.now + hours(1), failures: 1 });
    assert!(wallet.look().is_none());
}

#[test]
fn r6_a_payment_counts_the_recharge_amounts_of_its_beginning() {
    let mut wallet = Wallet::armed("100");
    wallet.set(true, Some(("60", "1000")), None).unwrap();
    wallet.spend("50");
    let payment = wallet.charge("1000");
    wallet.set(true, Some(("60", "50")), None).unwrap();
    wallet.succeed(&payment);
    assert_eq!(wallet.account.recharge.counted.map(|(_, times)| times), Some(1));
    wallet.spend("1000");
    wallet.charge("50");
}

#[test]
fn f10_a_new_card_withdraws_the_open_payment_of_the_old_one() {
    let mut wallet = Wallet::armed("100");
    wallet.spend("50");
    let payment = wallet.charge("50");
    let payment = wallet.ask_owner(&payment);
    wallet.new_card();
    assert!(wallet.account.open_recharge().unwrap().withdrawn);
    wallet.decline(&payment, ABANDONED);
    assert_eq!((wallet.state(), wallet.told()), (State::Armed, vec!["BalanceLow".into()]));
    wallet.charge("50");
}

#[test]
fn r1_settings_are_checked() {
    let mut wallet = Wallet::with(euros(&[]));
    let mut refused = |enabled, amounts, limit| match wallet.set(enabled, amounts, limit) {
        Err(SettingsRefusal::Amounts(wrong)) => {
            wrong.iter().map(|(field, why)| format!("{field}: {why}")).collect::<Vec<_>>().join("; ")
        }
        other => format!("{other:?}"),
    };
    for (amounts, limit, said) in [
        (
            None,
            None,
            "triggerAmount: expected an amount when enabled; rechargeAmount: expected an amount when enabled",
        ),
        (
            Some(("49", "100000.01")),
            Some("0.001"),
            "triggerAmount: expected at least 50 EUR; rechargeAmount: expected at most 100000 EUR; \
             monthlyLimit: expected at most 2 decimals, as a card is charged in EUR",
        ),
        (Some(("49", "50")), None, "triggerAmount: expected at least 50 EUR"),
        (Some(("50", "100000.01")), None, "rechargeAmount: expected at most 100000 EUR"),
        (
            Some(("50", "50.001")),
            None,
            "rechargeAmount: expected at most 2 decimals, as a card is charged in EUR",
        ),
        (Some(("50", "60")), Some("59.99"), "monthlyLimit: expected at least the rechargeAmount, 60.0000"),
        (
            Some(("50", "60")),
            Some("60.001"),
            "monthlyLimit: expected at most 2 decimals, as a card is charged in EUR",
        ),
    ] {
        assert_eq!(refused(true, amounts, limit), said);
    }
    assert_eq!(refused(true, Some(("50", "50")), Some("50")), "Ok(())");

    let mut wallet = Wallet::with(euros(&[]));
    wallet.profile.payment_method = None;
    assert_eq!(wallet.set(true, Some(("50", "50")), None), Err(SettingsRefusal::NoPaymentMethod));
    // A post-usage account cannot turn auto-recharge on (S8).
    let mut wallet = Wallet::with(account("EUR", BillingModel::PostUsage, at(NOON)));
    assert_eq!(wallet.set(true, Some(("50", "50")), None), Err(SettingsRefusal::PostUsage));
    assert_eq!(wallet.set(false, Some(("50", "50")), None), Ok(()));

    // The same settings again are no change.
    let mut wallet = Wallet::armed("100");
    let version = wallet.account.version;
    wallet.set(true, Some(("60.00", "50")), None).unwrap();
    assert_eq!(wallet.account.version, version);
}

#[test]
fn n4_a_warning_is_given_once_for_each_crossing() {
    let mut wallet = Wallet::with(euros(&[("pur_1", "2027-12-01T00:00:00Z", "100")]));
    wallet.account.warning = Some(domain::account::Warning { amount: money("20", "EUR"), told: false });
    for (spent, told) in [
        ("79.9999", vec![]),
        ("0.0001", vec!["BalanceWarning".to_owned()]),
        ("5", vec![]),
        ("15", vec!["BalanceDepleted".to_owned()]),
        ("1", vec![]),
    ] {
        wallet.spend(spent);
        assert_eq!(wallet.told(), told, "{spent}");
    }
    wallet.account.owed = money("0", "EUR");
    wallet.account.lots = euros(&[("pur_2", "2027-12-01T00:00:00Z", "20.5")]).lots;
    wallet.books = Books::of(&wallet.account);
    wallet.spend("0.1");
    assert_eq!(wallet.told(), [] as [&str; 0], "the balance is above both thresholds again");
    wallet.spend("30");
    assert_eq!(wallet.told(), ["BalanceDepleted", "BalanceWarning"]);
}

#[test]
fn a_lasting_event_is_kept_with_its_entry() {
    let mut wallet = Wallet::armed("100");
    wallet.spend("50");
    let payment = wallet.charge("50");
    let decision = settlement::succeed(&wallet.account, wallet.now, &payment, "pi_1").unwrap();
    let change = decision.change.unwrap();
    let kept = change.entries[0].lasting.clone().unwrap();
    assert_eq!(change.events[kept.number as usize], kept.details);
    let EventDetails::FundsAdded { recharge_amounts, .. } = kept.details else { panic!("{kept:?}") };
    assert_eq!(recharge_amounts, Some(1), "of a recharge");

    let night = at("2027-12-05T00:00:00Z");
    let swept = expiry::sweep(&wallet.account, night).change.unwrap();
    let kept = swept.entries[0].lasting.clone().unwrap();
    assert!(matches!(kept.details, EventDetails::FundsExpired(_)));
    assert_eq!(swept.events[kept.number as usize], kept.details);
}
