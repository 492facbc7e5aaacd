//! Which recipients get which mails.

use domain::card_payment::{Backup, Repayments};
use domain::event::{Event, NewValues, Setting};
use domain::profile::{Card, PaymentMethod};
use domain::{
    AccountId, CardPayment, CardPaymentKind, CardPaymentState, EventDetails, Fingerprint, PaymentId,
    PaymentKind,
};
use futures_util::future::join;
use notify::Ports;

use crate::world::{FROM, LONG, Mood, World, addressee, addresses, deliver, depleted, euros, event, once};

fn recharge(account: &str) -> CardPayment {
    let account = AccountId::parse(account).unwrap();
    let card = Card { brand: "visa".to_owned(), last4: "4242".to_owned(), exp_month: 12, exp_year: 2034 };
    CardPayment {
        id: PaymentId::derive(&account, PaymentKind::Recharge, "1"),
        account,
        kind: CardPaymentKind::Recharge,
        created_at: "2026-11-25T09:05:00Z".parse().unwrap(),
        amount: euros("50"),
        fingerprint: Fingerprint::of([]),
        attempt: 1,
        method: PaymentMethod { customer: "cus_1".to_owned(), token: "pm_1".to_owned(), card },
        backup: Backup::None,
        po_number: None,
        recharge_amounts: None,
        revision: 1,
        state: CardPaymentState::Succeeded {
            intent: "pi_1".to_owned(),
            receipt_number: 7,
            repayments: Repayments::default(),
        },
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n1_a_mail_says_who_sends_it_and_which_card_was_charged() {
    let world = World::with_lease(LONG).await;
    let payment = recharge("contoso");
    let added = EventDetails::FundsAdded {
        kind: payment.kind.into(),
        payment_id: payment.id.clone(),
        amount: payment.amount,
        expires_at: "2027-11-25T09:05:00Z".parse().unwrap(),
        receipt_number: Some(7),
        recharge_amounts: Some(1),
    };
    let receipt = format!("https://credits.example.com/accounts/contoso/purchases/{}", payment.id);
    world.account("contoso", &addresses(&["ada"]), Some(payment)).await;
    let ports = Ports { configuration_set: Some("bounces".to_owned()), ..world.ports.clone() };
    assert!(deliver(&ports, &event("contoso", 2, added)).await);

    let mails = world.office.mails();
    let [mail] = mails.as_slice() else { panic!("{mails:?}") };
    assert_eq!(mail["FromEmailAddress"], format!("Communications Credits <{FROM}>"));
    assert_eq!(mail["ConfigurationSetName"], "bounces");
    let content = &mail["Content"]["Simple"];
    assert_eq!(content["Subject"]["Data"], "EUR\u{a0}50.00 added by auto-recharge \u{2013} contoso Ltd");
    assert_eq!(content["Headers"][0]["Name"], "Auto-Submitted");
    for part in ["Text", "Html"] {
        let body = content["Body"][part]["Data"].as_str().unwrap();
        for said in ["Visa ending in 4242", "25 November 2027", receipt.as_str()] {
            assert!(body.contains(said), "{said}: {body}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_accounts_do_not_mix() {
    let world = World::with_lease(LONG).await;
    let (ours, theirs) = (addresses(&["ada", "both"]), addresses(&["bob", "both"]));
    world.account("contoso", &ours, None).await;
    world.account("fabrikam", &theirs, None).await;
    let (a, b) = (depleted("contoso", 1), depleted("fabrikam", 1));
    assert_eq!(join(world.deliver(&a), world.deliver(&b)).await, (true, true));

    let mut told: Vec<_> = world
        .office
        .mails()
        .iter()
        .map(|mail| {
            let text = mail["Content"]["Simple"]["Body"]["Text"]["Data"].as_str().unwrap();
            let about = ["contoso", "fabrikam"].map(|account| text.contains(account));
            (addressee(mail), about)
        })
        .collect();
    told.sort();
    let [ada, bob, both] = ["ada", "bob", "both"].map(|name| format!("{name}@example.com"));
    let expected =
        [(ada, [true, false]), (bob, [false, true]), (both.clone(), [false, true]), (both, [true, false])];
    assert_eq!(told, expected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_a_recipient_at_that_time_is_told() {
    let world = World::with_lease(LONG).await;
    world.account("contoso", &addresses(&["ada", "bob"]), None).await;
    let event = depleted("contoso", 1);
    world.office.set(Mood::Down);
    assert!(!world.deliver(&event).await);
    world.office.set(Mood::Works);
    world.set_recipients("contoso", &addresses(&["ada", "carol"])).await;
    assert!(world.deliver(&event).await);
    world.set_recipients("contoso", &addresses(&["Ada", "dan"])).await;
    assert!(world.deliver(&event).await);
    assert_eq!(world.office.counts(), once(&addresses(&["ada", "carol", "dan"])));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_told_of_what_is_nobodys() {
    let world = World::with_lease(LONG).await;
    world.account("contoso", &[], None).await;
    world.account("fabrikam", &addresses(&["ada"]), None).await;
    let low = event("fabrikam", 1, EventDetails::BalanceLow { available: euros("1") });
    for event in [depleted("contoso", 1), depleted("nobody", 1), low] {
        assert!(world.deliver(&event).await, "{event:?}");
    }
    assert!(world.office.mails().is_empty());
    assert!(world.deliver(&depleted("fabrikam", 2)).await);
    assert_eq!(world.office.mails().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n9_removed_recipients_are_told_too() {
    let world = World::with_lease(LONG).await;
    world.account("contoso", &addresses(&["ada", "bob"]), None).await;
    let event = event("contoso", 1, recipients_changed(&[], &["carol", "Bob", "bounce"]));
    for _ in 0..2 {
        assert!(world.deliver(&event).await);
    }
    assert_eq!(world.office.counts(), once(&addresses(&["ada", "bob", "carol"])));
    assert_eq!(world.office.refused(), addresses(&["bounce"]));
}

fn recipients_changed(added: &[&str], removed: &[&str]) -> EventDetails {
    EventDetails::SettingsChanged {
        fields: vec![Setting::NotificationEmails],
        by: "ada".to_owned(),
        added_recipients: addresses(added),
        removed_recipients: addresses(removed),
        new: NewValues::default(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n9_an_address_is_told_once_a_day_that_it_was_added_or_removed() {
    let world = World::with_lease(LONG).await;
    let strangers: Vec<_> = (0..20).map(|number| format!("stranger{number}")).collect();
    let strangers: Vec<_> = strangers.iter().map(String::as_str).collect();
    world.account("contoso", &addresses(&["ada"]), None).await;
    let on = |mut event: Event, day: &str| {
        event.at = format!("{day}T10:00:00Z").parse().unwrap();
        event
    };
    for day in ["2026-11-25", "2026-11-26"] {
        world.office.forget();
        for time in 0..10 {
            let everybody = [&["ada"], strangers.as_slice()].concat();
            world.set_recipients("contoso", &addresses(&everybody)).await;
            let version = world.version("contoso").await;
            let added = on(event("contoso", version, recipients_changed(&strangers, &[])), day);
            assert!(world.deliver(&added).await);
            world.set_recipients("contoso", &addresses(&["ada"])).await;
            let version = world.version("contoso").await;
            let removed = on(event("contoso", version, recipients_changed(&[], &strangers)), day);
            assert!(world.deliver(&removed).await && world.deliver(&removed).await);
            let counts = world.office.counts();
            assert_eq!(
                counts["ada@example.com"],
                2 * (time + 1),
                "a recipient who stays is told of each change"
            );
        }
        let counts = world.office.counts();
        let of_strangers = addresses(&strangers);
        assert!(of_strangers.iter().all(|address| counts[address] == 1), "{day}: {counts:?}");
    }
    // Changes of one account do not hide those of another.
    world.office.forget();
    world.account("fabrikam", &addresses(&["ada"]), None).await;
    let removed = on(event("fabrikam", 1, recipients_changed(&[], &["stranger0"])), "2026-11-26");
    assert!(world.deliver(&removed).await);
    assert_eq!(world.office.counts()["stranger0@example.com"], 1);
}
