//! Repeated events, and failures of SES (N11).

use futures_util::future::join_all;
use notify::Ports;
use tokio::time::Instant;

use crate::world::{LONG, Mood, SHORT, World, addresses, deliver, deliver_until, depleted, once};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n11_a_bad_address_among_twenty_and_a_hundred_deliveries() {
    let world = World::with_lease(LONG).await;
    let mut recipients: Vec<_> = (0..19).map(|number| format!("person{number}@example.com")).collect();
    recipients.insert(7, "bounce@example.com".to_owned());
    world.account("contoso", &recipients, None).await;
    recipients.remove(7);

    assert!(world.deliver(&depleted("contoso", 1)).await, "a bad address does not bring the event back");
    assert_eq!(world.office.counts(), once(&recipients));

    // One event 101 times and another one 10 times, in random order and concurrently.
    world.office.forget();
    let events = [2, 3].map(|version| depleted("contoso", version));
    let mut waiting = [vec![&events[0]; 101], vec![&events[1]; 10]].concat();
    while !waiting.is_empty() {
        fastrand::shuffle(&mut waiting);
        let done = join_all(waiting.iter().map(|event| deliver(&world.ports, event))).await;
        let mut done = done.into_iter();
        waiting.retain(|_| !done.next().unwrap());
    }
    let counts = world.office.counts();
    assert_eq!(counts.keys().collect::<Vec<_>>(), once(&recipients).keys().collect::<Vec<_>>());
    assert!(counts.values().all(|count| *count == events.len()), "{counts:?}");
    assert_eq!(
        world.office.refused().len(),
        3,
        "an address that was refused is not tried again for the same event"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n11_ses_is_down_for_long() {
    let world = World::with_lease(LONG).await;
    let recipients = addresses(&["ada", "bob", "carol"]);
    world.account("contoso", &recipients, None).await;
    let event = depleted("contoso", 1);
    for mood in [Mood::Down, Mood::Throttles] {
        world.office.set(mood);
        for _ in 0..20 {
            assert!(!world.deliver(&event).await, "the event must be delivered again");
        }
    }
    assert!(world.office.mails().is_empty());
    world.office.set(Mood::Works);
    for _ in 0..3 {
        assert!(world.deliver(&event).await);
    }
    assert_eq!(world.office.counts(), once(&recipients));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n11_a_lost_reply_repeats_a_mail_and_loses_none() {
    let world = World::with_lease(SHORT).await;
    let recipients = addresses(&["ada", "bob", "carol"]);
    world.account("contoso", &recipients, None).await;
    let event = depleted("contoso", 1);
    world.office.set(Mood::LosesReplies);
    assert!(!world.deliver(&event).await);
    assert_eq!(world.office.counts(), once(&recipients), "each is tried once in a delivery");
    world.office.set(Mood::Works);
    world.deliver_until_done(&event).await;
    assert!(world.office.counts().values().all(|count| *count == 2), "{:?}", world.office.counts());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n11_ses_slower_than_its_time_out_repeats_a_mail_once_at_most() {
    let world = World::with_lease(LONG).await;
    let recipients = addresses(&["ada", "bob", "carol"]);
    world.account("contoso", &recipients, None).await;
    let impatient = Ports { patience: SHORT, ..world.ports.clone() };
    let event = depleted("contoso", 1);
    world.office.set(Mood::AnswersTooLate);
    assert!(!deliver(&impatient, &event).await, "the mails may not have been sent");
    for _ in 0..20 {
        assert!(deliver(&impatient, &event).await, "the second time the mails are given up");
    }
    assert!(world.office.counts().values().all(|count| *count == 2), "{:?}", world.office.counts());
    world.office.set(Mood::Works);
    assert!(world.deliver(&event).await);
    assert_eq!(
        world.office.mails().len(),
        2 * recipients.len(),
        "mails that were given up are not sent again"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n11_what_is_known_not_to_have_gone_is_not_counted() {
    let world = World::with_lease(LONG).await;
    let recipients = addresses(&["ada", "bob"]);
    world.account("contoso", &recipients, None).await;
    let event = depleted("contoso", 1);
    world.office.set(Mood::LosesReplies);
    assert!(!world.deliver(&event).await);
    for mood in [Mood::Down, Mood::Throttles, Mood::Down] {
        world.office.set(mood);
        for _ in 0..5 {
            assert!(!world.deliver(&event).await, "{mood:?}: the event must be delivered again");
        }
    }
    world.office.set(Mood::LosesReplies);
    assert!(world.deliver(&event).await, "the mails are given up after the second send without an answer");
    assert_eq!(world.office.mails().len(), 2 * recipients.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n11_nobody_can_connect_for_long() {
    let world = World::with_lease(LONG).await;
    let recipients = addresses(&["ada"]);
    world.account("contoso", &recipients, None).await;
    let nobody = aws_sdk_sesv2::Client::from_conf(
        world.ports.mailer.config().to_builder().endpoint_url("http://127.0.0.1:1").build(),
    );
    let cut_off = Ports { mailer: nobody, ..world.ports.clone() };
    let event = depleted("contoso", 1);
    for _ in 0..20 {
        assert!(!deliver(&cut_off, &event).await, "no mail can have been sent");
    }
    assert!(world.deliver(&event).await);
    assert_eq!(world.office.counts(), once(&recipients));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mail_that_could_be_cut_off_is_not_begun() {
    let world = World::with_lease(LONG).await;
    let recipients = addresses(&["ada", "bob"]);
    world.account("contoso", &recipients, None).await;
    let event = depleted("contoso", 1);
    let soon = Instant::now() + LONG / 2;
    assert!(!deliver_until(&world.ports, &event, soon).await, "SES may take longer than the time left");
    assert!(world.office.mails().is_empty());
    assert!(world.deliver(&event).await, "no lease is held");
    assert_eq!(world.office.counts(), once(&recipients));
}
