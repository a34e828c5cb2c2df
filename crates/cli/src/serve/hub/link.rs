//! A WebSocket of the event loops, as a session uses it.

use longwire::{Handler, SendStatus, Slow, Socket};
use longwire_hub::centrifuge::Disconnect;
use longwire_hub::{Frame, Link, SlowPolicy, Start};

use super::delivery::message;

/// The state of a connection that notes why the hub closes it.
pub(super) trait NotesClosing {
    fn note_closing(&mut self, why: &Disconnect);
}

pub(super) struct SocketLink<'a, 's, H: Handler>(pub(super) &'a mut Socket<'s, H>);

impl<H: Handler<State: NotesClosing>> Link for SocketLink<'_, '_, H> {
    fn send(&mut self, frame: Frame) {
        if self.0.send_message(message(frame)) == SendStatus::Full {
            self.close(&Disconnect::SLOW);
        }
    }

    fn subscribe_paused(&mut self, topic: &str, slow: SlowPolicy) -> Start {
        let subscription = self.0.subscribe_paused(topic, policy(slow));
        Box::new(move || subscription.start())
    }

    fn unsubscribe(&mut self, topic: &str) {
        self.0.unsubscribe(topic);
    }

    fn close(&mut self, why: &Disconnect) {
        self.0.state_mut().note_closing(why);
        close(self.0, why);
    }

    fn peer(&self) -> Option<String> {
        self.0.peer_addr().map(|address| address.to_string())
    }
}

/// Closes with the code and reason. A reason that is too long is left out.
fn close<H: Handler>(socket: &mut Socket<'_, H>, why: &Disconnect) {
    if socket.close(why.code(), why.reason()).is_err() {
        // The codes of the hub are codes that may be sent.
        let _sent = socket.close(why.code(), "");
    }
}

fn policy(slow: SlowPolicy) -> Slow {
    match slow {
        SlowPolicy::Disconnect => Slow::close(Disconnect::SLOW.code(), "slow").unwrap_or(Slow::Disconnect),
        SlowPolicy::DropOldest(keep) => {
            Slow::DropOldest { keep: usize::try_from(keep.get()).unwrap_or(usize::MAX) }
        }
        SlowPolicy::Latest => Slow::Latest,
    }
}
