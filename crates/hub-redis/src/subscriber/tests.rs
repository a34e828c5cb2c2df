use longwire_hub::{Record, StreamPosition};
use tokio::io::{AsyncReadExt as _, DuplexStream, duplex};

use super::*;
use crate::options::{Deployment, RedisOptions};

const PING: &[u8] = b"*1\r\n$4\r\nPING\r\n";

struct NoEvents;

impl StoreEvents for NoEvents {
    fn arrived(&self, _: &ChannelName, _: Record, _: Option<StreamPosition>) {}
    fn told(&self, _: Bytes) {}
    fn interrupted(&self, _: &dyn Fn(&ChannelName) -> bool) {}
    fn restored(&self, _: &dyn Fn(&ChannelName) -> bool) {}
}

/// A subscriber to no server, which pings after this time.
fn shared(silence: Duration) -> Shared {
    let server: RedisUrl = "redis://server.example".parse().unwrap();
    let options = RedisOptions::new(Deployment::Servers(vec![server.clone()]));
    let target = SubscriberTarget {
        dialer: Arc::new(Dialer::new(&options)),
        server,
        purpose: Purpose::Server,
        silence,
        figures: Arc::default(),
        events: Arc::new(NoEvents),
        look_around: Arc::default(),
    };
    Shared { target, subscriptions: Mutex::default(), has_requests: Notify::new() }
}

async fn expect_ping(server: &mut DuplexStream) {
    let mut request = [0; PING.len()];
    server.read_exact(&mut request).await.unwrap();
    assert_eq!(request, PING);
}

#[tokio::test(start_paused = true)]
async fn pings_leave_as_often_as_is_set_and_silence_ends_the_connection() {
    for silence in [Duration::from_millis(800), Duration::from_secs(60)] {
        let shared = shared(silence);
        let (mut server, stream) = duplex(1024);
        let answers = async {
            let start = Instant::now();
            for count in 0..5 {
                expect_ping(&mut server).await;
                assert_eq!(start.elapsed(), silence * count);
                server.write_all(b"+PONG\r\n").await.unwrap();
            }
            // The sixth stays without an answer.
            expect_ping(&mut server).await;
            (Instant::now(), server)
        };
        let (failure, (asked, _server)) =
            tokio::join!(serve(&shared, Monitored::new(Box::new(stream))), answers);
        assert_eq!(failure.kind(), io::ErrorKind::TimedOut);
        // An eighth more, for a process that was stopped for a while.
        assert_eq!(asked.elapsed(), silence + silence / 8);
    }
}
