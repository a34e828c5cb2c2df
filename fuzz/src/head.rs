//! The head of a request or response, received in pieces.

use longwire_proto::handshake::{HeadError, HeadLimits, HeadReader, HeadStatus};

use crate::cuts::Cuts;

/// Small limits, so that inputs reach them.
const LIMITS: HeadLimits = HeadLimits { bytes: 2 << 10, headers: 24 };

/// Reads the head in `data`, after three bytes that determine how it is cut. The result must not depend on the cuts.
/// Returns `None` if the head is incomplete or invalid.
pub(crate) fn read(data: &[u8]) -> Option<HeadReader> {
    let (cuts, stream) = data.split_first_chunk::<3>()?;
    let mut reader = HeadReader::new(LIMITS);
    let whole = feed(&mut reader, [stream].into_iter());
    let mut cut_reader = HeadReader::new(LIMITS);
    assert_eq!(feed(&mut cut_reader, Cuts::new(*cuts).of(stream)), whole, "cut into pieces");
    assert_eq!(cut_reader.as_bytes(), reader.as_bytes());

    assert!(reader.as_bytes().len() <= LIMITS.bytes);
    match whole {
        Ok(Some(len)) => {
            assert!(is_as_it_came(reader.as_bytes(), &stream[..len]));
            assert_eq!(reader.feed(b"more"), Ok(HeadStatus::Complete { consumed: 0 }));
            Some(reader)
        }
        Ok(None) => {
            assert_eq!(reader.as_bytes(), stream);
            assert_eq!(reader.request().err(), Some(HeadError::Incomplete));
            assert_eq!(reader.response().err(), Some(HeadError::Incomplete));
            None
        }
        Err(error) => {
            assert_eq!(reader.feed(b"GET / HTTP/1.1\r\n\r\n"), Err(error), "a failure is final");
            assert!(error.status().is_client_error());
            None
        }
    }
}

/// Whether a head was kept unchanged, except that a minor version above 1 becomes 1.
fn is_as_it_came(kept: &[u8], came: &[u8]) -> bool {
    let mut changed = kept.iter().zip(came).filter(|(kept, came)| kept != came);
    let first = changed.next();
    kept.len() == came.len()
        && first.is_none_or(|(kept, came)| *kept == b'1' && (b'2'..=b'9').contains(came))
        && changed.next().is_none()
}

/// Reads back a head that this library wrote.
pub(crate) fn read_own(head: &[u8]) -> HeadReader {
    let mut reader = HeadReader::new(HeadLimits::default());
    let status = reader.feed(head);
    assert_eq!(status, Ok(HeadStatus::Complete { consumed: head.len() }), "{}", head.escape_ascii());
    reader
}

/// The length of the head, if it is complete.
fn feed<'s>(
    reader: &mut HeadReader,
    pieces: impl Iterator<Item = &'s [u8]>,
) -> Result<Option<usize>, HeadError> {
    let mut fed = 0;
    for piece in pieces {
        match reader.feed(piece)? {
            HeadStatus::Partial => fed += piece.len(),
            HeadStatus::Complete { consumed } => return Ok(Some(fed + consumed)),
        }
    }
    Ok(None)
}
