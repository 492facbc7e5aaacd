//! Leases of mails: one process at a time may send a mail, for a limited time.

use std::time::Duration;

use store::mail_leases::{MailLease, Standing};

use crate::world::{LONG, Moment, World};

/// Long enough for a few calls on a busy machine.
const LEASE: Duration = Duration::from_secs(1);

fn ours(standing: Standing) -> MailLease {
    match standing {
        Standing::Ours(lease) => lease,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_holds_until_it_is_over() {
    let world = World::with_lease(LEASE).await;
    let leases = &world.ports.leases;
    let first = ours(leases.take("a#1#0", "ada@example.com").await.unwrap());
    assert!(matches!(leases.take("a#1#0", "Ada@Example.com").await.unwrap(), Standing::Held));
    ours(leases.take("a#1#0", "bob@example.com").await.unwrap());
    ours(leases.take("a#1#1", "ada@example.com").await.unwrap());

    tokio::time::sleep(LEASE).await;
    ours(leases.take("a#1#0", "ada@example.com").await.unwrap());
    leases.release(&first).await.unwrap();
    let standing = leases.take("a#1#0", "ada@example.com").await.unwrap();
    assert!(matches!(standing, Standing::Held), "releasing an expired lease does not release the next one");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_done_stays_done_and_what_is_given_back_is_free() {
    let world = World::with_lease(LONG).await;
    let leases = &world.ports.leases;
    let lease = ours(leases.take("a#1#0", "ada@example.com").await.unwrap());
    leases.release(&lease).await.unwrap();
    let again = ours(leases.take("a#1#0", "ada@example.com").await.unwrap());
    leases.mark_sent(&again).await.unwrap();
    leases.release(&lease).await.unwrap();
    leases.release(&again).await.unwrap();
    assert!(matches!(leases.take("a#1#0", "ada@example.com").await.unwrap(), Standing::Done));

    let lease = ours(leases.take("a#1#0", "bounce@example.com").await.unwrap());
    leases.mark_refused(&lease, "no such address").await.unwrap();
    assert!(matches!(leases.take("a#1#0", "bounce@example.com").await.unwrap(), Standing::Done));
    leases.create_table().await.expect("a table that exists is left alone");
    assert!(matches!(leases.take("a#1#0", "bounce@example.com").await.unwrap(), Standing::Done));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lease_whose_reply_was_lost_is_found_again() {
    let world = World::with_lease(LONG).await;
    // The SDK sends the request again, and the table answers that the lease exists.
    world.wire.start(Some((0, Moment::Never)));
    ours(world.ports.leases.take("a#1#0", "ada@example.com").await.unwrap());
    assert_eq!(world.wire.calls(), 2);
}
