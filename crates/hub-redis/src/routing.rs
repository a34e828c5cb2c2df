//! Which server a topic belongs to.

use std::sync::Arc;

use crate::link::Link;
use crate::topic::Topic;

/// The number of hash slots of a Cluster.
pub(crate) const SLOTS: usize = 16_384;

/// The servers, and what belongs to each.
#[derive(Debug)]
pub(crate) struct Routing {
    pub(crate) links: Vec<Arc<Link>>,
    pub(crate) owners: Owners,
}

/// What belongs to which server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Owners {
    /// A topic belongs to the server that has the highest weight for it.
    Weighed,
    /// The index of the server of each hash slot.
    Slots(Vec<Option<u16>>),
}

impl Routing {
    pub(crate) fn link(&self, topic: &Topic) -> Option<&Arc<Link>> {
        if let ([only], Owners::Weighed) = (&*self.links, &self.owners) {
            return Some(only);
        }
        let tag = topic.tag();
        match &self.owners {
            Owners::Weighed => self.links.iter().max_by_key(|link| weight(&link.server().to_string(), &tag)),
            Owners::Slots(owners) => self.links.get(usize::from((*owners.get(slot(&tag))?)?)),
        }
    }

    pub(crate) fn is_same(&self, other: &Routing) -> bool {
        let has_same_links = self.links.len() == other.links.len()
            && self.links.iter().zip(&other.links).all(|(one, other)| Arc::ptr_eq(one, other));
        has_same_links && self.owners == other.owners
    }
}

/// The hash slot of a tag: CRC-16/XMODEM of it, as the specification of Redis Cluster says.
fn slot(tag: &str) -> usize {
    let step =
        |crc: u16, byte: u8| {
            (0..8).fold(crc ^ u16::from(byte) << 8, |crc, _| {
                if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x1021 }
            })
        };
    usize::from(tag.bytes().fold(0, step)) % SLOTS
}

/// The weight of a server for a tag (rendezvous hashing). All nodes of all versions must agree on it.
fn weight(server: &str, tag: &str) -> u64 {
    mixed(fnv(server) ^ fnv(tag).rotate_left(32))
}

/// FNV-1a.
pub(crate) fn fnv(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The last step of splitmix64, by which each bit of the input changes half of the bits.
fn mixed(mut bits: u64) -> u64 {
    bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ bits >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_those_of_the_specification() {
        // `CLUSTER KEYSLOT` says these.
        assert_eq!([slot("123456789"), slot("foo"), slot("somekey")], [12_739, 12_182, 11_058]);
    }

    #[test]
    fn another_server_takes_over_only_its_share() {
        let servers = ["redis://a:6379", "redis://b:6379", "redis://c:6379"];
        let owner = |servers: &[&'static str], tag: &str| {
            *servers.iter().max_by_key(|server| weight(server, tag)).unwrap()
        };
        let mut counts = [0; 3];
        for number in 0..3_000 {
            let tag = format!("channel{number}");
            let before = owner(&servers[..2], &tag);
            let after = owner(&servers, &tag);
            assert!(after == before || after == servers[2]);
            counts[servers.iter().position(|server| *server == after).unwrap()] += 1;
        }
        assert!(counts.iter().all(|count| (900..=1_100).contains(count)), "{counts:?}");
    }
}
