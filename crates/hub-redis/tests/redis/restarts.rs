//! A server that is restarted.

use longwire_hub_redis::Continuity;

use crate::recorder::Node;
use crate::server::Server;

#[tokio::test]
async fn a_server_without_persistence_begins_streams_anew() {
    let mut server = Server::start(&[]);
    let node = Node::connect(server.options(), &["news"]).await;
    node.listen("news").await;
    let before = node.published("news", "before").await;
    server.kill();
    server.start_again();
    node.recorder.until_restored("news").await;
    let page = node.page("news").await.unwrap();
    assert!(page.publications.is_empty() && page.position.offset == 0);
    assert_ne!(page.position.epoch, before.epoch);
}

/// What was written since the last sync may be lost, and offsets may come again.
#[tokio::test]
async fn a_server_with_persistence_keeps_history_but_continues_no_position() {
    let mut server = Server::start(&["--appendonly", "yes", "--appendfsync", "always"]);
    let nodes = [Node::connect(server.options(), &[]).await, Node::connect(server.options(), &[]).await];
    let before = nodes[0].published("news", "before").await;
    server.kill();
    server.start_again();
    let page = nodes[0].page("news").await.unwrap();
    nodes[1].page("other").await.unwrap();
    assert_eq!((page.publications.len(), page.position.offset), (1, 1));
    assert_ne!(page.position.epoch, before.epoch);
    // The nodes agree on it, also those that connect later.
    let later = Node::connect(server.options(), &[]).await;
    for node in [&nodes[1], &later, &nodes[0]] {
        assert_eq!(node.page("news").await.unwrap().position, page.position);
    }
    assert_eq!(nodes[1].published("news", "after").await.epoch, page.position.epoch);
    assert_eq!(nodes[0].contents("news").await, ["before", "after"]);
}

#[tokio::test]
async fn a_server_that_is_said_to_lose_nothing_continues_positions() {
    let mut server = Server::start(&["--appendonly", "yes", "--appendfsync", "always"]);
    let mut options = server.options();
    options.continuity = Continuity::Assumed;
    let node = Node::connect(options, &[]).await;
    let before = node.published("news", "before").await;
    server.kill();
    server.start_again();
    // A publication is not sent twice if the old connection does not know yet that it is over, but reading is.
    assert_eq!(node.contents("news").await, ["before"]);
    let after = node.published("news", "after").await;
    assert_eq!((after.offset, after.epoch), (2, before.epoch));
}

#[tokio::test]
async fn offsets_that_come_again_belong_to_another_epoch() {
    let mut server = Server::start(&[]);
    let node = Node::connect(server.options(), &[]).await;
    node.published("news", "saved").await;
    let () = server.ask(&["SAVE"]);
    let lost = node.published("news", "lost").await;
    server.kill();
    server.start_again();
    assert_eq!(node.contents("news").await, ["saved"]);
    let after = node.published("news", "after").await;
    assert_eq!(after.offset, lost.offset);
    assert_ne!(after.epoch, lost.epoch);
}
