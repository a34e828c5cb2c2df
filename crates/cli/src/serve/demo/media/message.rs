//! The messages of the audio and video demo: JSON as text, and pieces as binary messages, big endian.
//! `web/demo/media/protocol.js` is the other end.
//!
//! | piece | layout |
//! |---|---|
//! | from the sender | flags (u8), time of capture (f64), content |
//! | to viewers | number (u64), then as the sender has sent it |
//!
//! The flags are 1 for sound, otherwise picture, and 2 if a viewer can start here: a key frame. The time of capture is in
//! milliseconds of the server's clock, as the sender reckons it.

use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// The longest text of a client.
pub(super) const LONGEST_TEXT: usize = 512;

/// The largest piece, with its header.
pub(super) const LARGEST_PIECE: usize = 128 * 1024;

const HEADER: usize = 9;
const ALL_FLAGS: u8 = 3;
const IS_START: u8 = 2;

/// What a client says.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Saying {
    /// It wants to send.
    Start { format: MediaFormat },
    /// It stops sending.
    Stop,
    /// It has got all pieces up to this one.
    Ack { number: u64 },
    /// It compares clocks. `sent` is the time of its own.
    Time { sent: f64 },
}

/// How pictures and sound are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MediaFormat {
    pub(super) video: Option<VideoFormat>,
    pub(super) audio: Option<AudioFormat>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VideoFormat {
    pub(super) codec: VideoCodec,
    pub(super) width: u16,
    pub(super) height: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum VideoCodec {
    Vp8,
    Jpeg,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AudioFormat {
    pub(super) codec: AudioCodec,
    pub(super) rate: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum AudioCodec {
    Opus,
    Pcm,
}

/// What the server says.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Notice {
    /// Who sends, and who views.
    State {
        sender: SenderIs,
        viewers: usize,
        #[serde(skip_serializing_if = "Option::is_none")]
        format: Option<MediaFormat>,
    },
    /// Another sends already.
    Busy,
    /// The server's clock, in milliseconds.
    Time { sent: f64, now: f64 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum SenderIs {
    Nobody,
    You,
    Another,
}

/// Where a viewer can begin to decode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PieceKind {
    Start,
    /// It needs the pieces before.
    Continuation,
}

impl Notice {
    pub(super) fn json(&self) -> String {
        // Nothing in a notice can fail to serialize.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The kind of a sender's piece. `None`: the layout is another.
pub(super) fn piece_kind(piece: &[u8]) -> Option<PieceKind> {
    let flags = *piece.first()?;
    if piece.len() <= HEADER || flags > ALL_FLAGS {
        return None;
    }
    Some(if flags & IS_START == 0 { PieceKind::Continuation } else { PieceKind::Start })
}

/// A piece as viewers get it.
pub(super) fn numbered(number: u64, piece: &[u8]) -> Bytes {
    [&number.to_be_bytes(), piece].concat().into()
}
