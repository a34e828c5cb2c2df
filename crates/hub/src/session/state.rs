//! What a session consists of.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use super::client::Client;
use super::plan::Opening;
use super::rate::Rate;
use crate::call::BoxFuture;
use crate::centrifuge::{Batch, Command, Commands, Disconnect, FrameError};
use crate::config::HubConfig;
use crate::control::{Control, ControlMessage};
use crate::data::Data;
use crate::hub::{Hub, Reservation};
use crate::link::Link;
use crate::time::Millis;
use crate::transport::Transport;

/// The session of one client, without I/O: frames come in, and frames and subscriptions go out through a [`Link`].
///
/// The program calls it on one thread at a time. If a call returns [`Progress::Wait`], the program runs the future and hands
/// its answer to [`resume`](Session::resume); until then it gives the session no further frame. Control messages, ticks and
/// the end may come at any time.
///
/// ```
/// # use std::sync::Arc;
/// # use longwire_hub::*;
/// # struct Nothing;
/// # impl Delivery for Nothing {
/// #     fn publish(&self, _: &str, _: Frame) {}
/// #     fn spawn(&self, _: BoxFuture<()>) {}
/// # }
/// # impl Control for Nothing {
/// #     fn deliver(&self, _: ControlMessage) {}
/// # }
/// use longwire_hub::centrifuge::{Disconnect, Encoding};
///
/// /// A connection that collects what is sent.
/// #[derive(Default)]
/// struct Sent(Vec<Frame>);
///
/// impl Link for Sent {
///     fn send(&mut self, frame: Frame) {
///         self.0.push(frame);
///     }
///     fn subscribe_paused(&mut self, _topic: &str, _slow: SlowPolicy) -> Start {
///         Box::new(|| {})
///     }
///     fn unsubscribe(&mut self, _topic: &str) {}
///     fn close(&mut self, _why: &Disconnect) {}
/// }
///
/// # let broker = |fanout| -> Arc<dyn Broker> { Arc::new(MemoryBroker::new(fanout, MemoryLimits::default())) };
/// # let hub = Hub::new(HubConfig::default(), Arc::new(Nothing), None, &[7; 32], broker);
/// let transport = Transport::new(TransportKind::WebSocket, Encoding::Json);
/// let mut session = Session::new(hub, transport, Arc::new(Nothing), Millis(0));
/// let mut link = Sent::default();
/// let frame = "{\"id\":1,\"connect\":{}}\n{\"id\":2,\"subscribe\":{\"channel\":\"demo:tea\"}}";
/// assert!(matches!(session.receive(&mut link, &frame.into(), Millis(1)), Progress::Idle));
/// assert_eq!(link.0.len(), 1, "both replies come in one frame");
/// ```
pub struct Session {
    pub(super) hub: Arc<Hub>,
    pub(super) transport: Transport,
    pub(super) phase: Phase,
    /// While a command waits.
    pub(super) pause: Option<Box<Pause>>,
    /// Not allocated for a client that causes no errors, ends no subscription, and whose publications are not counted.
    pub(super) rates: Option<Box<Rates>>,
}

/// A command of a session waits.
pub(super) struct Pause {
    /// What is queued, for as long as the session waits.
    pub(super) _counted: Reservation,
    /// The frames that have come since.
    pub(super) frames: usize,
    /// What is not handled yet.
    pub(super) queue: WorkQueue,
}

/// How often a client has done what it may not do often.
#[derive(Debug, Default)]
pub(super) struct Rates {
    pub(super) errors: Rate,
    /// How often it has asked to subscribe, from its first unsubscribe or error on: what comes before is bounded by the number
    /// of its channels.
    pub(super) subscribes: Rate,
    /// Publications, by namespace.
    pub(super) publications: Vec<(Box<str>, Rate)>,
}

/// What a session has to do, in its order.
#[derive(Debug, Default)]
pub(super) struct WorkQueue {
    pub(super) work: VecDeque<Work>,
    /// The bytes of the frames that it came in.
    pub(super) bytes: usize,
}

/// What a session is in.
pub(super) enum Phase {
    /// The client has not connected.
    New {
        /// It is disconnected then.
        deadline: Millis,
        /// The hub keeps it while the client is connected.
        control: Arc<dyn Control>,
    },
    /// It is connected.
    Open(Client),
    /// The session has ended.
    Closed,
}

/// What a session has to do.
#[derive(Debug)]
pub(super) enum Work {
    Command(Result<Command, FrameError>),
    Control(ControlMessage),
    /// A message of a plain client.
    Plain(Data),
    /// The rest of a connect.
    Open(Box<Opening>),
}

/// How far a session has come.
#[must_use = "a session that waits must be resumed"]
pub enum Progress {
    /// Everything was handled.
    Idle,
    /// A command waits for this future. The program runs it, and hands its output to [`Session::resume`].
    Wait(BoxFuture<Answer>),
}

/// What a session waited for. Dropping it ends what it was for.
#[must_use = "hand it to `Session::resume`"]
pub struct Answer(pub(super) Box<dyn FnOnce(&mut Turn<'_>) -> Outcome + Send>);

/// A session with its connection, for the time of one call.
pub(super) struct Turn<'a> {
    pub(super) session: &'a mut Session,
    pub(super) link: &'a mut dyn Link,
    pub(super) config: Arc<HubConfig>,
    /// What is handled in this call, and before the rest of the frame.
    pub(super) queue: WorkQueue,
    /// The frame that the client has sent.
    pub(super) frame: Option<Commands<'a>>,
    /// What is sent at the end of the call.
    pub(super) batch: Batch,
    pub(super) now: Millis,
}

/// How far a command has come.
#[must_use]
pub(super) enum Outcome {
    /// It is done.
    Done,
    /// It waits for this future.
    Wait(BoxFuture<Answer>),
    /// The client is disconnected.
    Close(Disconnect),
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("transport", &self.transport)
            .field("client", &self.client())
            .field("waits", &self.waits())
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Progress::Idle => "Idle",
            Progress::Wait(_) => "Wait",
        })
    }
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Answer").finish_non_exhaustive()
    }
}

#[cfg(all(test, target_pointer_width = "64"))]
mod tests {
    use super::*;
    use crate::channel::ChannelName;
    use crate::session::subscriptions::Subscription;

    /// There are as many of them as clients. What is seldom needed is boxed.
    #[test]
    fn what_each_client_has_is_small() {
        // With the first subscription.
        assert!(size_of::<Session>() <= 120, "{} bytes", size_of::<Session>());
        let subscription = size_of::<(ChannelName, Subscription)>();
        assert!(subscription <= 32, "{subscription} bytes");
    }
}
