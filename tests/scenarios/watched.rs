//! What a test counts, kills or holds back is the process that it watches, whatever else the host does meanwhile.

use std::pin::pin;

use local::faults::{Call, Kind};
use scenarios::{World, bounded};

/// A request that the host answers in a task of its own, with calls to the database.
async fn others(world: &World) {
    world.operator.account("a").await;
}

fn operations(calls: &[Call]) -> Vec<&str> {
    calls.iter().map(|call| call.operation.as_str()).collect()
}

#[tokio::test]
async fn calls_of_others_are_neither_counted_nor_killed_nor_held_back() {
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
    assert!(
        world.unless_killed(world.recover()).await.is_none(),
        "the fault was left for the process that is watched"
    );

    let mut recovering = pin!(world.recover());
    let held = world.run_to(0, &mut recovering).await.expect_err("it makes calls");
    others(&world).await;
    drop(held);
    bounded(recovering).await;
}
