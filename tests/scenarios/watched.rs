//! A test counts, kills and holds back only the calls of the process that it watches, and none of other requests to the host.

use std::pin::pin;

use local::faults::{Call, Kind};
use scenarios::{World, bounded};

/// Sends a request, which the host answers in another task with calls to the database.
async fn others(world: &World) {
    world.operator.account("a").await;
}

fn operations(calls: &[Call]) -> Vec<&str> {
    calls.iter().map(|call| call.operation.as_str()).collect()
}

#[tokio::test]
async fn other_calls_are_neither_counted_nor_killed_nor_held_back() {
    let world = World::start().await;
    world.set_time("2026-11-22T10:00:00Z");
    world.account("a").await;

    let (_, alone) = world.recorded(world.recover()).await;
    let ((), among_others) = world
        .recorded(async {
            others(&world).await;
            world.recover().await;
            others(&world).await;
        })
        .await;
    assert!(!alone.is_empty());
    assert_eq!(operations(&among_others), operations(&alone));

    world.arm(Kind::DeathBefore, 0, 1);
    others(&world).await;
    assert!(world.unless_killed(world.recover()).await.is_none(), "the fault did not hit the other request");

    let mut recovering = pin!(world.recover());
    let held = world.run_to(0, &mut recovering).await.expect_err("it makes calls");
    others(&world).await;
    drop(held);
    bounded(recovering).await;
}
