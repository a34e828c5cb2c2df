//! Log entries that wait until a lock is released.

use longwire_proto::Event;

/// Log entries to write later. A connection has them only from one step to the next.
#[derive(Debug, Default)]
pub(crate) struct Notes(Vec<Note>);

/// A deferred log entry.
#[derive(Debug)]
pub(super) enum Note {
    /// A control frame has arrived.
    Received(String),
    Shed,
}

impl Notes {
    /// Adds one to the notes of a connection, if it has any.
    #[cold]
    pub(super) fn add(notes: &mut Option<Box<Notes>>, note: Note) {
        notes.get_or_insert_default().0.push(note);
    }

    pub(crate) fn log(&self) {
        self.0.iter().for_each(Note::log);
    }
}

impl Note {
    /// `#[cold]`: this is not part of the work for each message.
    #[cold]
    pub(super) fn received(event: &Event<'_>) -> Note {
        Note::Received(format!("{event:?}"))
    }

    fn log(&self) {
        match self {
            Note::Received(event) => tracing::trace!(%event, "received"),
            Note::Shed => {
                tracing::debug!(
                    "closing this connection, because all connections together exceed the memory limit"
                );
            }
        }
    }
}
