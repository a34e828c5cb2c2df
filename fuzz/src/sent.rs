//! What one end has sent, read back.

use longwire_proto::Role;
use longwire_wire::{DeclaredLen, Mask, RawFrame};

/// Reads what `sender` has sent, which is made of whole frames, each masked as its role demands (RFC 6455 §5.1), its
/// length in the shortest form and no bit reserved. The frames are as if nobody had masked them.
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
