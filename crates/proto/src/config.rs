//! The configuration of a connection.

use std::fmt;
use std::sync::Arc;

use crate::deflate::Deflate;
use crate::header::Header;
use crate::limits::Limits;

/// The configuration of a connection. One `Config` serves any number of connections.
///
/// ```
/// use longwire_proto::{Config, Limits};
///
/// let mut config = Config::new(Limits::default().message(1 << 20));
/// config.deflate = None;
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Config {
    /// The limits of one connection.
    pub limits: Limits,
    /// How to compress messages, if the peer agrees (RFC 7692); `None`: never.
    pub deflate: Option<Deflate>,
    /// Observes every frame.
    pub observer: Option<FrameObserver>,
}

impl Default for Config {
    fn default() -> Config {
        Config { limits: Limits::default(), deflate: Some(Deflate::default()), observer: None }
    }
}

impl Config {
    /// A configuration with these limits.
    #[must_use]
    pub fn new(limits: Limits) -> Config {
        Config { limits, ..Config::default() }
    }
}

/// A callback for every frame, for tools that show the traffic. It is called for a data frame when its header is read
/// or queued, and for a control frame when it is complete.
///
/// It runs in the middle of reading and sending. The driver may hold a lock at that time, as `longwire` does. The
/// callback must therefore not call a handle of the same connection: it would deadlock. To react to a frame, notify a
/// task.
///
/// ```
/// use longwire_proto::{Config, FrameObserver};
///
/// let mut config = Config::default();
/// config.observer = Some(FrameObserver::new(|frame| println!("{:?} {:?}", frame.direction, frame.header)));
/// ```
#[derive(Clone)]
pub struct FrameObserver(Arc<dyn Fn(&SeenFrame<'_>) + Send + Sync>);

/// A frame as an observer sees it.
///
/// ```
/// use longwire_proto::{Direction, SeenFrame};
///
/// fn show(frame: &SeenFrame<'_>) -> String {
///     let arrow = if frame.direction == Direction::Sent { '>' } else { '<' };
///     format!("{arrow} {:?}", frame.header.kind)
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct SeenFrame<'a> {
    /// The direction of the frame.
    pub direction: Direction,
    /// Its header.
    pub header: &'a Header,
    /// The payload of a control frame, unmasked; empty for a data frame.
    pub control_payload: &'a [u8],
}

/// The direction of a frame.
///
/// ```
/// use longwire_proto::{Direction, FrameObserver};
///
/// let seen = FrameObserver::new(|frame| match frame.direction {
///     Direction::Received => println!("< {:?}", frame.header),
///     Direction::Sent => println!("> {:?}", frame.header),
/// });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// From the peer to this end.
    Received,
    /// From this end to the peer.
    Sent,
}

impl FrameObserver {
    /// Calls `observe` with every frame.
    pub fn new(observe: impl Fn(&SeenFrame<'_>) + Send + Sync + 'static) -> FrameObserver {
        FrameObserver(Arc::new(observe))
    }

    pub(crate) fn observe(&self, frame: &SeenFrame<'_>) {
        (self.0)(frame);
    }
}

impl fmt::Debug for FrameObserver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FrameObserver")
    }
}
