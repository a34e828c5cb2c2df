//! Parses what an endpoint has sent.

use longwire_proto::Role;
use longwire_wire::{DeclaredLen, Mask, RawFrame};

/// Parses what `sender` has sent and returns the frames with unmasked payloads. Frames must be complete, masked as the
/// role requires (RFC 6455 §5.1), with the shortest length encoding and without reserved bits.
pub(crate) fn frames(sender: Role, mut sent: &[u8]) -> Vec<RawFrame> {
    let mut frames = Vec::new();
    while !sent.is_empty() {
        let Ok((frame, used)) = RawFrame::parse(sent) else { panic!("no frame was sent: {sent:x?}") };
        assert_eq!(frame.mask != Mask::Absent, sender == Role::Client, "{frame}");
        assert_eq!((frame.rsv, frame.declared_len), (0, DeclaredLen::OfPayload), "{frame}");
        frames.push(frame.masked(Mask::ByRole));
        sent = &sent[used..];
    }
    frames
}
