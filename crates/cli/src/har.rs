//! Recordings of WebSocket connections as HAR files, with `_webSocketMessages` as Chrome writes them.
//!
//! [`read`] takes the files of Chrome, Firefox, mitmproxy and Playwright, and our own. [`Recorder`] writes them.

mod reading;
mod recorder;
mod recording;

pub(crate) use reading::read;
pub(crate) use recorder::{Existing, Handshake, Recorder, RecordingStopped, SecretValues, exists};
pub(crate) use recording::{RecordedMessage, Recording};
