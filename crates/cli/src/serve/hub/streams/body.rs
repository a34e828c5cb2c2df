//! The body of a stream: what its outbox has, in the form of the transport.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame as BodyFrame};
use longwire_hub::Frame;

use crate::serve::hub::outlet::outbox::Outbox;

/// About how many bytes are handed over at a time.
const CHUNK: usize = 16 << 10;

/// How messages stand in a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StreamFormat {
    /// JSON documents as events, one each.
    Events,
    /// JSON documents, a line each.
    Lines,
    /// Protobuf messages, each after its length.
    Protobuf,
}

impl StreamFormat {
    pub(super) fn content_type(self) -> &'static str {
        match self {
            StreamFormat::Events => "text/event-stream; charset=utf-8",
            StreamFormat::Lines => "application/x-ndjson",
            StreamFormat::Protobuf => "application/octet-stream",
        }
    }

    fn write(self, frame: &[u8], into: &mut BytesMut) {
        match self {
            StreamFormat::Protobuf => into.extend_from_slice(frame),
            StreamFormat::Lines => {
                into.extend_from_slice(frame);
                into.extend_from_slice(b"\n");
            }
            StreamFormat::Events => {
                for line in frame.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                    into.extend_from_slice(b"data: ");
                    into.extend_from_slice(line);
                    into.extend_from_slice(b"\n\n");
                }
            }
        }
    }

    fn chunk(self, frames: &[Frame]) -> Bytes {
        let len = frames.iter().map(|frame| frame.as_bytes().len() + 8).sum();
        let mut chunk = BytesMut::with_capacity(len);
        for frame in frames {
            self.write(frame.as_bytes(), &mut chunk);
        }
        chunk.freeze()
    }
}

/// The body of a stream's response. Dropping it ends the session.
pub(super) struct StreamBody {
    pub(super) outbox: Arc<Outbox>,
    pub(super) format: StreamFormat,
}

impl Body for StreamBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<BodyFrame<Bytes>, Infallible>>> {
        let frames = std::task::ready!(self.outbox.poll_frames(cx, CHUNK));
        Poll::Ready(frames.map(|frames| Ok(BodyFrame::data(self.format.chunk(&frames)))))
    }
}

impl Drop for StreamBody {
    fn drop(&mut self) {
        self.outbox.abandon();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_events_lines_or_what_they_are() {
        let frames = [Frame::from("{\"id\":1}\n{\"id\":2}"), Frame::from("{}")];
        let events = "data: {\"id\":1}\n\ndata: {\"id\":2}\n\ndata: {}\n\n";
        assert_eq!(StreamFormat::Events.chunk(&frames), events);
        assert_eq!(StreamFormat::Lines.chunk(&frames), "{\"id\":1}\n{\"id\":2}\n{}\n");
        let frames = [Frame::Binary(vec![1, b'\n'].into()), Frame::Binary(vec![0].into())];
        assert_eq!(StreamFormat::Protobuf.chunk(&frames), &[1, b'\n', 0][..]);
    }
}
