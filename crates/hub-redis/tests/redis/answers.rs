//! Answers that are lost.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use longwire_hub::{BrokerError, Millis, Store as _};
use longwire_hub_redis::{Deployment, RedisOptions};

use crate::recorder::{Node, channel, kept, new};
use crate::server::Server;

/// Passes connections on to a server. Once told to, it swallows the next answer of any of them, and ends that connection.
struct Proxy {
    port: u16,
    swallows_next: Arc<AtomicBool>,
}

impl Proxy {
    fn start(server: &Server) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (port, to) = (listener.local_addr().unwrap().port(), server.port);
        let swallows_next = Arc::new(AtomicBool::new(false));
        let shared = swallows_next.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let Ok(server) = TcpStream::connect(("127.0.0.1", to)) else { return };
                let swallows_next = shared.clone();
                let (mut from, mut into) = (client.try_clone().unwrap(), server.try_clone().unwrap());
                std::thread::spawn(move || {
                    let _ended = std::io::copy(&mut from, &mut into);
                    let _ended = into.shutdown(Shutdown::Both);
                });
                std::thread::spawn(move || pass_answers(server, client, &swallows_next));
            }
        });
        Proxy { port, swallows_next }
    }

    fn swallow_next(&self) {
        self.swallows_next.store(true, Ordering::SeqCst);
    }

    fn has_swallowed(&self) -> bool {
        !self.swallows_next.load(Ordering::SeqCst)
    }
}

fn pass_answers(mut server: TcpStream, mut client: TcpStream, swallows_next: &AtomicBool) {
    let mut bytes = [0; 65_536];
    while let Ok(count @ 1..) = server.read(&mut bytes) {
        // Pushed messages, and the answers that show whether the connection is alive, pass.
        let is_answer = matches!(bytes[0], b'*' | b':' | b'$');
        if is_answer && swallows_next.swap(false, Ordering::SeqCst) {
            break;
        }
        if client.write_all(&bytes[..count]).is_err() {
            break;
        }
    }
    let _ended = client.shutdown(Shutdown::Both);
    let _ended = server.shutdown(Shutdown::Both);
}

async fn through_proxy(server: &Server) -> (Node, Proxy) {
    let proxy = Proxy::start(server);
    let url = format!("redis://127.0.0.1:{}", proxy.port).parse().unwrap();
    let node = Node::connect(RedisOptions::new(Deployment::Servers(vec![url])), &[]).await;
    node.published("news", "first").await;
    (node, proxy)
}

#[tokio::test]
async fn a_publication_whose_answer_is_lost_is_not_sent_again() {
    let server = Server::start(&[]);
    let (node, proxy) = through_proxy(&server).await;
    proxy.swallow_next();
    assert_eq!(node.publish("news", "second").await, Err(BrokerError::Unavailable));
    assert!(proxy.has_swallowed());
    assert_eq!(node.contents("news").await, ["first", "second"]);
}

#[tokio::test]
async fn a_publication_with_a_key_is_sent_again_and_published_once() {
    let server = Server::start(&[]);
    let (node, proxy) = through_proxy(&server).await;
    let mut publication = new("second");
    publication.idempotency_key = Some("key".into());
    proxy.swallow_next();
    let outcome = node.store.publish(&channel("news"), publication, &kept(), Millis(1)).await.unwrap();
    assert!(proxy.has_swallowed());
    assert_eq!(outcome.position.map(|position| position.offset), Some(2));
    assert_eq!(node.contents("news").await, ["first", "second"]);
}

#[tokio::test]
async fn what_changes_nothing_is_asked_again() {
    let server = Server::start(&[]);
    let (node, proxy) = through_proxy(&server).await;
    proxy.swallow_next();
    assert_eq!(node.contents("news").await, ["first"]);
    assert!(proxy.has_swallowed());
    proxy.swallow_next();
    crate::presence::add(&node, "news", "c1", "u1").await.unwrap();
    proxy.swallow_next();
    let stats = node.store.presence_stats(&channel("news"), Millis(1)).await.unwrap();
    assert_eq!(stats.clients, 1);
}
