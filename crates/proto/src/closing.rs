//! The closing handshake as a state table (RFC 6455 §7).

use crate::close_frame::CloseFrame;
use crate::closed::{By, Closed};
use crate::error::ProtocolError;

/// The state of the closing handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Closing {
    /// Not begun.
    Open,
    /// Our Close frame is queued or sent; the peer's has not arrived. Messages may still arrive.
    AwaitingPeer,
    /// Both Close frames are sent or queued. The server ends the transport once its own is written (§7.1.1).
    Complete(Closed),
    /// The peer broke the protocol, or ended its side without a Close frame. The transport ends once everything is
    /// written, including our Close frame if there is one (§7.1.7).
    Failed(Closed),
    /// The transport has ended, or must be dropped.
    Over(Closed),
}

/// An event of the closing handshake.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step<'a> {
    /// The application closes.
    LocalClose(Option<CloseFrame>),
    /// The application fails the connection.
    LocalFailure(CloseFrame),
    /// The peer's Close frame arrived.
    PeerClose(Option<&'a CloseFrame>),
    /// The peer broke the protocol.
    Failure(&'a ProtocolError),
    /// The peer ended its side of the transport. It may still read.
    HalfClose,
    /// The transport ended.
    TransportEnd,
    /// The time for closing is up.
    TimeUp,
}

/// The Close frame to send after a step. Inner `None`: without a code.
pub(crate) type ToSend = Option<Option<CloseFrame>>;

impl Closing {
    /// The table: the next state and the Close frame to send, at most one per connection (§5.5.1).
    pub(crate) fn step(self, step: Step<'_>) -> (Closing, ToSend) {
        use Closing::{AwaitingPeer, Complete, Failed, Open, Over};
        use Step::{Failure, HalfClose, LocalClose, LocalFailure, PeerClose, TimeUp, TransportEnd};
        match (self, step) {
            (Open, LocalClose(frame)) => (AwaitingPeer, Some(frame)),
            // §5.5.1: "the endpoint typically echos the status code it received". The reason is echoed, too, so that
            // both ends report the same.
            (Open, PeerClose(frame)) => {
                (Complete(Closed::by_handshake(By::Peer, frame)), Some(frame.cloned()))
            }
            (Open, Failure(error)) => {
                (Failed(Closed::by_failure(error)), Some(Some(CloseFrame::for_error(error))))
            }
            (Open, LocalFailure(frame)) => (Failed(Closed::by_local_failure(&frame)), Some(Some(frame))),
            (Open, HalfClose) => (Failed(Closed::lost()), None),
            (Open, TransportEnd | TimeUp) => (Over(Closed::lost()), None),

            (AwaitingPeer, LocalClose(_)) => (AwaitingPeer, None),
            (AwaitingPeer, PeerClose(frame)) => (Complete(Closed::by_handshake(By::Local, frame)), None),
            (AwaitingPeer, Failure(error)) => (Failed(Closed::by_failure(error)), None),
            (AwaitingPeer, LocalFailure(_) | HalfClose) => (Failed(Closed::unanswered()), None),
            (AwaitingPeer, TransportEnd | TimeUp) => (Over(Closed::unanswered()), None),

            (Complete(closed) | Failed(closed), TransportEnd | TimeUp) => (Over(closed), None),
            (ended @ (Complete(_) | Failed(_) | Over(_)), _) => (ended, None),
        }
    }

    /// How the connection ended, as soon as that is certain.
    pub(crate) fn closed(&self) -> Option<&Closed> {
        match self {
            Closing::Open | Closing::AwaitingPeer => None,
            Closing::Complete(closed) | Closing::Failed(closed) | Closing::Over(closed) => Some(closed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every state with every step: the next state, and the Close frame to send.
    #[test]
    fn the_table() {
        let bye = CloseFrame::new(4001, "bye").unwrap();
        let error = ProtocolError::TextNotUtf8;
        let by = |by| Closed::by_handshake(by, Some(&bye));
        let failed = Closed::by_failure(&error);
        let (open, awaiting) = (Closing::Open, Closing::AwaitingPeer);
        let complete = Closing::Complete(by(By::Peer));
        let failing = Closing::Failed(failed.clone());
        let over = Closing::Over(Closed::lost());

        let local = || Step::LocalClose(Some(bye.clone()));
        let peer = || Step::PeerClose(Some(&bye));
        let fail = || Step::Failure(&error);
        let local_fail = || Step::LocalFailure(bye.clone());
        let failed_locally = Closing::Failed(Closed::by_local_failure(&bye));
        let (half, end, time) = (|| Step::HalfClose, || Step::TransportEnd, || Step::TimeUp);

        let table: Vec<(&Closing, Step<'_>, Closing, ToSend)> = vec![
            (&open, local(), Closing::AwaitingPeer, Some(Some(bye.clone()))),
            (&open, Step::LocalClose(None), Closing::AwaitingPeer, Some(None)),
            (&open, peer(), Closing::Complete(by(By::Peer)), Some(Some(bye.clone()))),
            (
                &open,
                Step::PeerClose(None),
                Closing::Complete(Closed::by_handshake(By::Peer, None)),
                Some(None),
            ),
            (&open, fail(), Closing::Failed(failed.clone()), Some(Some(CloseFrame::for_error(&error)))),
            (&open, local_fail(), failed_locally, Some(Some(bye.clone()))),
            (&open, half(), Closing::Failed(Closed::lost()), None),
            (&open, end(), Closing::Over(Closed::lost()), None),
            (&open, time(), Closing::Over(Closed::lost()), None),
            (&awaiting, local(), Closing::AwaitingPeer, None),
            (&awaiting, peer(), Closing::Complete(by(By::Local)), None),
            (&awaiting, fail(), Closing::Failed(failed.clone()), None),
            (&awaiting, local_fail(), Closing::Failed(Closed::unanswered()), None),
            (&awaiting, half(), Closing::Failed(Closed::unanswered()), None),
            (&awaiting, end(), Closing::Over(Closed::unanswered()), None),
            (&awaiting, time(), Closing::Over(Closed::unanswered()), None),
            (&complete, local(), complete.clone(), None),
            (&complete, peer(), complete.clone(), None),
            (&complete, fail(), complete.clone(), None),
            (&complete, local_fail(), complete.clone(), None),
            (&complete, half(), complete.clone(), None),
            (&complete, end(), Closing::Over(by(By::Peer)), None),
            (&complete, time(), Closing::Over(by(By::Peer)), None),
            (&failing, local(), failing.clone(), None),
            (&failing, peer(), failing.clone(), None),
            (&failing, fail(), failing.clone(), None),
            (&failing, local_fail(), failing.clone(), None),
            (&failing, half(), failing.clone(), None),
            (&failing, end(), Closing::Over(failed.clone()), None),
            (&failing, time(), Closing::Over(failed), None),
            (&over, local(), over.clone(), None),
            (&over, peer(), over.clone(), None),
            (&over, fail(), over.clone(), None),
            (&over, local_fail(), over.clone(), None),
            (&over, half(), over.clone(), None),
            (&over, end(), over.clone(), None),
            (&over, time(), over.clone(), None),
        ];
        for (state, step, next, send) in table {
            assert_eq!(state.clone().step(step.clone()), (next, send), "{state:?} on {step:?}");
        }
    }

    #[test]
    fn the_end_is_known_as_soon_as_it_is_certain() {
        assert_eq!(Closing::Open.closed(), None);
        assert_eq!(Closing::AwaitingPeer.closed(), None);
        for state in [Closing::Complete, Closing::Failed, Closing::Over] {
            assert_eq!(state(Closed::lost()).closed(), Some(&Closed::lost()));
        }
    }
}
