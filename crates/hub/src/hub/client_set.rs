//! A set of clients that takes little memory while it has one.

use std::collections::BTreeSet;

use crate::uuid::Uuid;

/// Some clients, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ClientSet {
    /// Most users have one client, and most channels one subscriber.
    One(Uuid),
    Many(BTreeSet<Uuid>),
}

impl ClientSet {
    pub(super) fn len(&self) -> usize {
        match self {
            ClientSet::One(_) => 1,
            ClientSet::Many(clients) => clients.len(),
        }
    }

    pub(super) fn insert(&mut self, client: Uuid) {
        match self {
            ClientSet::One(one) => *self = ClientSet::Many(BTreeSet::from([*one, client])),
            ClientSet::Many(clients) => {
                clients.insert(client);
            }
        }
    }

    /// Removes a client. Says whether none is left.
    pub(super) fn remove(&mut self, client: Uuid) -> bool {
        match self {
            ClientSet::One(one) => *one == client,
            ClientSet::Many(clients) => {
                clients.remove(&client);
                clients.is_empty()
            }
        }
    }

    /// Takes out some of the clients, at most so many. `None` when none is left.
    pub(super) fn take_some(&mut self, count: usize) -> Option<Vec<Uuid>> {
        let clients = match self {
            ClientSet::One(one) => {
                let one = *one;
                *self = ClientSet::Many(BTreeSet::new());
                vec![one]
            }
            ClientSet::Many(clients) => std::iter::from_fn(|| clients.pop_first()).take(count).collect(),
        };
        (!clients.is_empty()).then_some(clients)
    }

    pub(super) fn all(&self) -> BTreeSet<Uuid> {
        match self {
            ClientSet::One(one) => BTreeSet::from([*one]),
            ClientSet::Many(clients) => clients.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clients_of_a_set_are_all_that_were_added_and_not_removed() {
        let [a, b, c] = [1, 2, 3].map(|byte| Uuid::from_random([byte; 16]));
        let mut clients = ClientSet::One(a);
        assert!(!clients.remove(b), "it is not among them");
        clients.insert(b);
        clients.insert(c);
        clients.insert(c);
        assert_eq!((clients.len(), clients.all()), (3, BTreeSet::from([a, b, c])));
        assert!(!clients.remove(a) && !clients.remove(c));
        assert_eq!((clients.len(), clients.all()), (1, BTreeSet::from([b])));
        assert!(clients.remove(b));
        assert!(ClientSet::One(a).remove(a));
    }
}
