//! What a back end wants of clients reaches them on every node.

use std::time::Duration;

use longwire_hub::centrifuge::{Disconnect, EmulationRequest, Encoding};
use longwire_hub::{
    ClientFilter, Data, HubConfig, NamespaceOptions, Namespaces, ServerSubscription, Transport, TransportKind,
};

use super::Cluster;
use crate::connecting::{connect_with, token, with_tokens};
use crate::support::config;

fn user(user: &'static str) -> ClientFilter {
    ClientFilter { user: user.into(), ..ClientFilter::default() }
}

#[test]
fn a_client_is_disconnected_wherever_it_is() {
    let mut cluster = Cluster::new(2, with_tokens);
    let clients = [0, 1].map(|node| connect_with(&mut cluster.nodes[node], r#"{"sub":"42"}"#));
    let other = connect_with(&mut cluster.nodes[1], r#"{"sub":"43"}"#);
    let call = cluster.nodes[0].hub.disconnect(&user("42"), Disconnect::new(4001, "go").unwrap());
    cluster.finish(call).unwrap();
    cluster.settle();
    assert_eq!(cluster.nodes[0].end(clients[0]), Some(4001));
    assert_eq!(cluster.nodes[1].end(clients[1]), Some(4001));
    assert_eq!(cluster.nodes[1].end(other), None);
}

#[test]
fn a_filter_means_the_same_on_other_nodes() {
    let mut cluster = Cluster::new(2, with_tokens);
    let clients = [(); 3].map(|()| connect_with(&mut cluster.nodes[1], r#"{"sub":"42"}"#));
    let id = |cluster: &Cluster, client: usize| cluster.nodes[1].session(client).client().unwrap();
    let ids = clients.map(|client| id(&cluster, client));
    for (filter, expected) in [
        (ClientFilter { client: Some(ids[0].clone()), ..user("43") }, [false, false, false]),
        (ClientFilter { client: Some(ids[0].clone()), ..ClientFilter::default() }, [true, false, false]),
        (ClientFilter { except: vec![ids[2].clone()], ..user("42") }, [true, true, false]),
    ] {
        let call = cluster.nodes[0].hub.disconnect(&filter, Disconnect::FORCE_RECONNECT);
        cluster.finish(call).unwrap();
        cluster.settle();
        assert_eq!(clients.map(|client| cluster.nodes[1].end(client).is_some()), expected);
    }
    let told = cluster.bus.told();
    let here = ClientFilter { client: Some(ids[2].clone()), ..ClientFilter::default() };
    let call = cluster.nodes[1].hub.disconnect(&here, Disconnect::FORCE_RECONNECT);
    cluster.finish(call).unwrap();
    assert_eq!(cluster.bus.told(), told, "a client that is here is on no other node");
}

#[test]
fn subscriptions_refreshes_and_messages_reach_other_nodes_as_they_are() {
    let mut cluster = Cluster::new(2, with_tokens);
    let client = connect_with(&mut cluster.nodes[1], r#"{"sub":"42","exp":1000000060}"#);
    cluster.nodes[1].heard(client);
    let mut subscription = ServerSubscription::new("demo:tea".parse().unwrap());
    subscription.grant.data = Some(Data::from_text(r#"{"a": 1}"#));
    subscription.grant.overrides.presence = Some(false);
    subscription.grant.overrides.join_leave = Some(false);
    let asked = cluster.nodes[0].hub.subscribe(&user("42"), &subscription);
    cluster.finish(asked).unwrap();
    cluster.settle();
    let heard = cluster.nodes[1].heard(client);
    assert!(heard[0].starts_with(r#"{"push":{"channel":"demo:tea","subscribe":{"#), "{heard:?}");
    assert!(heard[0].contains(r#""data":{"a": 1}"#), "{heard:?}");
    let now = cluster.nodes[1].now;
    let present = cluster.nodes[1].hub.presence_stats("demo:tea", now);
    assert_eq!(cluster.finish(present).unwrap().clients, 0, "the override was lost");
    let sent = cluster.nodes[0].hub.send(&user("42"), Data::from_text("hello"));
    cluster.finish(sent).unwrap();
    let until = now + Duration::from_secs(9_000);
    let renewed = cluster.nodes[0].hub.refresh(&user("42"), false, Some(until), None);
    cluster.finish(renewed).unwrap();
    let ended = cluster.nodes[0].hub.unsubscribe(&user("42"), Some("demo:tea"));
    cluster.finish(ended).unwrap();
    cluster.settle();
    cluster.nodes[1].expect(
        client,
        &[
            r#"{"push":{"message":{"data":"hello"}}}"#,
            r#"{"push":{"refresh":{"expires":true,"ttl":9000}}}"#,
            r#"{"push":{"channel":"demo:tea","unsubscribe":{"code":2000,"reason":"server unsubscribe"}}}"#,
        ],
    );
}

#[test]
fn a_back_end_learns_that_other_nodes_were_not_told() {
    let mut cluster = Cluster::new(2, with_tokens);
    let client = connect_with(&mut cluster.nodes[0], r#"{"sub":"42"}"#);
    let long = cluster.nodes[0].hub.send(&user("42"), Data::from_text("x".repeat(600 << 10)));
    assert_eq!(cluster.finish(long).unwrap_err().code(), 106);
    cluster.bus.fail();
    let call = cluster.nodes[0].hub.disconnect(&user("42"), Disconnect::FORCE_RECONNECT);
    assert_eq!(cluster.finish(call).unwrap_err().code(), 100);
    assert!(cluster.nodes[0].end(client).is_some(), "the clients of this node are disconnected");
}

#[test]
fn a_block_ends_the_connections_of_all_nodes_and_refuses_new_ones_until_it_is_lifted() {
    let mut cluster = Cluster::new(2, with_tokens);
    let client = connect_with(&mut cluster.nodes[1], r#"{"sub":"42"}"#);
    let until = cluster.nodes[0].now + Duration::from_secs(600);
    for until in [Some(until), None] {
        let call = cluster.nodes[0].hub.block("42", until);
        cluster.finish(call).unwrap();
        cluster.settle();
        let node = &mut cluster.nodes[1];
        let again = connect_with(node, r#"{"sub":"42"}"#);
        assert_eq!((node.end(client), node.end(again).is_some()), (Some(3507), until.is_some()));
    }
}

#[test]
fn the_commands_of_a_client_come_to_its_session_by_any_node() {
    let mut cluster = Cluster::new(2, config);
    let transport = Transport::new(TransportKind::HttpStream, Encoding::Json);
    let client = cluster.nodes[1].open_as(transport);
    cluster.nodes[1].say(client, r#"{"id":1,"connect":{}}"#);
    let connected = cluster.nodes[1].heard(client).join("");
    let session = connected.split(r#""session":""#).nth(1).unwrap().split('"').next().unwrap();
    let request = |node: &str, session: &str| EmulationRequest {
        node: node.into(),
        session: session.into(),
        data: r#"{"id":2,"subscribe":{"channel":"demo:tea"}}"#.into(),
    };
    let node = cluster.nodes[1].hub.node().to_string();
    let call = cluster.nodes[0].hub.emulate(request(&node, session));
    cluster.finish(call).unwrap();
    cluster.settle();
    let heard = cluster.nodes[1].heard(client);
    assert!(heard[0].starts_with(r#"{"id":2,"subscribe":{"#), "{heard:?}");
    let stranger = "6cd0a9b4-1b3c-4a1b-9f57-0d8a4c2f6e11";
    let unknown = cluster.nodes[0].hub.emulate(request(stranger, session));
    assert!(cluster.finish(unknown).is_ok(), "a node that has just begun does not know all others");
    (0..6).for_each(|_| cluster.second());
    let unknown = cluster.nodes[0].hub.emulate(request(stranger, session));
    assert_eq!(cluster.finish(unknown).unwrap_err().code(), 108);
}

fn single() -> HubConfig {
    let mut config = with_tokens();
    config.single_connection = true;
    config
}

#[test]
fn the_newest_connection_of_a_user_ends_those_on_other_nodes() {
    let mut cluster = Cluster::new(3, single);
    let first = connect_with(&mut cluster.nodes[0], r#"{"sub":"42"}"#);
    cluster.second();
    let second = connect_with(&mut cluster.nodes[1], r#"{"sub":"42"}"#);
    let other = connect_with(&mut cluster.nodes[1], r#"{"sub":"43"}"#);
    cluster.settle();
    let ends = [(0, first), (1, second), (1, other)].map(|(node, client)| cluster.nodes[node].end(client));
    assert_eq!(ends, [Some(3504), None, None]);
}

/// The clocks of nodes differ a little, and two connections may begin in the same moment.
#[test]
fn of_connections_at_the_same_time_exactly_one_stays() {
    for ahead in [0, 1, 500] {
        for first in [0, 1] {
            let mut cluster = Cluster::new(2, single);
            cluster.nodes[0].now = cluster.nodes[0].now + Duration::from_millis(ahead);
            let connect = |cluster: &mut Cluster, node: usize| {
                let client = cluster.nodes[node].open();
                let connect = format!(r#"{{"id":1,"connect":{{"token":"{}"}}}}"#, token(r#"{"sub":"42"}"#));
                cluster.nodes[node].say(client, &connect);
                client
            };
            let here = connect(&mut cluster, first);
            let there = connect(&mut cluster, 1 - first);
            cluster.settle();
            let ends = [cluster.nodes[first].end(here), cluster.nodes[1 - first].end(there)];
            let stays = ends.iter().filter(|end| end.is_none()).count();
            assert_eq!(stays, 1, "{ahead} {first} {ends:?}");
        }
    }
}

#[test]
fn a_channel_that_another_node_does_not_know_is_no_subscription_there() {
    let with = |name: &str| {
        let mut config = with_tokens();
        config.namespaces = Namespaces::default().with(name, NamespaceOptions::demo()).unwrap();
        config
    };
    let mut cluster = Cluster::new(2, || with("one"));
    cluster.nodes[1].hub.configure(with("two"));
    let client = connect_with(&mut cluster.nodes[1], r#"{"sub":"42"}"#);
    cluster.nodes[1].heard(client);
    let subscription = ServerSubscription::new("one:a".parse().unwrap());
    let call = cluster.nodes[0].hub.subscribe(&user("42"), &subscription);
    cluster.finish(call).unwrap();
    cluster.settle();
    assert_eq!((cluster.nodes[1].heard(client), cluster.nodes[1].end(client)), (vec![], None));
}
