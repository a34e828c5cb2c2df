//! The engine: streams that all nodes share, and everything that was ever published, for judging.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use longwire_hub::{
    BrokerError, ChannelName, Data, HistoryOptions, HistoryPage, HistoryQuery, Millis, NewPublication,
    Publication, PublishOutcome, StreamPosition,
};

/// A stream, of which the newest publications are kept.
struct Stream {
    epoch: Arc<str>,
    top: u64,
    kept: Vec<Arc<Publication>>,
}

#[derive(Default)]
pub(crate) struct Engine {
    streams: BTreeMap<ChannelName, Stream>,
    epochs: u64,
    /// Whether it answers.
    pub(crate) is_down: bool,
    /// The channels of a part that does not answer. Only questions for presence are refused.
    pub(crate) unreachable: BTreeSet<ChannelName>,
    /// What was published in each stream, by its epoch, in the order of offsets.
    archive: BTreeMap<Arc<str>, Vec<String>>,
    /// What was published without history.
    pub(crate) outside: Vec<(ChannelName, String)>,
}

pub(crate) fn text(publication: &Publication) -> String {
    String::from_utf8(publication.data.as_bytes().to_vec()).unwrap()
}

pub(crate) fn history(size: usize) -> HistoryOptions {
    let mut history = HistoryOptions::default();
    (history.size, history.ttl) = (size, Duration::from_secs(600));
    history
}

impl Engine {
    fn stream(&mut self, channel: &ChannelName) -> &mut Stream {
        let epochs = &mut self.epochs;
        self.streams.entry(channel.clone()).or_insert_with(|| {
            *epochs += 1;
            Stream { epoch: format!("e{epochs}").into(), top: 0, kept: Vec::new() }
        })
    }

    pub(crate) fn publish(
        &mut self,
        channel: &ChannelName,
        new: &NewPublication,
        options: &HistoryOptions,
    ) -> (Publication, PublishOutcome) {
        let data: Data = new.data.clone();
        let (info, tags) = (None, BTreeMap::new());
        let mut publication = Publication { offset: 0, data, info, tags, time: Millis(0) };
        let words = text(&publication);
        if !options.is_kept() {
            self.outside.push((channel.clone(), words));
            return (publication, PublishOutcome { position: None, was_known: false });
        }
        let stream = self.stream(channel);
        stream.top += 1;
        publication.offset = stream.top;
        stream.kept.push(Arc::new(publication.clone()));
        let excess = stream.kept.len().saturating_sub(options.size);
        stream.kept.drain(..excess);
        let position = StreamPosition { offset: stream.top, epoch: stream.epoch.clone() };
        self.archive.entry(position.epoch.clone()).or_default().push(words);
        (publication, PublishOutcome { position: Some(position), was_known: false })
    }

    pub(crate) fn history(
        &mut self,
        channel: &ChannelName,
        query: &HistoryQuery,
    ) -> Result<HistoryPage, BrokerError> {
        let stream = self.stream(channel);
        let since = query.since.as_ref();
        if since.is_some_and(|since| !since.epoch.is_empty() && since.epoch != stream.epoch) {
            return Err(BrokerError::UnrecoverablePosition);
        }
        let after = since.map_or(0, |since| since.offset);
        let kept = stream.kept.iter().cloned();
        let publications = match query.reverse {
            true => kept.rev().take(query.limit).collect(),
            false => kept.filter(|publication| publication.offset > after).take(query.limit).collect(),
        };
        let position = StreamPosition { offset: stream.top, epoch: stream.epoch.clone() };
        Ok(HistoryPage { publications, position })
    }

    /// A node that is alone has taken this.
    pub(crate) fn note(&mut self, channel: &ChannelName, position: Option<&StreamPosition>, text: String) {
        let Some(StreamPosition { offset, epoch }) = position else {
            return self.outside.push((channel.clone(), text));
        };
        let texts = self.archive.entry(epoch.clone()).or_default();
        texts.push(text);
        assert_eq!(u64::try_from(texts.len()), Ok(*offset), "{channel}: {epoch} is a stream of its own");
    }

    /// What is kept is forgotten. The position stays.
    pub(crate) fn trim(&mut self, channel: &ChannelName) {
        self.stream(channel).kept.clear();
    }

    /// The newest publications are forgotten.
    pub(crate) fn cut_back(&mut self, channel: &ChannelName, top: u64) {
        let stream = self.stream(channel);
        stream.top = top;
        stream.kept.retain(|publication| publication.offset <= top);
    }

    /// The stream is forgotten.
    pub(crate) fn forget(&mut self, channel: &ChannelName) {
        self.streams.remove(channel);
    }

    pub(crate) fn position(&mut self, channel: &ChannelName) -> StreamPosition {
        let stream = self.stream(channel);
        StreamPosition { offset: stream.top, epoch: stream.epoch.clone() }
    }

    /// The text at a position, if something was ever published there.
    pub(crate) fn text(&self, epoch: &str, offset: u64) -> Option<&str> {
        let place = usize::try_from(offset.checked_sub(1)?).unwrap();
        self.archive.get(epoch)?.get(place).map(String::as_str)
    }

    /// Whether everything after a position is kept.
    pub(crate) fn keeps_all_after(&mut self, channel: &ChannelName, position: &StreamPosition) -> bool {
        let stream = self.stream(channel);
        let is_unnamed = position.offset == 0 && position.epoch.is_empty();
        let missed = stream.top.checked_sub(position.offset);
        let kept = u64::try_from(stream.kept.len()).unwrap();
        (stream.epoch == position.epoch || is_unnamed) && missed.is_some_and(|missed| missed <= kept)
    }
}
