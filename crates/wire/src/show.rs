//! Readable text for frames and bytes.

use std::fmt::{self, Display as _};

use crate::bits::{BINARY, CLOSE, CONTINUATION, PING, PONG, RSV1, RSV2, RSV3, TEXT};
use crate::frame::{Mask, RawFrame};
use crate::len::DeclaredLen;

/// How much of a payload to show, in bytes or characters, unless the format has a precision.
const SHOWN: usize = 64;

/// One line: the opcode, the payload, escaped and truncated, and anything unusual about the frame. Shows 64 bytes or
/// characters of the payload, or as many as the precision says: `{frame:.200}`.
impl fmt::Display for RawFrame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.show(self.mask, f)
    }
}

/// A frame received from this role. Shows its masking only if that is wrong.
#[cfg(feature = "tokio")]
pub(crate) struct Seen<'f>(pub(crate) &'f RawFrame, pub(crate) crate::role::Role);

#[cfg(feature = "tokio")]
impl fmt::Display for Seen<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Seen(frame, from) = self;
        frame.show(if frame.is_masked_by_role(*from) { Mask::ByRole } else { frame.mask }, f)
    }
}

impl RawFrame {
    fn show(&self, mask: Mask, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.opcode & 0xf {
            CONTINUATION => f.write_str("CONTINUATION")?,
            TEXT => f.write_str("TEXT")?,
            BINARY => f.write_str("BINARY")?,
            CLOSE => f.write_str("CLOSE")?,
            PING => f.write_str("PING")?,
            PONG => f.write_str("PONG")?,
            reserved => write!(f, "opcode {reserved}")?,
        }
        match self.close_code() {
            Some(code) => {
                let reason = self.payload.get(2..).unwrap_or_default();
                write!(f, " {code} ")?;
                Escaped(reason).fmt(f)?;
            }
            None => {
                f.write_str(" ")?;
                Escaped(&self.payload).fmt(f)?;
            }
        }
        if !self.fin {
            f.write_str(", not final")?;
        }
        for (bit, name) in [(RSV1, "RSV1"), (RSV2, "RSV2"), (RSV3, "RSV3")] {
            if self.rsv & bit != 0 {
                write!(f, ", {name}")?;
            }
        }
        match mask {
            Mask::ByRole => {}
            Mask::Absent => f.write_str(", not masked")?,
            Mask::Key(key) => write!(f, ", masked with {:08x}", u32::from_be_bytes(key))?,
        }
        match self.declared_len {
            DeclaredLen::OfPayload => Ok(()),
            DeclaredLen::Shortest(len) => write!(f, ", declares {len} bytes"),
            DeclaredLen::In7Bits(len) => write!(f, ", declares {len} bytes in 7 bits"),
            DeclaredLen::In16Bits(len) => write!(f, ", declares {len} bytes in 16 bits"),
            DeclaredLen::In64Bits(len) => write!(f, ", declares {len} bytes in 64 bits"),
        }
    }
}

/// Bytes in quotes, as text if they are UTF-8, truncated if they are long.
pub(crate) struct Escaped<'b>(pub(crate) &'b [u8]);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Escaped(bytes) = self;
        let most = f.precision().unwrap_or(SHOWN);
        let is_cut_off = match std::str::from_utf8(bytes) {
            Ok(text) => {
                let shown: String = text.chars().take(most).collect();
                write!(f, "\"{}\"", shown.escape_debug())?;
                shown.len() < text.len()
            }
            Err(_) => {
                let shown = bytes.get(..most).unwrap_or(bytes);
                write!(f, "b\"{}\"", shown.escape_ascii())?;
                shown.len() < bytes.len()
            }
        };
        if is_cut_off { write!(f, "… ({} bytes)", bytes.len()) } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_one_line() {
        for (frame, shown) in [
            (RawFrame::text("grüß\n\u{202e}"), r#"TEXT "grüß\n\u{202e}""#),
            (RawFrame::close_because(1002, "no"), r#"CLOSE 1002 "no""#),
            (RawFrame::new(0x88, ""), r#"CLOSE """#),
            (RawFrame::binary([0xff, 1]).masked(Mask::Absent), r#"BINARY b"\xff\x01", not masked"#),
            (
                RawFrame::new(0x63, "").masked(Mask::Key([1, 2, 3, 4])),
                r#"opcode 3 "", not final, RSV1, RSV2, masked with 01020304"#,
            ),
            (
                RawFrame::ping("").declaring(DeclaredLen::In64Bits(7)),
                r#"PING "", declares 7 bytes in 64 bits"#,
            ),
        ] {
            assert_eq!(frame.to_string(), shown);
        }
    }

    #[test]
    fn a_long_payload_is_cut_off() {
        let text = RawFrame::text("é".repeat(1000)).to_string();
        assert_eq!(text, format!("TEXT \"{}\"… (2000 bytes)", "é".repeat(64)));
        let binary = RawFrame::binary([0xff; 1000]).to_string();
        assert_eq!(binary, format!("BINARY b\"{}\"… (1000 bytes)", "\\xff".repeat(64)));
    }

    #[test]
    fn the_precision_says_how_much_is_shown() {
        let text = format!("{:.3}", RawFrame::text("abcdef").not_final());
        assert_eq!(text, "TEXT \"abc\"… (6 bytes), not final");
        let close = format!("{:.100}", RawFrame::close_because(1000, "r".repeat(100).as_str()));
        assert_eq!(close, format!("CLOSE 1000 \"{}\"", "r".repeat(100)));
    }
}
