//! Frames of a server, as they come in.

use anyhow::{Result, bail};

/// The beginning of a frame that has not arrived wholly.
#[derive(Debug, Default)]
pub(super) struct Incoming(Vec<u8>);

impl Incoming {
    /// Calls `visit` with the payload of each text or binary frame that is complete with these bytes.
    pub(super) fn take(&mut self, bytes: &[u8], mut visit: impl FnMut(&[u8]) -> Result<()>) -> Result<()> {
        if self.0.is_empty() {
            let used = each(bytes, &mut visit)?;
            self.0.extend_from_slice(&bytes[used..]);
        } else {
            self.0.extend_from_slice(bytes);
            let used = each(&self.0, &mut visit)?;
            self.0.drain(..used);
        }
        if self.0.is_empty() {
            self.0 = Vec::new();
        }
        Ok(())
    }
}

/// Visits the complete frames, and returns their total length.
fn each(bytes: &[u8], visit: &mut impl FnMut(&[u8]) -> Result<()>) -> Result<usize> {
    let mut used = 0;
    while let Some((first, start, end)) = first_frame(&bytes[used..]) {
        match first & 0x0f {
            1 | 2 => visit(&bytes[used + start..used + end])?,
            8 => bail!("the server closes: {}", bytes[used + start..used + end].escape_ascii()),
            _ => {}
        }
        used += end;
    }
    Ok(used)
}

/// The first byte of a frame that is not masked (RFC 6455 §5.2), and where its payload begins and ends.
fn first_frame(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    let (start, length): (usize, usize) = match *bytes {
        [_, length @ 0..126, ..] => (2, usize::from(length)),
        [_, 126, high, low, ..] => (4, usize::from(u16::from_be_bytes([high, low]))),
        [_, 127, a, b, c, d, e, f, g, h, ..] => (10, u64::from_be_bytes([a, b, c, d, e, f, g, h]) as usize),
        _ => return None,
    };
    let end = start.checked_add(length)?;
    (bytes.len() >= end).then(|| (bytes[0], start, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_found_however_they_are_cut() {
        let long = [b'x'; 300];
        let stream = [&[0x81, 2, b'h', b'i', 0x82, 126, 1, 44][..], &long, &[0x89, 0, 0x81, 0]].concat();
        for cut in [1, 2, 3, 7, 400] {
            let (mut incoming, mut lengths) = (Incoming::default(), Vec::new());
            for part in stream.chunks(cut) {
                let mut note = |payload: &[u8]| {
                    lengths.push(payload.len());
                    Ok(())
                };
                incoming.take(part, &mut note).unwrap();
            }
            assert_eq!(lengths, [2, 300, 0], "cut into {cut}");
        }
        assert!(Incoming::default().take(&[0x88, 2, 3, 232], |_| Ok(())).is_err());
    }
}
