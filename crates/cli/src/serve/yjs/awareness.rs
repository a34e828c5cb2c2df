//! Who is at a document, and where: a state for each client, which is forgotten when the client goes.

use std::collections::BTreeMap;

use longwire::SocketId;

use super::lib0::{Lib0Reader, MalformedUpdate, write_bytes, write_count, write_number};

/// Bounds on what clients may say of themselves.
const MOST_STATES: usize = 1_024;
const MOST_PER_CONNECTION: usize = 16;
const MOST_BYTES: usize = 16 << 10;

const NOBODY: &str = "null";

#[derive(Debug, Default)]
pub(super) struct Awareness(BTreeMap<u64, AwarenessState>);

#[derive(Debug)]
struct AwarenessState {
    clock: u64,
    json: Box<str>,
    /// The connection that said it last. A client that comes back says it on its new one before the old one ends.
    said_by: SocketId,
}

impl Awareness {
    /// Takes what a connection says. Returns whether anything is new.
    pub(super) fn apply(&mut self, update: &[u8], said_by: SocketId) -> Result<bool, MalformedUpdate> {
        let mut reader = Lib0Reader::new(update);
        let mut is_new = false;
        for _ in 0..reader.count()? {
            let (client, clock, json) = (reader.number()?, reader.number()?, reader.text()?);
            if json.len() > MOST_BYTES {
                return Err(MalformedUpdate("an awareness state is too long"));
            }
            let known = self.0.get(&client).map(|state| state.clock);
            let is_gone = json == NOBODY;
            if known.is_some_and(|known| clock < known || (clock == known && !is_gone)) {
                continue;
            }
            if is_gone {
                is_new |= self.0.remove(&client).is_some();
                continue;
            }
            let said = self.0.values().filter(|state| state.said_by == said_by).count();
            if known.is_none() && (self.0.len() >= MOST_STATES || said >= MOST_PER_CONNECTION) {
                return Err(MalformedUpdate("there are too many awareness states"));
            }
            self.0.insert(client, AwarenessState { clock, json: json.into(), said_by });
            is_new = true;
        }
        Ok(is_new)
    }

    /// An update with all states, if there are any.
    pub(super) fn all(&self) -> Option<Vec<u8>> {
        let states = self.0.iter().map(|(client, state)| (*client, state.clock, &*state.json));
        (!self.0.is_empty()).then(|| write(states.collect()))
    }

    /// Forgets what a connection said that has ended. Returns the update that says so, if it said something.
    pub(super) fn leave(&mut self, gone: SocketId) -> Option<Vec<u8>> {
        let of = |state: &AwarenessState| state.said_by == gone;
        let left = self.0.iter().filter(|(_, state)| of(state));
        let left: Vec<_> = left.map(|(client, state)| (*client, state.clock + 1, NOBODY)).collect();
        self.0.retain(|_, state| !of(state));
        (!left.is_empty()).then(|| write(left))
    }
}

fn write(states: Vec<(u64, u64, &str)>) -> Vec<u8> {
    let mut out = Vec::new();
    write_count(&mut out, states.len());
    for (client, clock, json) in states {
        write_number(&mut out, client);
        write_number(&mut out, clock);
        write_bytes(&mut out, json.as_bytes());
    }
    out
}
