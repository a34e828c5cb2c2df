//! Recordings of WebSocket connections as HAR files, with `_webSocketMessages` as Chrome writes them.
//!
//! [`read`] takes the files of Chrome, Playwright, mitmproxy and HTTP Toolkit, and our own. [`Recorder`] writes them.

mod document;
mod ending;
mod entry;
mod reading;
mod recorder;
mod recording;

pub(crate) use ending::CloseFrames;
pub(crate) use entry::no_such_entry;
pub(crate) use reading::read;
pub(crate) use recorder::{Existing, Handshake, Recorder, RecordingStopped, SecretValues, exists};
pub(crate) use recording::{RecordedEnd, RecordedMessage, Recording};
