//! Where a chunked body ends (RFC 9112 §7.1).

use std::io;

/// Follows a chunked body to its end. Every body that it accepts, hyper accepts too and ends at the same byte: the
/// grammar is the RFC's, without hyper's leniency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Chunks {
    /// Before the first digit of a size.
    Begin,
    Size(u64),
    /// In a chunk extension, after the size.
    Extension(u64),
    /// Before the line feed after a size.
    SizeEnd(u64),
    Data(u64),
    DataCr,
    DataLf,
    /// At the start of a trailer line, or of the final empty line.
    TrailerBegin,
    Trailer,
    TrailerLf,
    FinalLf,
    Over,
}

impl Chunks {
    /// Follows the beginning of `bytes`, and returns how many of them belong to the body.
    ///
    /// # Errors
    ///
    /// The bytes are not valid chunks.
    pub(super) fn follow(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut rest = bytes;
        while *self != Chunks::Over {
            if let Chunks::Data(left) = self {
                let count = usize::try_from(*left).unwrap_or(usize::MAX).min(rest.len());
                *left -= u64::try_from(count).unwrap_or(*left);
                rest = rest.get(count..).unwrap_or_default();
                if *left > 0 {
                    break;
                }
                *self = Chunks::DataCr;
            }
            let Some((&byte, behind)) = rest.split_first() else { break };
            *self = self.after(byte).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
            rest = behind;
        }
        Ok(bytes.len() - rest.len())
    }

    fn after(self, byte: u8) -> Option<Chunks> {
        match (self, byte) {
            (Chunks::Begin, _) => Some(Chunks::Size(digit(byte)?)),
            (Chunks::Size(size) | Chunks::Extension(size), b'\r') => Some(Chunks::SizeEnd(size)),
            (Chunks::Size(size), b';') => Some(Chunks::Extension(size)),
            (Chunks::Size(size), _) => Some(Chunks::Size(size.checked_mul(16)?.checked_add(digit(byte)?)?)),
            (Chunks::Extension(size), _) => is_text(byte).then_some(Chunks::Extension(size)),
            (Chunks::SizeEnd(0), b'\n') => Some(Chunks::TrailerBegin),
            (Chunks::SizeEnd(size), b'\n') => Some(Chunks::Data(size)),
            (Chunks::DataCr, b'\r') => Some(Chunks::DataLf),
            (Chunks::DataLf, b'\n') => Some(Chunks::Begin),
            (Chunks::TrailerBegin, b'\r') => Some(Chunks::FinalLf),
            (Chunks::Trailer, b'\r') => Some(Chunks::TrailerLf),
            (Chunks::TrailerBegin | Chunks::Trailer, _) => is_text(byte).then_some(Chunks::Trailer),
            (Chunks::TrailerLf, b'\n') => Some(Chunks::TrailerBegin),
            (Chunks::FinalLf, b'\n') => Some(Chunks::Over),
            _ => None,
        }
    }
}

fn digit(byte: u8) -> Option<u64> {
    char::from(byte).to_digit(16).map(u64::from)
}

fn is_text(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=b'~' | 0x80..)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many bytes of `text` are the body, however they are split. `None`: it is not a valid body.
    fn length(text: &str) -> Option<usize> {
        let mut whole = Chunks::Begin;
        let taken = whole.follow(text.as_bytes());
        let mut single = Chunks::Begin;
        let bytewise = text.bytes().try_fold(0, |sum, byte| single.follow(&[byte]).map(|count| sum + count));
        assert_eq!(taken.as_ref().ok(), bytewise.as_ref().ok(), "{text:?}");
        taken.ok().filter(|_| whole == Chunks::Over && single == Chunks::Over)
    }

    #[test]
    fn a_body_ends_behind_its_last_chunk_and_trailers() {
        for body in [
            "0\r\n\r\n",
            "3\r\nabc\r\n0\r\n\r\n",
            "03;a=\"b\"\r\n\r\n\r\r\n000\r\n\r\n",
            "A\r\n0123456789\r\n0;x\r\nDigest: y\r\nZ: 1\r\n\r\n",
        ] {
            assert_eq!(length(body), Some(body.len()), "{body:?}");
            assert_eq!(length(&format!("{body}GET / HTTP/1.1\r\n")), Some(body.len()), "{body:?}");
        }
    }

    #[test]
    fn what_breaks_the_grammar_is_no_body() {
        for body in [
            "\r\n",
            "x\r\n",
            "3 \r\nabc\r\n0\r\n\r\n",
            " 3\r\n",
            "3\nabc\r\n",
            "3\r\nabcd\r\n0\r\n\r\n",
            "3;a\n\r\n",
            "0\r\nA: b\n\r\n",
            "0\r\n\n",
            "10000000000000000\r\n",
            "+1\r\na\r\n0\r\n\r\n",
            "0x1\r\na\r\n0\r\n\r\n",
        ] {
            assert_eq!(length(body), None, "{body:?}");
        }
    }
}
