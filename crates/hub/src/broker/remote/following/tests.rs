//! Every order of events in small worlds: an engine, nodes that each run a real `Following`, and clients that move between
//! them. A checker visits all states, so what the simulation in `tests/remote` finds by chance cannot hide here.
//!
//! A mutation does wrongly what `Following` asks for. It must be found, or else the worlds would be too small.

mod model;
mod world;

use stateright::{Checker, Model};

use self::model::{Bounds, FollowingModel, Happening, Mutation};

/// Visits all states of these worlds, and names the world in which a promise is broken.
fn check(worlds: &[Bounds]) {
    for bounds in worlds {
        let checker = FollowingModel::new(bounds.clone()).checker().threads(2).spawn_dfs().join();
        println!("{} states of {bounds:?}", checker.unique_state_count());
        checker.assert_properties();
    }
}

/// What a mutation breaks, as the shortest way there.
fn counterexample(bounds: &Bounds) -> Vec<Happening> {
    let checker = FollowingModel::new(bounds.clone()).checker().threads(2).spawn_bfs().join();
    let broken = ["none twice, none missing, or told", "at rest, everybody has seen everything"];
    let found = broken.into_iter().find_map(|name| checker.discovery(name));
    found.unwrap_or_else(|| panic!("nothing is broken in {bounds:?}")).into_actions()
}

fn two_clients() -> Bounds {
    Bounds { clients: 2, ..Bounds::default() }
}

fn two_nodes() -> Bounds {
    Bounds { nodes: 2, ..Bounds::default() }
}

#[test]
fn the_subscribers_of_a_node_share_one_order() {
    check(&[
        Bounds { publications: 3, subscriptions: 3, ..two_clients() },
        Bounds { subscriptions: 3, trims: 1, page: 1, ..two_clients() },
        Bounds { publications: 3, duplicates: 1, room: 1, page: 1, ..two_clients() },
    ]);
}

#[test]
fn nothing_is_missing_after_interruptions_failures_and_the_loss_of_the_stream() {
    check(&[
        Bounds { interruptions: 1, ..two_clients() },
        Bounds { publications: 3, interruptions: 2, ..Bounds::default() },
        Bounds { losses: 1, ..two_clients() },
        Bounds { losses: 1, trims: 1, ..Bounds::default() },
        Bounds { failures: 2, ..two_clients() },
    ]);
}

#[test]
fn a_client_recovers_on_another_node() {
    check(&[Bounds { trims: 1, ..two_nodes() }, Bounds { publications: 1, losses: 1, ..two_nodes() }]);
}

/// 1,153,842, 771,123 and 4,152,920 states.
#[test]
#[ignore = "takes some minutes"]
fn the_same_holds_in_larger_worlds() {
    check(&[
        Bounds { interruptions: 1, trims: 1, ..two_nodes() },
        Bounds { losses: 1, ..two_nodes() },
        Bounds { publications: 3, interruptions: 1, losses: 1, trims: 1, duplicates: 1, ..Bounds::default() },
    ]);
}

#[test]
fn without_an_ordering_point_a_subscriber_gets_publications_twice() {
    let way = counterexample(&Bounds { mutation: Mutation::StartsFirst, ..two_clients() });
    assert!(way.contains(&Happening::Subscribe { client: 1, node: 0 }), "{way:?}");
}

#[test]
fn what_is_not_held_during_a_read_is_missing() {
    let way = counterexample(&Bounds { mutation: Mutation::DropsWhileReading, ..Bounds::default() });
    assert!(way.contains(&Happening::Arrive { node: 0 }), "{way:?}");
}

#[test]
fn what_is_not_read_after_an_interruption_is_missing() {
    let bounds = Bounds { mutation: Mutation::IgnoresInterruptions, interruptions: 1, ..Bounds::default() };
    let way = counterexample(&bounds);
    assert!(way.contains(&Happening::Restore { node: 0 }), "{way:?}");
}
