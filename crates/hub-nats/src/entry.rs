//! What is written into messages. Nodes of different versions read one another's: a field is only ever added.

use bytes::Bytes;
use longwire_hub::StreamPosition;

/// How many predecessors an entry names. A reader gets so many publications in two round trips, and each takes some
/// three bytes.
const LINKS: usize = 32;

/// A message of a channel: something that has happened, or only the state of its stream.
///
/// The newest entry of a stream is all that a publisher has to know: it says what the next one is, and NATS takes that
/// only if no other came in between.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Entry {
    /// The offset of the newest publication, which is this one if there is a record. 0 without history.
    #[prost(uint64, tag = "1")]
    pub(crate) offset: u64,
    /// Names the stream; empty without history.
    #[prost(string, tag = "2")]
    pub(crate) epoch: String,
    /// When it was written, in milliseconds since the Unix epoch.
    #[prost(uint64, tag = "3")]
    pub(crate) time: u64,
    /// The length of all publications before this one, in bytes.
    #[prost(uint64, tag = "4")]
    pub(crate) before: u64,
    /// The length of this publication, in bytes.
    #[prost(uint64, tag = "5")]
    pub(crate) len: u64,
    /// Publications up to this offset were removed.
    #[prost(uint64, tag = "6")]
    pub(crate) removed: u64,
    #[prost(message, optional, tag = "7")]
    pub(crate) version: Option<VersionEntry>,
    /// The sequences of the publications before the next one, from new to old, each but the first as the difference to
    /// the one before. An entry with a record does not know its own sequence, and begins with its predecessor.
    #[prost(uint64, repeated, tag = "8")]
    links: Vec<u64>,
    /// The [`Record`](longwire_hub::Record).
    #[prost(bytes = "bytes", optional, tag = "9")]
    pub(crate) record: Option<Bytes>,
}

/// The last version that was published to a channel.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct VersionEntry {
    #[prost(uint64, tag = "1")]
    pub(crate) version: u64,
    #[prost(string, tag = "2")]
    pub(crate) epoch: String,
    /// When it is forgotten, in milliseconds since the Unix epoch.
    #[prost(uint64, tag = "3")]
    pub(crate) expiry: u64,
}

/// The answer to the first publication with an idempotency key.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct KeyEntry {
    /// The offset; 0 without history.
    #[prost(uint64, tag = "1")]
    pub(crate) offset: u64,
    #[prost(string, tag = "2")]
    pub(crate) epoch: String,
    /// When it is forgotten, in milliseconds since the Unix epoch.
    #[prost(uint64, tag = "3")]
    pub(crate) expiry: u64,
}

/// A client that is present.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct PresenceEntry {
    /// The [`Record::Join`](longwire_hub::Record::Join) of the client.
    #[prost(bytes = "bytes", tag = "1")]
    pub(crate) record: Bytes,
    /// Until when it is present, in milliseconds since the Unix epoch.
    #[prost(uint64, tag = "2")]
    pub(crate) expiry: u64,
    /// Whether its leave is announced when its time is over.
    #[prost(bool, tag = "3")]
    pub(crate) announce: bool,
}

/// A publication that is to follow.
pub(crate) struct Next {
    pub(crate) record: Bytes,
    pub(crate) len: u64,
    pub(crate) time: u64,
    pub(crate) version: Option<VersionEntry>,
}

/// The newest entry of a stream, without its record.
#[derive(Debug, Clone)]
pub(crate) struct Newest {
    pub(crate) entry: Entry,
    /// The sequence of its message; 0 if there is none.
    pub(crate) sequence: u64,
    is_publication: bool,
}

impl Entry {
    /// Something that is not part of a stream.
    pub(crate) fn passing(record: Bytes) -> Entry {
        Entry { record: Some(record), ..Entry::default() }
    }

    pub(crate) fn position(&self) -> Option<StreamPosition> {
        (self.offset > 0).then(|| StreamPosition { offset: self.offset, epoch: self.epoch.as_str().into() })
    }

    /// The offset and the sequence of each predecessor that is named, from new to old.
    pub(crate) fn predecessors(&self) -> impl Iterator<Item = (u64, u64)> {
        let newest = self.offset - u64::from(self.record.is_some()).min(self.offset);
        offsets_down_from(newest).zip(sequences(&self.links))
    }
}

impl Newest {
    /// A stream that has not begun.
    pub(crate) fn unwritten(epoch: String) -> Newest {
        Newest { entry: Entry { epoch, ..Entry::default() }, sequence: 0, is_publication: false }
    }

    pub(crate) fn new(mut entry: Entry, sequence: u64) -> Newest {
        let is_publication = entry.record.take().is_some();
        Newest { entry, sequence, is_publication }
    }

    pub(crate) fn position(&self) -> StreamPosition {
        StreamPosition { offset: self.entry.offset, epoch: self.entry.epoch.as_str().into() }
    }

    /// The length of all publications so far, in bytes.
    pub(crate) fn total(&self) -> u64 {
        self.entry.before.saturating_add(self.entry.len)
    }

    /// Whether this version or a higher one of the same epoch was published. An empty epoch is compared with any.
    pub(crate) fn covers(&self, version: u64, epoch: &str, now: u64) -> bool {
        self.entry.version.as_ref().is_some_and(|last| last.covers(version, epoch, now))
    }

    /// The entry of the next publication.
    pub(crate) fn followed_by(&self, next: Next) -> Entry {
        Entry {
            offset: self.entry.offset.saturating_add(1),
            time: next.time,
            before: self.total(),
            len: next.len,
            version: next.version.or_else(|| self.entry.version.clone()),
            links: links(self.publications().map(|(_, sequence)| sequence)),
            record: Some(next.record),
            epoch: self.entry.epoch.clone(),
            removed: self.entry.removed,
        }
    }

    /// An entry that keeps the state and has no publication.
    pub(crate) fn renewed(&self, time: u64) -> Entry {
        let links = links(self.publications().map(|(_, sequence)| sequence));
        Entry { time, before: self.total(), len: 0, links, ..self.entry.clone() }
    }

    /// The same, after which no publication is kept.
    pub(crate) fn emptied(&self, time: u64) -> Entry {
        Entry { removed: self.entry.offset, links: Vec::new(), ..self.renewed(time) }
    }

    /// The offset and the sequence of the newest publications, from new to old.
    pub(crate) fn publications(&self) -> impl Iterator<Item = (u64, u64)> {
        let own = self.is_publication.then_some((self.entry.offset, self.sequence));
        let newest = self.entry.offset - u64::from(self.is_publication).min(self.entry.offset);
        own.into_iter().chain(offsets_down_from(newest).zip(sequences(&self.entry.links)))
    }
}

impl VersionEntry {
    pub(crate) fn covers(&self, version: u64, epoch: &str, now: u64) -> bool {
        self.expiry > now && (epoch.is_empty() || epoch == self.epoch) && version <= self.version
    }
}

fn offsets_down_from(newest: u64) -> impl Iterator<Item = u64> {
    (1..=newest).rev()
}

fn links(sequences: impl Iterator<Item = u64>) -> Vec<u64> {
    let mut newer = None;
    let difference = |sequence: u64| match newer.replace(sequence) {
        None => sequence,
        Some(newer) => u64::saturating_sub(newer, sequence),
    };
    sequences.take(LINKS).map(difference).collect()
}

fn sequences(links: &[u64]) -> impl Iterator<Item = u64> {
    let mut newer: Option<u64> = None;
    links.iter().map(move |link| {
        let sequence = newer.map_or(*link, |newer| newer.saturating_sub(*link));
        newer = Some(sequence);
        sequence
    })
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;

    fn published(newest: &Newest, sequence: u64) -> Newest {
        let next = Next { record: Bytes::from_static(b"r"), len: 3, time: 7, version: None };
        Newest::new(newest.followed_by(next), sequence)
    }

    #[test]
    fn an_entry_names_its_predecessors() {
        let mut newest = Newest::unwritten("e".to_owned());
        for offset in 1..=40 {
            newest = published(&newest, offset * 5);
        }
        let last: Vec<_> = newest.publications().collect();
        assert_eq!(last.len(), 33);
        assert_eq!((last[0], last[1], last[32]), ((40, 200), (39, 195), (8, 40)));
        assert_eq!(newest.total(), 120);

        let renewed = Newest::new(newest.renewed(9), 300);
        assert_eq!(renewed.publications().next(), Some((40, 200)));
        assert_eq!((renewed.total(), renewed.position()), (120, newest.position()));
        let next = published(&renewed, 301);
        assert_eq!(next.publications().take(2).collect::<Vec<_>>(), [(41, 301), (40, 200)]);

        let emptied = Newest::new(newest.emptied(9), 302);
        assert_eq!(emptied.publications().count(), 0);
        assert_eq!(published(&emptied, 303).publications().collect::<Vec<_>>(), [(41, 303)]);
    }

    #[test]
    fn what_no_node_writes_names_nothing_that_cannot_be() {
        let strange =
            Entry { offset: 1, links: vec![5, 9, 9], record: Some(Bytes::new()), ..Entry::default() };
        assert_eq!(strange.predecessors().count(), 0);
        let strange = Entry { offset: 2, links: vec![5, 9, 9], ..Entry::default() };
        assert_eq!(strange.predecessors().collect::<Vec<_>>(), [(2, 5), (1, 0)]);
        assert!(Entry::decode(&b"\xff\xff"[..]).is_err());
    }

    #[test]
    fn a_version_is_forgotten_in_time() {
        let version = VersionEntry { version: 5, epoch: "a".to_owned(), expiry: 100 };
        assert!(version.covers(5, "a", 99) && version.covers(4, "", 99));
        assert!(!version.covers(6, "a", 99) && !version.covers(5, "b", 99) && !version.covers(5, "a", 100));
    }
}
