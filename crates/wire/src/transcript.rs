//! The dialogue on a connection.

use std::collections::VecDeque;
use std::fmt;

use crate::frame::RawFrame;
use crate::head::Head;
use crate::show::Escaped;

/// How many entries are kept, the newest ones.
const KEPT: usize = 64;

/// The dialogue on a connection: one line per frame, head or byte sequence, the oldest first. Keeps the newest 64
/// entries, and the beginning of each payload.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// use longwire_wire::{Peer, RawFrame};
///
/// let (ours, theirs) = tokio::io::duplex(100);
/// let mut peer = Peer::client(ours);
/// peer.send(RawFrame::text("hi")).await?;
/// assert_eq!(peer.transcript().to_string(), "  sent     TEXT \"hi\"\n");
/// # drop(theirs);
/// # Ok::<(), longwire_wire::Failure>(())
/// # }).unwrap();
/// ```
#[derive(Debug, Clone)]
pub struct Transcript {
    newest: VecDeque<String>,
    left_off: usize,
    /// How much of a payload to keep, in bytes or characters.
    shown: usize,
}

impl Default for Transcript {
    fn default() -> Transcript {
        Transcript { newest: VecDeque::new(), left_off: 0, shown: 64 }
    }
}

impl Transcript {
    /// An empty dialogue that keeps this much of a payload, in bytes or characters.
    pub(crate) fn showing(shown: usize) -> Transcript {
        Transcript { shown, ..Transcript::default() }
    }

    pub(crate) fn sent(&mut self, said: impl fmt::Display) {
        self.note(format!("sent     {said:.*}", self.shown));
    }

    pub(crate) fn received(&mut self, said: impl fmt::Display) {
        self.note(format!("received {said:.*}", self.shown));
    }

    /// What came of something that is not complete.
    pub(crate) fn received_in_part(&mut self, said: impl fmt::Display) {
        self.note(format!("received {said:.*}, incomplete", self.shown));
    }

    fn note(&mut self, entry: String) {
        if self.newest.len() == KEPT {
            self.newest.pop_front();
            self.left_off += 1;
        }
        self.newest.push_back(entry);
    }
}

impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.left_off > 0 {
            writeln!(f, "  ({} earlier entries omitted)", self.left_off)?;
        }
        self.newest.iter().try_for_each(|entry| writeln!(f, "  {entry}"))
    }
}

/// Bytes, shown as a head if they begin with one that reads back byte for byte, and as frames if they are complete frames.
pub(crate) struct Said<'b>(pub(crate) &'b [u8]);

impl fmt::Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// How many frames to show.
        const FRAMES: usize = 16;
        /// Longer byte sequences are not parsed as frames.
        const LOOKED_INTO: usize = 64 << 10;
        let Said(bytes) = self;
        if let Some((head, rest)) = exact_head(bytes) {
            head.fmt(f)?;
            return if rest.is_empty() {
                Ok(())
            } else {
                f.write_str("; ")?;
                Said(rest).fmt(f)
            };
        }
        let mut rest = if bytes.len() > LOOKED_INTO { &[] } else { *bytes };
        let mut frames = Vec::new();
        while let Ok((frame, used)) = RawFrame::parse(rest) {
            frames.push(frame);
            rest = rest.get(used..).unwrap_or_default();
        }
        if frames.is_empty() || !rest.is_empty() {
            return Escaped(bytes).fmt(f);
        }
        for (index, frame) in frames.iter().take(FRAMES).enumerate() {
            f.write_str(if index > 0 { "; " } else { "" })?;
            frame.fmt(f)?;
        }
        let more = frames.len().saturating_sub(FRAMES);
        if more > 0 { write!(f, "; and {more} more frames") } else { Ok(()) }
    }
}

/// The head at the beginning, with what follows, if the text of the head says every byte.
fn exact_head(bytes: &[u8]) -> Option<(Head, &[u8])> {
    // The bytes may be long, and no head without this.
    let line = bytes.split(|byte| *byte == b'\r').next()?;
    if !line.windows(5).any(|window| window == b"HTTP/") {
        return None;
    }
    let (head, used) = Head::parse(bytes)?;
    let (said, rest) = bytes.split_at_checked(used)?;
    (head.encode() == said).then_some((head, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_entries_are_kept() {
        let mut transcript = Transcript::default();
        (0..KEPT + 3).for_each(|number| transcript.sent(number));
        let shown = transcript.to_string();
        assert!(shown.starts_with("  (3 earlier entries omitted)\n  sent     3\n"), "{shown}");
        assert!(shown.ends_with("  sent     66\n"), "{shown}");
    }

    #[test]
    fn as_much_of_a_payload_is_kept_as_was_asked_for() {
        let bytes = RawFrame::text("a".repeat(300)).encode(crate::Role::Server);
        let shown = |mut transcript: Transcript| {
            transcript.sent(Said(&bytes));
            transcript.to_string().chars().count()
        };
        assert!(shown(Transcript::default()) < 150);
        assert!(shown(Transcript::showing(300)) > 300);
    }

    #[test]
    fn bytes_that_are_a_head_are_shown_as_one() {
        let mut head = Head::upgrade("/", "a");
        let said = |bytes: &[u8]| format!("{:.4096}", Said(bytes));
        assert_eq!(said(&head.encode()), format!("{head:.4096}"));
        let with_ping = [head.encode(), b"\x89\0".to_vec()].concat();
        assert_eq!(said(&with_ping), format!("{head:.4096}; PING \"\", not masked"));
        let broken = b"GET / HTTP/1.1\r\nHost:a\r\n\r\n";
        assert_eq!(said(broken), r#""GET / HTTP/1.1\r\nHost:a\r\n\r\n""#);
        for number in 0..100 {
            head = head.with(format!("X-{number}"), "a");
        }
        assert!(said(&head.encode()).ends_with("\"X-99: a\""), "{head:.4096}");
        assert!(head.to_string().ends_with(", and 85 more fields"), "{head}");
    }

    #[test]
    fn bytes_are_shown_as_frames_if_they_are_whole_frames() {
        let said = |bytes: &[u8]| Said(bytes).to_string();
        assert_eq!(said(b"\x81\x02hi\x89\0"), r#"TEXT "hi", not masked; PING "", not masked"#);
        assert_eq!(said(b"\x81\x02hi\x89"), r#"b"\x81\x02hi\x89""#);
        assert_eq!(said(b""), r#""""#);
        assert!(said(&b"\x89\0".repeat(20)).ends_with("; and 4 more frames"));
    }
}
