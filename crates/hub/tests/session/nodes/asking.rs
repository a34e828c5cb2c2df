//! What an operator asks one node, all answer.

use longwire_hub::{Largest, NodeSessions, Surveyed};

use super::Cluster;
use crate::connecting::{connect_with, with_tokens};

/// Users and their channels, on two nodes.
fn with_clients() -> Cluster {
    let mut cluster = Cluster::new(2, with_tokens);
    for (node, user, channel) in
        [(0, "42", "news"), (0, "43", "demo:a"), (1, "42", "news"), (1, "42", "news"), (1, "7", "demo:b")]
    {
        let client = connect_with(&mut cluster.nodes[node], &format!(r#"{{"sub":"{user}"}}"#));
        let subscribe = format!(r#"{{"id":2,"subscribe":{{"channel":"{channel}"}}}}"#);
        cluster.nodes[node].say(client, &subscribe);
    }
    cluster
}

fn channels(cluster: &mut Cluster, pattern: &str, limit: usize) -> (Vec<String>, usize) {
    let call = cluster.nodes[0].hub.channels(pattern, limit);
    let Surveyed { found, unanswered } = cluster.finish(call).unwrap();
    let shown = found.iter().map(|(name, figures)| format!("{name} {}", figures.clients));
    (shown.collect(), unanswered.len())
}

#[test]
fn channels_of_all_nodes_are_listed_and_their_clients_added_up() {
    let mut cluster = with_clients();
    let all = ["demo:a 1", "demo:b 1", "news 3"].map(String::from).to_vec();
    assert_eq!(channels(&mut cluster, "", 10), (all.clone(), 0));
    assert_eq!(channels(&mut cluster, "", 2), (all[..2].to_vec(), 0));
    assert_eq!(channels(&mut cluster, "n*", 10), (all[2..].to_vec(), 0));
    let name = "news".parse().unwrap();
    let call = cluster.nodes[1].hub.subscribers(&name);
    assert_eq!(cluster.finish(call).unwrap().found, 3);
}

#[test]
fn the_largest_of_all_nodes_together_come_first() {
    let mut cluster = with_clients();
    let call = cluster.nodes[0].hub.largest_channels("", 2);
    let Largest { found, total } = cluster.finish(call).unwrap().found;
    let found: Vec<(&str, usize)> = found.iter().map(|(name, size)| (&**name, *size)).collect();
    assert_eq!((found, total), (vec![("news", 3), ("demo:a", 1)], 3));
    let call = cluster.nodes[0].hub.largest_users("4*", 1);
    let expected = Largest { found: vec![("42".into(), 3)], total: 2 };
    assert_eq!(cluster.finish(call).unwrap().found, expected);
}

#[test]
fn sessions_of_other_nodes_are_found_by_user_and_by_client_and_describe_themselves() {
    let mut cluster = with_clients();
    let there = cluster.nodes[1].hub.user_sessions("42");
    let call = cluster.nodes[0].hub.user_sessions_elsewhere("42", 1);
    let NodeSessions { sessions, total, .. } = cluster.finish(call).unwrap().found;
    assert_eq!((sessions.len(), total), (1, 2));
    assert!(there.contains(&sessions[0].session));
    assert_eq!(&sessions[0].node, cluster.nodes[1].hub.node());
    let description = sessions[0].description.as_ref().unwrap();
    assert_eq!((&*description.transport, &description.channels[..]), ("websocket", &["news".to_owned()][..]));
    let call = cluster.nodes[0].hub.session_elsewhere(&there[0].client);
    assert_eq!(cluster.finish(call).unwrap().found.unwrap().session, there[0]);
    let nobody = cluster.nodes[0].hub.session_elsewhere("6cd0a9b4-1b3c-4a1b-9f57-0d8a4c2f6e11");
    assert_eq!(cluster.finish(nobody).unwrap().found, None);
}

#[test]
fn a_node_that_does_not_answer_is_named() {
    let mut cluster = with_clients();
    cluster.bus.cut(1);
    let begun = cluster.nodes[0].now;
    assert_eq!(channels(&mut cluster, "n*", 10), (vec!["news 1".to_owned()], 1));
    assert!(cluster.nodes[0].now.since(begun).as_secs() <= 3);
    cluster.bus.fail();
    let asked_at = cluster.nodes[0].now;
    assert_eq!(channels(&mut cluster, "n*", 10).1, 1);
    assert_eq!(cluster.nodes[0].now, asked_at, "whoever cannot ask does not wait");
}

#[test]
fn more_channels_than_fit_into_an_answer_are_an_error_and_not_a_part() {
    let mut cluster = Cluster::new(2, with_tokens);
    let client = connect_with(&mut cluster.nodes[1], r#"{"sub":"42"}"#);
    for batch in 0..30 {
        let client = if batch == 0 { client } else { connect_with(&mut cluster.nodes[1], r#"{"sub":"42"}"#) };
        for number in 0..100 {
            let channel = format!("demo:{batch}-{number}-{}", "x".repeat(230));
            let subscribe = format!(r#"{{"id":{},"subscribe":{{"channel":"{channel}"}}}}"#, number + 2);
            cluster.nodes[1].say(client, &subscribe);
        }
    }
    let call = cluster.nodes[0].hub.channels("", 10_000);
    assert_eq!(cluster.finish(call).unwrap_err().code(), 106);
    assert_eq!(channels(&mut cluster, "demo:7-*", 10_000).0.len(), 100);
}
