//! What the connections of one thread expect to receive.

use std::sync::Arc;

use crate::series::{Coding, Kind, Series};

/// The replies of a series, and their frames.
#[derive(Debug)]
pub(crate) struct Expected {
    series: Arc<Series>,
    /// The bytes of each reply that arrives as one frame. Where the server compresses, they are learned from the first
    /// one: most servers compress a message the same way each time.
    frames: Vec<Vec<u8>>,
}

impl Expected {
    pub(crate) fn new(series: Arc<Series>) -> Expected {
        let frames = (0..series.count()).map(|number| series.reply_bytes(number)).collect();
        Expected { series, frames }
    }

    /// The bytes by which this message would arrive, or none if they are not known.
    pub(crate) fn bytes(&self, number: usize) -> &[u8] {
        self.frames.get(number).map(Vec::as_slice).unwrap_or_default()
    }

    pub(crate) fn message(&self, number: usize) -> &[u8] {
        self.series.reply(number)
    }

    /// Whether so many bytes are the whole message, of the right type.
    pub(crate) fn is_whole(&self, number: usize, length: usize, is_text: bool) -> bool {
        length == self.message(number).len() && is_text == (self.series.kind() == Kind::Text)
    }

    /// The message behind this one.
    pub(crate) fn after(&self, number: usize) -> usize {
        self.series.after(number)
    }

    /// The length of the message before this one, in bytes.
    pub(crate) fn length_before(&self, number: usize) -> usize {
        let before = number.checked_sub(1).unwrap_or_else(|| self.series.count().saturating_sub(1));
        self.message(before).len()
    }

    /// Remembers the bytes by which this message arrived.
    pub(crate) fn learn(&mut self, number: usize, bytes: &[u8]) {
        if self.series.coding() == Coding::Deflate
            && let Some(frame) = self.frames.get_mut(number)
        {
            bytes.clone_into(frame);
        }
    }

    pub(crate) fn series(&self) -> &Arc<Series> {
        &self.series
    }
}
