//! What one end has sent, read back.

use longwire_proto::{ControlOpcode, Header, Opcode, ReservedBits, Role};

/// A frame that was sent, its payload unmasked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SentFrame {
    pub(crate) opcode: Opcode,
    pub(crate) payload: Vec<u8>,
}

/// Reads what `sender` has sent, which is made of whole frames, each masked as its role demands (RFC 6455 §5.1).
pub(crate) fn frames(sender: Role, mut sent: &[u8]) -> Vec<SentFrame> {
    let mut frames = Vec::new();
    while !sent.is_empty() {
        let Ok(Some((header, used))) = Header::decode(sent) else { panic!("no frame was sent: {sent:x?}") };
        let (payload, rest) = sent[used..].split_at(header.payload_len() as usize);
        assert_eq!(header.masking_key.is_some(), sender == Role::Client, "{header:?}");
        assert!(header.reserved.within(ReservedBits::NONE), "{header:?}");
        let key = header.masking_key.unwrap_or_default();
        let payload = payload.iter().zip(key.iter().cycle()).map(|(byte, key)| byte ^ key).collect();
        frames.push(SentFrame { opcode: header.opcode(), payload });
        sent = rest;
    }
    frames
}

pub(crate) fn is_close(frame: &SentFrame) -> bool {
    frame.opcode == Opcode::Control(ControlOpcode::Close)
}
