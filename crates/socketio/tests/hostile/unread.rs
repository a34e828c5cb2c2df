//! Clients that never read.

use std::time::Duration;

use longwire::Limits;
use longwire_socketio::engine::{CloseReason, EngineConnection, EngineMessage};
use longwire_wire::RawFrame;
use tokio::time::timeout;

use crate::support::{Event, Serving, calm, on_each_engine};

/// So many messages of 16 KiB are 24 MiB.
const FILLING: usize = 1_536;

/// The queue of its WebSocket is full, so it does not notice by itself that the session has ended.
#[test]
fn a_websocket_that_nobody_reads_ends_with_its_session() {
    on_each_engine(async |engine| {
        for reason in [CloseReason::TooSlow, CloseReason::ForcedClose] {
            let mut config = calm();
            config.max_queued = 32 << 20;
            // What waits for a client whose session has ended is there for it for this long.
            config.ping_timeout = Duration::from_millis(200);
            let limits = Limits::default().close_time(Duration::from_millis(200));
            let server = Serving::start_with(engine, config, |server| server.limits(limits)).await;
            let mut peer = server.open_websocket().await;
            let connection = server.last();
            fill(&connection).await;
            connection.close_with(reason);
            assert_eq!(server.event().await, Event::Closed(reason));
            let sending = async { while peer.send(RawFrame::text("3")).await.is_ok() {} };
            timeout(Duration::from_secs(60), sending).await.expect("the server hangs up");
            server.expect_nothing_left();
        }
    });
}

/// Sends more than the buffers of the kernel take, and waits until they take nothing more.
async fn fill(connection: &EngineConnection) {
    for _ in 0..FILLING {
        connection.send(EngineMessage::binary(vec![7; 16 << 10])).or_drop();
    }
    let mut queued = usize::MAX;
    while std::mem::replace(&mut queued, connection.queued()) != queued {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
