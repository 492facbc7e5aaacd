//! The same event again and again, and SES on a bad day (N11).

use futures_util::future::join_all;

use crate::world::{LONG, Mood, SHORT, World, addresses, deliver, depleted, once};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n11_a_bad_address_among_twenty_and_a_hundred_deliveries() {
    let world = World::with_lease(LONG).await;
    let mut recipients: Vec<_> = (0..19).map(|number| format!("person{number}@example.com")).collect();
    recipients.insert(7, "bounce@example.com".to_owned());
    world.account("contoso", &recipients, None).await;
    recipients.remove(7);

    assert!(world.deliver(&depleted("contoso", 1)).await, "a bad address is no reason to come again");
    assert_eq!(world.office.counts(), once(&recipients));

    // The same event more than a hundred times, and another one among them, in any order and all at once.
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
    assert_eq!(world.office.refused().len(), 3, "an address that was refused is not tried again");
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
            assert!(!world.deliver(&event).await, "it has to come again");
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
