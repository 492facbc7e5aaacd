//! A process may die at any call: the event is delivered again, and no recipient is left out (N11).

use crate::world::{Moment, SHORT, World, addresses, depleted};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n11_death_at_every_call_leaves_nobody_out() {
    let world = World::with_lease(SHORT).await;
    let recipients = addresses(&["ada", "bob", "carol"]);
    world.account("contoso", &recipients, None).await;

    world.wire.start(None);
    assert!(world.deliver(&depleted("contoso", 1)).await);
    let calls = world.wire.calls();
    assert_eq!(
        calls,
        1 + 3 * recipients.len(),
        "one read of the account; for each recipient a lease, a mail and a mark"
    );

    let mut version = 1;
    let mut repeats = 0;
    for call in 0..calls {
        for moment in [Moment::Before, Moment::After] {
            world.office.forget();
            version += 1;
            let event = depleted("contoso", version);
            world.wire.start(Some((call, moment)));
            assert_eq!(world.deliver_unless_killed(&event).await, None, "the process dies at call {call}");
            let before = world.office.mails().len();
            world.wire.start(None);
            world.deliver_until_done(&event).await;

            let counts = world.office.counts();
            assert_eq!(
                counts.len(),
                recipients.len(),
                "{moment:?} call {call} leaves recipients out: {counts:?}"
            );
            let repeated = world.office.mails().len() - recipients.len();
            let in_flight =
                before > 0 && matches!((call % 3, moment), (2, Moment::After) | (0, Moment::Before));
            assert_eq!(repeated, usize::from(in_flight), "{moment:?} call {call}: {counts:?}");
            repeats += repeated;
        }
    }
    assert_eq!(
        repeats,
        2 * recipients.len(),
        "a mail repeats only after a death between sending and marking it"
    );
}
