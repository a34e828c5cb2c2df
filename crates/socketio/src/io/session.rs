//! The namespaces of one client, without I/O.

use bytestring::ByteString;

/// The namespaces that a client has asked for. `S` is the socket of one.
#[derive(Debug)]
pub(super) struct Session<S> {
    namespaces: Vec<(ByteString, Standing<S>)>,
    limit: usize,
    is_closed: bool,
}

#[derive(Debug)]
enum Standing<S> {
    /// The namespace's middleware decides.
    Connecting,
    Joined(S),
    /// The server removed the client, which may have sent packets before it knew.
    Removed,
}

/// Where a packet of a client belongs.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Addressee<S> {
    Socket(S),
    /// The packet crossed its removal from the namespace.
    Removed,
    /// The client is not connected to the namespace.
    Invalid,
}

impl<S: Clone> Session<S> {
    pub(super) fn new(limit: usize) -> Session<S> {
        Session { namespaces: Vec::new(), limit, is_closed: false }
    }

    fn state(&mut self, name: &str) -> Option<&mut Standing<S>> {
        self.namespaces.iter_mut().find_map(|(other, state)| (*other == *name).then_some(state))
    }

    fn remove(&mut self, name: &str) -> Option<Standing<S>> {
        let place = self.namespaces.iter().position(|(other, _)| *other == *name)?;
        Some(self.namespaces.swap_remove(place).1)
    }

    /// The client asks for a namespace. `false`: it has joined it before, or has too many.
    #[must_use]
    pub(super) fn connect(&mut self, name: &ByteString) -> bool {
        let taken = self.namespaces.iter().filter(|(_, state)| !matches!(state, Standing::Removed)).count();
        if self.is_closed || taken >= self.limit {
            return false;
        }
        match self.state(name) {
            None => self.namespaces.push((name.clone(), Standing::Connecting)),
            Some(state @ Standing::Removed) => *state = Standing::Connecting,
            Some(Standing::Connecting | Standing::Joined(_)) => return false,
        }
        true
    }

    /// The client may join. `false`: it has gone in the meantime.
    #[must_use]
    pub(super) fn join(&mut self, name: &str, socket: S) -> bool {
        match self.state(name) {
            Some(state @ Standing::Connecting) => {
                *state = Standing::Joined(socket);
                true
            }
            _ => false,
        }
    }

    /// The client may not join. `false`: it has gone in the meantime.
    pub(super) fn refuse(&mut self, name: &str) -> bool {
        matches!(self.remove(name), Some(Standing::Connecting))
    }

    /// Whether the client is connected to a namespace.
    pub(super) fn is_idle(&self) -> bool {
        !self.namespaces.iter().any(|(_, state)| matches!(state, Standing::Joined(_)))
    }

    pub(super) fn find(&mut self, name: &str) -> Addressee<S> {
        match self.state(name) {
            Some(Standing::Joined(socket)) => Addressee::Socket(socket.clone()),
            Some(Standing::Removed) => Addressee::Removed,
            Some(Standing::Connecting) | None => Addressee::Invalid,
        }
    }

    /// The client leaves a namespace.
    pub(super) fn leave(&mut self, name: &str) -> Addressee<S> {
        match self.find(name) {
            Addressee::Socket(socket) => {
                self.remove(name);
                Addressee::Socket(socket)
            }
            other => other,
        }
    }

    /// The server removes the client from a namespace.
    pub(super) fn expel(&mut self, name: &str) {
        if let Some(state @ Standing::Joined(_)) = self.state(name) {
            *state = Standing::Removed;
        }
    }

    /// The connection has ended: returns all sockets.
    pub(super) fn close(&mut self) -> Vec<S> {
        self.is_closed = true;
        let namespaces = std::mem::take(&mut self.namespaces);
        let socket = |(_, state)| match state {
            Standing::Joined(socket) => Some(socket),
            Standing::Connecting | Standing::Removed => None,
        };
        namespaces.into_iter().filter_map(socket).collect()
    }
}
