//! What a connection is made with.

use std::fmt;
use std::sync::Arc;

use crate::deflate::Deflate;
use crate::header::Header;
use crate::limits::Limits;

/// What a connection is made with. One `Config` serves any number of connections.
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
    /// What one connection may cost.
    pub limits: Limits,
    /// How messages are compressed, if the peer agrees to it (RFC 7692); `None`: never.
    pub deflate: Option<Deflate>,
    /// Who is told of every frame.
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

/// Is told of every frame, for tools that show what goes over the wire: of a data frame when its header is read or
/// queued, of a control frame when it is whole.
///
/// It runs in the middle of reading and sending, and whoever drives the connection may hold a lock meanwhile, as
/// `longwire` does: it must not call a handle of the same connection, which would wait for itself for ever. To answer a
/// frame, let it tell a task.
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
    /// Which way it goes.
    pub direction: Direction,
    /// Its header.
    pub header: &'a Header,
    /// The payload of a control frame, unmasked; empty for a data frame.
    pub control_payload: &'a [u8],
}

/// Which way a frame goes.
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
