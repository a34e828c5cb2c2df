//! Periodic calls of a server.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use longwire::{Accept, Handler, MessageRef, Refusal, Server, Socket, Upgrade};

use crate::support::{CLOSE, Frame, Script, Serving, TEXT, close, for_each_engine, masked, upgrade_request};

#[test]
fn what_is_published_at_each_tick_reaches_the_subscribers_of_all_loops() {
    for_each_engine(async |engine| {
        let (fast, slow) = (AtomicU64::new(0), AtomicU64::new(0));
        let tick = |name: &'static str, count: AtomicU64| {
            move |topics: &longwire::Topics| {
                topics.publish(name, format!("{name} {}", count.fetch_add(1, Ordering::Relaxed)));
            }
        };
        let server = Script::new()
            .on_open(|socket| {
                let topic = socket.state().trim_start_matches('/').to_owned();
                socket.subscribe(&topic);
            })
            .run(engine, |server| {
                server
                    .workers(2)
                    .every(Duration::from_millis(5), tick("fast", fast))
                    .every(Duration::from_millis(7), tick("slow", slow))
            })
            .await;
        for name in ["fast", "slow", "fast", "slow"] {
            let mut raw = server.open(&format!("/{name}")).await;
            let first = raw.frame().await;
            let text = String::from_utf8(first.payload).unwrap();
            let number: u64 = text.strip_prefix(&format!("{name} ")).unwrap().parse().unwrap();
            for next in 1..4 {
                assert_eq!(raw.frame().await, Frame::new(TEXT, format!("{name} {}", number + next)));
            }
        }
    });
}

/// Counts the ticks of each connection, and sends the count to every client except those of `/quiet`.
struct Counter;

impl Handler for Counter {
    type State = (String, u64);

    async fn on_upgrade(&self, request: &Upgrade<'_>) -> Result<Accept<(String, u64)>, Refusal> {
        Ok(Accept::with((request.path().to_owned(), 0)))
    }

    fn on_message(&self, socket: &mut Socket<'_, Self>, _: MessageRef<'_>) {
        let ticks = socket.state().1.to_string();
        socket.send(ticks.as_str()).or_drop();
    }

    fn on_tick(&self, socket: &mut Socket<'_, Self>) {
        let (path, ticks) = socket.state_mut();
        *ticks += 1;
        let text = format!("{path} {ticks}");
        match path.as_str() {
            "/panic" => panic!("as the test wants it"),
            "/quiet" => {}
            _ => socket.send(text.as_str()).or_drop(),
        }
    }
}

#[test]
fn each_connection_is_ticked_with_its_own_state_and_a_panic_ends_only_one() {
    for_each_engine(async |engine| {
        let set_up = |server: Server| server.engine(engine).workers(1).tick_every(Duration::from_millis(5));
        let serving = Serving::start(set_up, |server| server.run(Counter)).await;
        let open = async |path: &str| {
            let mut raw = serving.raw().await;
            raw.send(upgrade_request("").replace("GET / ", &format!("GET {path} "))).await;
            assert!(raw.head().await.starts_with("HTTP/1.1 101 "));
            raw
        };
        let mut quiet = open("/quiet").await;
        let (mut a, mut b, mut panicking) = (open("/a").await, open("/b").await, open("/panic").await);
        for number in 1..4 {
            assert_eq!(a.frame().await, Frame::new(TEXT, format!("/a {number}")));
            assert_eq!(b.frame().await, Frame::new(TEXT, format!("/b {number}")));
        }
        assert_eq!(panicking.frame().await, Frame::new(CLOSE, close(1011, "")));
        quiet.send(masked(TEXT, "how many?")).await;
        let answer = String::from_utf8(quiet.frame().await.payload).unwrap();
        assert!(answer.parse::<u64>().unwrap() >= 3, "{answer} ticks");
    });
}
