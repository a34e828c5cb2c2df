//! Nodes say that they live, and that they end.

use std::time::Duration;

use longwire_hub::NodeInfo;

use super::Cluster;
use crate::connecting::{connect_with, with_tokens};
use crate::support::{World, config, finish};

#[test]
fn nodes_know_one_another_two_seconds_after_they_have_started() {
    let mut cluster = Cluster::new(3, config);
    for (node, expected) in [
        (0, ["node 0", "node 1", "node 2"]),
        (1, ["node 1", "node 0", "node 2"]),
        (2, ["node 2", "node 0", "node 1"]),
    ] {
        assert_eq!(cluster.known_to(node), expected);
    }
    cluster.nodes[1].subscribed("demo:tea");
    (0..3).for_each(|_| cluster.second());
    let infos = cluster.nodes[0].hub.nodes();
    let NodeInfo { node, uptime, clients, users, subscriptions, channels, .. } = &infos[1];
    assert_eq!(node, cluster.nodes[1].hub.node());
    assert_eq!((*clients, *users, *subscriptions, *channels), (1, 0, 1, 1));
    assert!(*uptime >= Duration::from_secs(2), "{uptime:?}");
}

#[test]
fn a_node_that_says_goodbye_is_forgotten_at_once_and_one_that_falls_silent_after_ten_seconds() {
    let mut cluster = Cluster::new(3, config);
    finish(cluster.nodes[1].hub.leave()).unwrap();
    cluster.settle();
    assert_eq!(cluster.known_to(0), ["node 0", "node 2"]);
    (0..5).for_each(|_| cluster.second());
    assert_eq!(cluster.known_to(0), ["node 0", "node 2"], "a node that leaves says no more that it lives");
    cluster.bus.cut(0);
    let heard_for = (0..20).take_while(|_| {
        cluster.second();
        cluster.nodes[0].hub.nodes().len() == 2
    });
    let seconds = heard_for.count();
    assert!((7..=10).contains(&seconds), "{seconds}");
}

#[test]
fn a_node_that_could_not_say_that_it_lives_says_so_as_soon_as_it_can() {
    let mut cluster = Cluster::new(2, config);
    cluster.bus.fail();
    (0..15).for_each(|_| cluster.second());
    assert_eq!(cluster.known_to(0), ["node 0"]);
    cluster.bus.mend();
    cluster.second();
    assert_eq!(cluster.known_to(0), ["node 0", "node 1"]);
}

#[test]
fn a_node_alone_tells_nobody_anything() {
    let mut cluster = Cluster::new(1, config);
    let told = cluster.bus.told();
    (0..30).for_each(|_| cluster.second());
    // Its heartbeats.
    assert_eq!(cluster.bus.told() - told, 10);
    let world = World::new(config());
    world.hub.expire(world.now);
    finish(world.hub.leave()).unwrap();
    assert_eq!(world.hub.nodes().len(), 1);
}

#[test]
fn what_a_newer_version_says_is_skipped_and_counted() {
    let mut cluster = Cluster::new(2, config);
    let stranger = "6cd0a9b4-1b3c-4a1b-9f57-0d8a4c2f6e11";
    let from = [b"\x12\x24", stranger.as_bytes()].concat();
    for (number, message) in [
        b"\xff\xff".to_vec(),
        [b"\x08\x02", &from[..]].concat(),
        [b"\x08\x01", &from[..], b"\xfa\x01\x02hi"].concat(),
        // A control message of a kind that is not known.
        [b"\x08\x01", &from[..], b"\x32\x07\x0a\x0242\xfa\x01\x00"].concat(),
        b"\x08\x01\x12\x02me\x2a\x00".to_vec(),
    ]
    .into_iter()
    .enumerate()
    {
        cluster.bus.tell(message.into()).unwrap();
        cluster.settle();
        for node in &cluster.nodes {
            let skipped = usize::try_from(node.hub.counts().node_messages_skipped).unwrap();
            assert_eq!(skipped, number + 1);
        }
    }
    assert_eq!(cluster.known_to(0), ["node 0", "node 1"]);
}

#[test]
fn a_node_that_starts_later_learns_who_is_blocked() {
    let mut cluster = Cluster::new(2, with_tokens);
    let until = cluster.nodes[0].now + Duration::from_secs(600);
    let blocked = cluster.nodes[0].hub.block("42", Some(until));
    cluster.finish(blocked).unwrap();
    cluster.settle();
    let mut late = World::node(with_tokens(), &cluster.bus, 9);
    late.now = cluster.nodes[0].now;
    cluster.nodes.push(late);
    (0..3).for_each(|_| cluster.second());
    let late = &mut cluster.nodes[2];
    assert_eq!(late.hub.blocked_until("42", late.now), Some(until));
    let client = connect_with(late, r#"{"sub":"42"}"#);
    assert_eq!(late.end(client), Some(3507));
}
