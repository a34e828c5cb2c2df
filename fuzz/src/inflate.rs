//! Compressed messages, RFC 7692 §7.2.2.

use std::convert::Infallible;

use longwire_proto::deflate::{Agreement, Context, Inflater, Takeover, WindowBits};

use crate::cuts::Cuts;

/// The longest message, in bytes.
const LIMIT: usize = 64 << 10;

/// Inflates the bytes as messages of one connection. The first four bytes determine what was negotiated and how
/// payloads are cut, and a byte before each payload is its length. The result must not depend on the cuts, nor exceed
/// the limit.
pub fn inflate(data: &[u8]) {
    let Some((&[agreed, cuts @ ..], mut rest)) = data.split_first_chunk::<4>() else { return };
    let takeover = if agreed & 8 == 0 { Takeover::Yes } else { Takeover::No };
    let window = WindowBits::new(8 + agreed % 8).expect("8 to 15");
    let agreement = Agreement { compress: None, inflate: Context { window, takeover } };
    let (mut whole, mut cut) = (Inflater::new(&agreement), Inflater::new(&agreement));
    let cuts = Cuts::new(cuts);
    while let Some((&len, payloads)) = rest.split_first() {
        let (payload, next) = payloads.split_at(usize::from(len).min(payloads.len()));
        let message = message(&mut whole, [payload].into_iter());
        let in_pieces = self::message(&mut cut, cuts.of(payload));
        // If there are several faults, the first one found depends on how much is inflated at a time.
        assert_eq!(in_pieces, message, "cut into pieces");
        if message.is_none() {
            // The connection has failed.
            return;
        }
        rest = next;
    }
}

/// The message, if its payload can be inflated.
fn message<'p>(inflater: &mut Inflater, pieces: impl Iterator<Item = &'p [u8]>) -> Option<Vec<u8>> {
    let mut message = Vec::new();
    for piece in pieces {
        let pushed = inflater.push(piece, LIMIT, |inflated| {
            message.extend_from_slice(inflated);
            Ok::<_, Infallible>(())
        });
        assert!(message.len() <= LIMIT, "{} bytes were handed out", message.len());
        pushed.ok()?;
    }
    inflater.finish().ok()?;
    Some(message)
}
