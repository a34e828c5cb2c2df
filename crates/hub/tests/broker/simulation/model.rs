//! What the broker promises, kept in the plainest way: all that was ever published, and rules about it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use longwire_hub::{HistoryOptions, Joined, Millis, PublishOutcome, Recovery, Since, StreamPosition};

use crate::support::text;

/// One channel.
pub(crate) struct ModelChannel {
    pub(crate) history: HistoryOptions,
    /// Whether other channels' publications may push this one's out of history.
    pub(crate) may_give_way: bool,
    /// How much was published, with or without history.
    pub(crate) sequence: u64,
    /// Subscriptions.
    pub(crate) live: usize,
    /// Everything that was ever published with history, by epoch.
    archive: BTreeMap<Arc<str>, Vec<Entry>>,
    /// The epochs of the streams that are lost.
    lost: BTreeSet<Arc<str>>,
    /// The present stream, as far as it was seen.
    epoch: Option<Arc<str>>,
    removed: usize,
    last_use: Millis,
    keys: BTreeMap<String, (Option<StreamPosition>, Millis)>,
    version: Option<(u64, Millis)>,
    members: BTreeMap<String, (String, Millis)>,
}

#[derive(Clone)]
struct Entry {
    text: String,
    time: Millis,
}

impl ModelChannel {
    pub(crate) fn new(history: HistoryOptions, may_give_way: bool) -> ModelChannel {
        ModelChannel {
            history,
            may_give_way,
            sequence: 0,
            live: 0,
            archive: BTreeMap::new(),
            lost: BTreeSet::new(),
            epoch: None,
            removed: 0,
            last_use: Millis(0),
            keys: BTreeMap::new(),
            version: None,
            members: BTreeMap::new(),
        }
    }

    fn log(&self) -> &[Entry] {
        self.epoch.as_ref().and_then(|epoch| self.archive.get(epoch)).map_or(&[], Vec::as_slice)
    }

    fn top(&self) -> u64 {
        u64::try_from(self.log().len()).unwrap()
    }

    /// The text with this offset of that stream.
    pub(crate) fn text(&self, epoch: &Arc<str>, offset: u64) -> &str {
        &self.archive[epoch][usize::try_from(offset).unwrap() - 1].text
    }

    /// Time has come to `now`: the stream is lost if its position has expired.
    pub(crate) fn settle(&mut self, now: Millis) {
        let is_over = self.live == 0 && self.last_use + self.history.meta_ttl <= now;
        if is_over && self.top() > 0 {
            self.lose();
        }
    }

    /// The stream is lost.
    fn lose(&mut self) {
        self.lost.extend(self.epoch.take());
        self.removed = 0;
    }

    /// The process has died: nothing is kept.
    pub(crate) fn restart(&mut self) {
        self.lose();
        self.live = 0;
        (self.version, self.keys, self.members) = (None, BTreeMap::new(), BTreeMap::new());
    }

    /// The broker has told a position: it has to be that of the present stream, or of one that may have begun anew.
    pub(crate) fn see(&mut self, position: &StreamPosition, subscriptions: usize) {
        if self.epoch.as_ref() != Some(&position.epoch) {
            assert!(self.top() == 0, "a stream with publications was lost: {:?}", self.epoch);
            assert!(self.epoch.is_none() || subscriptions == 0, "an epoch changed under subscribers");
            assert!(!self.lost.contains(&position.epoch), "the epoch of a lost stream came back");
            self.epoch = Some(position.epoch.clone());
        }
        assert_eq!(position.offset, self.top());
    }

    pub(crate) fn published(
        &mut self,
        outcome: &PublishOutcome,
        text: &str,
        key: Option<&str>,
        version: Option<u64>,
        now: Millis,
    ) {
        let known = key.and_then(|key| self.keys.get(key)).filter(|(_, expiry)| *expiry > now);
        if let Some((position, _)) = known {
            assert_eq!((position, outcome.was_known), (&outcome.position, true), "the key is known");
            return;
        }
        let last = self.version.filter(|(_, expiry)| *expiry > now);
        let is_old = version.is_some_and(|version| last.is_some_and(|(last, _)| version <= last));
        assert_eq!(outcome.was_known, is_old, "version {version:?} after {last:?}");
        if let Some(key) = key {
            self.keys.insert(key.into(), (outcome.position.clone(), now + self.history.idempotency));
        }
        if is_old {
            return;
        }
        if let Some(version) = version {
            self.version = Some((version, now + self.history.meta_ttl));
        }
        self.sequence += 1;
        let Some(position) = &outcome.position else { return };
        let before = StreamPosition { offset: position.offset - 1, epoch: position.epoch.clone() };
        self.see(&before, self.live);
        self.last_use = now;
        let entry = Entry { text: text.to_owned(), time: now };
        self.archive.entry(position.epoch.clone()).or_default().push(entry);
    }

    pub(crate) fn used(&mut self, now: Millis) {
        self.last_use = now;
    }

    pub(crate) fn history_removed(&mut self) {
        self.removed = self.log().len();
    }

    /// How many of the newest publications have to be kept.
    pub(crate) fn kept(&self, now: Millis) -> usize {
        let mut bytes = 0;
        let log = self.log();
        let newest_first = log.iter().skip(self.removed).rev().take(self.history.size);
        let is_kept = |entry: &&Entry| {
            bytes += entry.text.len();
            bytes <= self.history.bytes && now < entry.time + self.history.ttl
        };
        newest_first.take_while(is_kept).count()
    }

    /// Somebody has subscribed: what is said of the past has to be true, and something has to be said if it could be.
    pub(crate) fn subscribed(&mut self, since: &Since, joined: &Joined, now: Millis) {
        if !self.history.is_kept() {
            assert!(!matches!(joined.recovery, Recovery::Recovered(_)));
            self.live += 1;
            return;
        }
        self.see(&joined.position, self.live);
        self.live += 1;
        self.last_use = now;
        let kept = u64::try_from(self.kept(now)).unwrap();
        let (first, is_recoverable) = match since {
            Since::Now => return assert!(matches!(joined.recovery, Recovery::NotAsked)),
            Since::Position { position, limit } => {
                let is_same = position.epoch == joined.position.epoch
                    || (position.epoch.is_empty() && position.offset == 0);
                let missed = self.top().checked_sub(position.offset);
                let is_within = |missed: u64| missed <= kept && usize::try_from(missed).unwrap() <= *limit;
                (position.offset + 1, is_same && missed.is_some_and(is_within))
            }
            Since::Newest { position } if position.as_ref() == Some(&joined.position) && self.top() > 0 => {
                (self.top() + 1, true)
            }
            Since::Newest { .. } => (self.top(), kept > 0),
        };
        match &joined.recovery {
            Recovery::Recovered(missed) => {
                assert!(is_recoverable, "{since:?} was recovered");
                let recovered = missed.iter().map(|publication| (publication.offset, text(publication)));
                let log =
                    (first..=self.top()).map(|offset| (offset, self.text(&joined.position.epoch, offset)));
                assert!(recovered.eq(log), "{since:?}: {missed:?}");
            }
            _ => assert!(!is_recoverable || self.may_give_way, "{since:?} was not recovered"),
        }
    }

    pub(crate) fn present(&mut self, client: &str, user: &str, expiry: Millis) {
        self.members.insert(client.into(), (user.into(), expiry));
    }

    pub(crate) fn absent(&mut self, client: &str) {
        self.members.remove(client);
    }

    /// The clients that are present, and the number of users.
    pub(crate) fn presence(&mut self, now: Millis) -> (Vec<String>, usize) {
        self.members.retain(|_, (_, expiry)| *expiry > now);
        let users: BTreeSet<&String> = self.members.values().map(|(user, _)| user).collect();
        (self.members.keys().cloned().collect(), users.len())
    }
}
