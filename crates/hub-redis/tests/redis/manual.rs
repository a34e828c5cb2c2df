//! What the manual says.

use std::path::Path;

use longwire_hub::Store as _;
use longwire_hub_redis::{Deployment, RedisOptions};

use crate::recorder::{Node, channel};
use crate::server::Server;

const MANUAL: &str = include_str!("../../../../docs/hub-redis.md");

#[test]
fn every_test_that_the_manual_names_exists() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/redis");
    let files = std::fs::read_dir(folder).unwrap().map(|file| std::fs::read_to_string(file.unwrap().path()));
    let tests: String = files.map(Result::unwrap).collect();
    let is_name = |text: &&str| {
        text.matches('_').count() > 2 && text.bytes().all(|byte| byte == b'_' || byte.is_ascii_lowercase())
    };
    let names: Vec<&str> = MANUAL.split('`').filter(is_name).collect();
    assert!(names.len() > 20, "{names:?}");
    for name in names {
        assert!(tests.contains(&format!("fn {name}()")), "{name}");
    }
}

#[tokio::test]
async fn the_permissions_in_the_manual_are_enough() {
    let rules = MANUAL.split_once("```acl\n").and_then(|(_, rest)| rest.split_once("\n```")).unwrap().0;
    let server = Server::start(&[]);
    let command: Vec<&str> = ["ACL", "SETUSER"].into_iter().chain(rules.split_whitespace().skip(1)).collect();
    let () = server.ask(&command);
    let () = server.ask(&["ACL", "SETUSER", "default", "off"]);
    let url = format!("redis://longwire:secret@127.0.0.1:{}", server.port).parse().unwrap();
    let node = Node::connect(RedisOptions::new(Deployment::Servers(vec![url])), &[]).await;
    node.listen("news").await;
    node.published("news", "x").await;
    node.recorder.until_published("news", "x").await;
    assert_eq!(node.contents("news").await, ["x"]);
    crate::presence::add(&node, "news", "c1", "u1").await.unwrap();
    node.store.tell_nodes("hello".into()).await.unwrap();
    node.recorder.until(|events| events.len() == 3).await;
    node.store.stop_listening(&channel("news")).await.unwrap();
    assert_eq!(node.store.figures().failed_calls, 0);
}
