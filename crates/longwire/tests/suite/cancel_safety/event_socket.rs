//! Dropping the futures of an `EventSocket`.

use longwire::{EventSocket, Limits};

use crate::support::{CLOSE, TEXT, close, dialled_byte_by_byte, plain, polled, run_paused};

#[test]
fn to_wait_for_the_end_may_be_given_up_at_any_time() {
    run_paused(async {
        for polls in 1.. {
            let (client, mut dialled) = dialled_byte_by_byte(Limits::default());
            let socket = EventSocket::from_client(&client, "ws://server.example/", &[], |_| {}).unwrap();
            let mut raw = dialled.open().await;
            raw.send([plain(TEXT, "last words"), plain(CLOSE, close(4000, "over"))].concat()).await;
            raw.finish().await;
            let was_ready = polled(polls, socket.ended()).await.is_some();
            let end = socket.ended().await;
            assert_eq!((end.code().get(), end.reason(), end.was_clean()), (4000, "over", true));
            if was_ready {
                assert!(polls > 1, "it never waited");
                break;
            }
        }
    });
}
