//! The bounds of one session.

use std::num::NonZeroU32;
use std::time::Duration;

use crate::centrifuge::FrameLimits;

/// The bounds of what one client can make the hub keep or do.
///
/// ```
/// let limits = longwire_hub::SessionLimits::default();
/// assert_eq!(limits.channels, 128);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionLimits {
    /// Channels that one client is subscribed to, on either side. One more is error 106, or 3505 when connecting.
    pub channels: usize,
    /// The length of a channel's name, in bytes, at most 255. A longer one is error 106.
    pub channel_name: usize,
    /// How often one client may ask to subscribe in [`subscribes_per`](Self::subscribes_per). One more is error 111. It counts
    /// from the first unsubscribe or error of the client on.
    pub subscribes: NonZeroU32,
    /// The time in which requests to subscribe are counted.
    pub subscribes_per: Duration,
    /// The commands of one frame. More are 3501.
    pub frame: FrameLimits,
    /// The length of a frame with commands, in bytes. A longer one is 3501: its commands are kept while one of them waits.
    pub frame_bytes: usize,
    /// The length of what a client publishes or sends to the back end, in bytes. A longer one is error 106.
    pub publication: usize,
    /// The publications of one page of history. More are not returned.
    pub history_page: usize,
    /// The bytes of publications in one reply. A page of history has no more, and at least one publication. If a client has
    /// missed more, nothing is recovered; that of all of the server's subscriptions counts together, when it connects.
    pub page_bytes: usize,
    /// The bytes of history that a plain client gets at once when it connects. Of more, it gets the newest, and at least one
    /// publication. The program keeps this well below what makes a client slow.
    pub plain_history: usize,
    /// The clients that one presence reply lists. A channel with more is error 106, since a reply without some of them would
    /// look like all. Statistics count any number.
    pub presence_page: usize,
    /// The bytes of these clients' ids, users and descriptions. A channel with more is error 106.
    pub presence_bytes: usize,
    /// The errors that one client may cause in [`errors_per`](Self::errors_per). One more is 3509. Expired tokens and
    /// temporary errors don't count.
    pub errors: NonZeroU32,
    /// The time in which errors are counted.
    pub errors_per: Duration,
    /// The control messages that may wait for one session; see [`Control`](crate::Control).
    pub control_messages: usize,
    /// The frames that may wait for a session while one of its commands waits: emulated transports bring them in requests of
    /// their own. One more is 3013.
    pub waiting_frames: usize,
    /// The bytes of publications, joins and leaves that are held for one subscription from its beginning at the broker to its
    /// reply. Beyond that, the namespace's slow policy drops old publications, or the client learns that it may miss some:
    /// its subscription ends with 2500, or one of the server's disconnects it with 3010.
    pub held: usize,
    /// Connections of one user; 0 for any number. One more is 3504. Anonymous clients are not counted.
    pub user_connections: usize,
}

impl Default for SessionLimits {
    fn default() -> SessionLimits {
        SessionLimits {
            channels: 128,
            channel_name: 255,
            subscribes: NonZeroU32::new(3_000).unwrap_or(NonZeroU32::MIN),
            subscribes_per: Duration::from_secs(60),
            frame: FrameLimits::default(),
            frame_bytes: 1 << 20,
            publication: 64 << 10,
            history_page: 1_000,
            page_bytes: 4 << 20,
            plain_history: 128 << 10,
            presence_page: 10_000,
            presence_bytes: 4 << 20,
            errors: NonZeroU32::new(256).unwrap_or(NonZeroU32::MIN),
            errors_per: Duration::from_secs(60),
            control_messages: 256,
            waiting_frames: 64,
            held: 256 << 10,
            user_connections: 0,
        }
    }
}
