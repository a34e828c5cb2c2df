//! What a server does periodically.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::support::{Frame, Script, TEXT, for_each_engine};

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
                let topic = socket.state()[1..].to_owned();
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
