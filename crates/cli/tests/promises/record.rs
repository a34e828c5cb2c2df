//! What a client has seen of a channel, checked as it arrives.

use std::collections::BTreeMap;

use serde_json::Value;

#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) epoch: String,
    pub(crate) offset: u64,
}

impl Position {
    /// The fields of an answer. An offset of 0 is left out.
    pub(crate) fn read(answer: &Value) -> Position {
        let epoch = answer.get("epoch").and_then(Value::as_str).unwrap_or_default();
        Position { epoch: epoch.to_owned(), offset: offset(answer) }
    }

    fn next(&self) -> Position {
        Position { epoch: self.epoch.clone(), offset: self.offset + 1 }
    }
}

fn offset(value: &Value) -> u64 {
    value.get("offset").and_then(Value::as_u64).unwrap_or(0)
}

/// A publication.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) position: Position,
    pub(crate) data: String,
}

impl Seen {
    pub(crate) fn read(publication: &Value, epoch: &str) -> Seen {
        let data = publication.get("data").and_then(Value::as_str).unwrap().to_owned();
        Seen { position: Position { epoch: epoch.to_owned(), offset: offset(publication) }, data }
    }
}

/// What a client has seen of one channel.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// How far the client has come. None before its first subscription.
    position: Option<Position>,
    /// Everything that it has seen, in order.
    pub(crate) seen: BTreeMap<Position, String>,
    /// How often it came back and missed nothing.
    pub(crate) recovered: u64,
    /// How often it was told that something is missing.
    pub(crate) losses: u64,
}

impl Record {
    pub(crate) fn position(&self) -> Option<&Position> {
        self.position.as_ref()
    }

    /// Whether the client has everything up to this position.
    pub(crate) fn has_reached(&self, goal: &Position) -> bool {
        self.position.as_ref().is_some_and(|here| here.epoch == goal.epoch && here.offset >= goal.offset)
    }

    /// The answer to a subscription.
    pub(crate) fn subscribed(&mut self, answer: &Value) {
        let is = |field| answer.get(field).and_then(Value::as_bool).unwrap_or(false);
        let now = Position::read(answer);
        if let Some(before) = &self.position {
            assert!(is("was_recovering"), "the server takes no notice of {before:?}: {answer}");
            if is("recovered") {
                assert_eq!(*before, now, "recovered from another position: {answer}");
                self.recovered += 1;
            } else {
                self.losses += 1;
            }
        }
        self.position = Some(now);
        for publication in answer.get("publications").and_then(Value::as_array).into_iter().flatten() {
            self.published(publication);
        }
    }

    /// A publication, which must be the next one.
    pub(crate) fn published(&mut self, publication: &Value) {
        let before = self.position.as_ref().unwrap();
        let Seen { position, data } = Seen::read(publication, &before.epoch);
        assert_eq!(position, before.next(), "after {before:?}: {publication}");
        self.seen.insert(position.clone(), data);
        self.position = Some(position);
    }
}
