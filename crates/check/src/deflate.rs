//! Compression of messages (RFC 7692 §7.2), for cases that send and receive compressed messages.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};
use longwire_wire::Role;

/// The end of each compressed message, which is not sent.
const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// The longest message to inflate.
const LIMIT: usize = 64 << 20;

/// What both ends agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Agreement {
    pub(crate) server_no_context_takeover: bool,
    pub(crate) client_no_context_takeover: bool,
    pub(crate) server_max_window_bits: u8,
    pub(crate) client_max_window_bits: u8,
}

impl Agreement {
    /// Reads the server's response. `None` if it is not a valid agreement on permessage-deflate alone.
    pub(crate) fn parse(extensions: &str) -> Option<Agreement> {
        let mut parameters = extensions.split(';').map(str::trim);
        if parameters.next()? != "permessage-deflate" {
            return None;
        }
        let mut agreement = Agreement {
            server_no_context_takeover: false,
            client_no_context_takeover: false,
            server_max_window_bits: 15,
            client_max_window_bits: 15,
        };
        for parameter in parameters {
            match parameter.split_once('=').map_or((parameter, None), |(name, value)| (name, Some(value))) {
                ("server_no_context_takeover", None) => agreement.server_no_context_takeover = true,
                ("client_no_context_takeover", None) => agreement.client_no_context_takeover = true,
                ("server_max_window_bits", Some(bits)) => agreement.server_max_window_bits = window(bits)?,
                ("client_max_window_bits", Some(bits)) => agreement.client_max_window_bits = window(bits)?,
                _ => return None,
            }
        }
        Some(agreement)
    }

    /// The window of this end's messages, and whether each message begins a new context.
    fn for_sender(self, sender: Role) -> (u8, bool) {
        match sender {
            Role::Client => (self.client_max_window_bits, self.client_no_context_takeover),
            Role::Server => (self.server_max_window_bits, self.server_no_context_takeover),
        }
    }
}

/// A number from 8 to 15 without leading zeros, possibly in quotes (§7.1.2.1).
fn window(text: &str) -> Option<u8> {
    let number = text.trim().trim_matches('"');
    let bits = number.parse().ok().filter(|bits| (8..=15).contains(bits))?;
    (!number.starts_with(['0', '+'])).then_some(bits)
}

/// Compresses messages.
#[derive(Debug)]
pub(crate) struct Deflater {
    context: Compress,
    resets: bool,
}

impl Deflater {
    /// For messages that this agreement lets this end send.
    pub(crate) fn of(sender: Role, agreement: Agreement) -> Deflater {
        let (window_bits, resets) = agreement.for_sender(sender);
        // zlib has no window of 8 bits. Messages of at most 256 bytes fit into any window.
        let window_bits = window_bits.clamp(9, 15);
        Deflater {
            context: Compress::new_with_window_bits(Compression::default(), false, window_bits),
            resets,
        }
    }

    /// The payload of a compressed message.
    pub(crate) fn compress(&mut self, message: &[u8]) -> Vec<u8> {
        if self.resets {
            self.context.reset();
        }
        let mut compressed = Vec::with_capacity(message.len() + 64);
        let begin = self.context.total_in();
        loop {
            let done = usize::try_from(self.context.total_in() - begin).unwrap_or(usize::MAX);
            let rest = message.get(done..).unwrap_or_default();
            let outcome = self.context.compress_vec(rest, &mut compressed, FlushCompress::Sync);
            if outcome.is_err() || compressed.len() < compressed.capacity() {
                break;
            }
            compressed.reserve(4096);
        }
        compressed.truncate(compressed.len().saturating_sub(TAIL.len()));
        // An empty message is one empty block (§7.2.3.6).
        if compressed.is_empty() { vec![0] } else { compressed }
    }
}

/// Inflates messages.
#[derive(Debug)]
pub(crate) struct Inflater {
    context: Decompress,
    resets: bool,
    /// What is inflated at a time.
    piece: Vec<u8>,
}

impl Inflater {
    /// For messages that this agreement lets this end send.
    pub(crate) fn of(sender: Role, agreement: Agreement) -> Inflater {
        let (window_bits, resets) = agreement.for_sender(sender);
        Inflater {
            context: Decompress::new_with_window_bits(false, window_bits.clamp(9, 15)),
            resets,
            piece: vec![0; 16 << 10],
        }
    }

    /// The message with this payload. `None` if it is not DEFLATE data, or longer than 64 MiB.
    pub(crate) fn inflate(&mut self, payload: &[u8]) -> Option<Vec<u8>> {
        if self.resets {
            self.context.reset(false);
        }
        let data = [payload, &TAIL].concat();
        let mut message = Vec::new();
        let begin = self.context.total_in();
        loop {
            let used = usize::try_from(self.context.total_in() - begin).ok()?;
            let written = self.context.total_out();
            let outcome = self.context.decompress(data.get(used..)?, &mut self.piece, FlushDecompress::Sync);
            let status = outcome.ok()?;
            let produced = usize::try_from(self.context.total_out() - written).ok()?;
            message.extend_from_slice(self.piece.get(..produced)?);
            // A final block ends the context (§7.2.3.4).
            if status == Status::StreamEnd {
                self.context.reset(false);
                return Some(message);
            }
            if message.len() > LIMIT {
                return None;
            }
            if produced < self.piece.len() {
                let used = usize::try_from(self.context.total_in() - begin).ok()?;
                return (used == data.len()).then_some(message);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: &str = "permessage-deflate";

    #[test]
    fn the_example_of_the_rfc_is_compressed_and_inflated() {
        let agreement = Agreement::parse(PLAIN).unwrap();
        let mut deflater = Deflater::of(Role::Client, agreement);
        assert_eq!(deflater.compress(b"Hello"), [0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00]);
        assert_eq!(deflater.compress(b"Hello"), [0xf2, 0x00, 0x11, 0x00, 0x00]);
        let mut inflater = Inflater::of(Role::Client, agreement);
        for payload in [&[0xf2, 0x48, 0xcd, 0xc9, 0xc9, 0x07, 0x00][..], &[0xf2, 0x00, 0x11, 0x00, 0x00]] {
            assert_eq!(inflater.inflate(payload).as_deref(), Some(&b"Hello"[..]));
        }
    }

    #[test]
    fn long_and_empty_messages_are_read_back() {
        let mut noise = 1_u32;
        let mut next = || {
            noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            noise.to_be_bytes()[0]
        };
        let incompressible: Vec<u8> = std::iter::repeat_with(&mut next).take(300_000).collect();
        let agreement = Agreement::parse("permessage-deflate; client_no_context_takeover").unwrap();
        let (mut deflater, mut inflater) =
            (Deflater::of(Role::Client, agreement), Inflater::of(Role::Client, agreement));
        for message in [&incompressible[..], b"", &[7; 1_000_000], b"x"] {
            let payload = deflater.compress(message);
            assert_eq!(inflater.inflate(&payload).as_deref(), Some(message));
        }
        assert_eq!(inflater.inflate(&[0xff; 9]), None);
    }

    #[test]
    fn only_what_the_rfc_allows_is_an_agreement() {
        let parsed =
            Agreement::parse("permessage-deflate; server_max_window_bits=10; client_no_context_takeover");
        assert_eq!(parsed.map(|agreement| agreement.server_max_window_bits), Some(10));
        for wrong in ["", "deflate", "permessage-deflate; x", "permessage-deflate; server_max_window_bits=16"]
        {
            assert_eq!(Agreement::parse(wrong), None, "{wrong}");
        }
    }
}
