//! Looks for pongs among bytes that are not parsed yet.

use super::incomplete::{ControlFrame, PartialHeader};
use super::partial::{Partial, Position};
use super::{Decoder, Stream};
use crate::header::{Header, MAX_HEADER_LEN};
use crate::mask::Mask;
use crate::opcode::{ControlOpcode, Opcode};

impl Decoder {
    /// Passes the payload of every complete pong in `unparsed` to `tell`. `unparsed` begins at the decoder's position,
    /// or at a frame if `from` is not 0. Returns where the next frame begins. Invalid frames are left to the parser.
    pub(crate) fn look_for_pongs(&self, unparsed: &[u8], from: usize, mut tell: impl FnMut(&[u8])) -> usize {
        let mut at = from;
        if at == 0 {
            match self.behind_the_first_frame(unparsed, &mut tell) {
                Some(behind) => at = behind,
                None => return 0,
            }
        }
        while let Some(rest) = unparsed.get(at..)
            && let Ok(Some((header, used))) = Header::decode(rest)
        {
            let Some(behind) = end_of_frame(at + used, &header) else { break };
            if header.opcode() == Opcode::Control(ControlOpcode::Pong) {
                let Some(payload) = unparsed.get(at + used..behind) else { break };
                tell_unmasked(payload, header.masking_key.map(Mask::new), &mut tell);
            }
            at = behind;
        }
        at
    }

    /// Where the frame after the current one begins. `None`: not known yet.
    fn behind_the_first_frame(&self, unparsed: &[u8], tell: impl FnMut(&[u8])) -> Option<usize> {
        if self.stream == Stream::Discarded {
            return None;
        }
        match self.partial.as_deref() {
            None => Some(0),
            Some(Partial::Header(header)) => behind_header(header, unparsed, tell),
            Some(Partial::Control(frame)) => behind_control(frame, unparsed, tell),
            Some(Partial::Message(arriving)) => match &arriving.position {
                Position::Header(header) => behind_header(header, unparsed, tell),
                Position::Fragment(fragment) => usize::try_from(fragment.remaining).ok(),
                Position::Control(frame) => behind_control(frame, unparsed, tell),
            },
        }
    }
}

fn behind_header(header: &PartialHeader, unparsed: &[u8], mut tell: impl FnMut(&[u8])) -> Option<usize> {
    if header.len == 0 {
        return Some(0);
    }
    let arrived = header.bytes.get(..usize::from(header.len))?;
    let mut bytes = arrived.to_vec();
    bytes.extend_from_slice(unparsed.get(..MAX_HEADER_LEN).unwrap_or(unparsed));
    let (header, used) = Header::decode(&bytes).ok()??;
    let start = used.checked_sub(arrived.len())?;
    let behind = end_of_frame(start, &header)?;
    if header.opcode() == Opcode::Control(ControlOpcode::Pong) {
        let payload = unparsed.get(start..behind)?;
        tell_unmasked(payload, header.masking_key.map(Mask::new), &mut tell);
    }
    Some(behind)
}

fn behind_control(frame: &ControlFrame, unparsed: &[u8], mut tell: impl FnMut(&[u8])) -> Option<usize> {
    let missing = frame.len.get() - frame.arrived.len();
    if frame.opcode == ControlOpcode::Pong {
        let mut payload = frame.arrived.clone();
        tell_unmasked(unparsed.get(..missing)?, frame.mask, |rest| {
            payload.extend_from_slice(rest);
        });
        tell(&payload);
    }
    Some(missing)
}

/// Where the payload that begins at `start` ends.
fn end_of_frame(start: usize, header: &Header) -> Option<usize> {
    start.checked_add(usize::try_from(header.payload_len()).ok()?)
}

fn tell_unmasked(payload: &[u8], mask: Option<Mask>, tell: impl FnOnce(&[u8])) {
    let mut payload = payload.to_vec();
    if let Some(mut mask) = mask {
        mask.apply(&mut payload);
    }
    tell(&payload);
}
