//! Who may send a mail, and until when.

use std::time::Duration;

use notices::{Claim, Standing};

use crate::world::{LONG, Moment, World};

/// Long enough for a few calls, whatever else the machine does.
const LEASE: Duration = Duration::from_secs(1);

fn ours(standing: Standing) -> Claim {
    match standing {
        Standing::Ours(claim) => claim,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_holds_until_its_lease_is_over() {
    let world = World::with_lease(LEASE).await;
    let claims = &world.ports.claims;
    let first = ours(claims.claim("a#1#0", "ada@example.com").await.unwrap());
    assert!(matches!(claims.claim("a#1#0", "Ada@Example.com").await.unwrap(), Standing::Held));
    ours(claims.claim("a#1#0", "bob@example.com").await.unwrap());
    ours(claims.claim("a#1#1", "ada@example.com").await.unwrap());

    tokio::time::sleep(LEASE).await;
    ours(claims.claim("a#1#0", "ada@example.com").await.unwrap());
    claims.release(&first).await.unwrap();
    let standing = claims.claim("a#1#0", "ada@example.com").await.unwrap();
    assert!(matches!(standing, Standing::Held), "who was late gave back nobody else's claim");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_done_stays_done_and_what_is_given_back_is_free() {
    let world = World::with_lease(LONG).await;
    let claims = &world.ports.claims;
    let claim = ours(claims.claim("a#1#0", "ada@example.com").await.unwrap());
    claims.release(&claim).await.unwrap();
    let again = ours(claims.claim("a#1#0", "ada@example.com").await.unwrap());
    claims.mark_sent(&again).await.unwrap();
    claims.release(&claim).await.unwrap();
    claims.release(&again).await.unwrap();
    assert!(matches!(claims.claim("a#1#0", "ada@example.com").await.unwrap(), Standing::Done));

    let claim = ours(claims.claim("a#1#0", "bounce@example.com").await.unwrap());
    claims.mark_refused(&claim, "no such address").await.unwrap();
    assert!(matches!(claims.claim("a#1#0", "bounce@example.com").await.unwrap(), Standing::Done));
    claims.create_table().await.expect("a table that exists is left alone");
    assert!(matches!(claims.claim("a#1#0", "bounce@example.com").await.unwrap(), Standing::Done));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_claim_whose_reply_was_lost_is_found_again() {
    let world = World::with_lease(LONG).await;
    // The SDK sends it again, and the table says that it is there.
    world.wire.start(Some((0, Moment::Never)));
    ours(world.ports.claims.claim("a#1#0", "ada@example.com").await.unwrap());
    assert_eq!(world.wire.calls(), 2);
}
