//! Limits how often a client may try to sign in.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::serve::client_network::Ipv6Prefix;

/// After so many failures in a row, the next try has to wait.
const IN_A_ROW: u32 = 10;

/// One more try is allowed after this time.
const EVERY: Duration = Duration::from_secs(6);

/// The addresses that are counted one by one. When there are more, the others are counted together.
const ADDRESSES: usize = 4_096;

/// The tries of each address, of IPv6 of each network.
#[derive(Debug)]
pub(super) struct Tries {
    ipv6_prefix: Ipv6Prefix,
    counted: Mutex<FailuresByNetwork>,
}

#[derive(Debug, Default)]
struct FailuresByNetwork {
    by_network: HashMap<IpAddr, Failures>,
    /// Those of all addresses for which there was no room, and of Unix sockets.
    others: Failures,
}

/// The failures of a client that still count.
#[derive(Debug, Clone, Copy, Default)]
struct Failures {
    /// When all tries are allowed again.
    all_at: Option<Instant>,
}

impl Tries {
    pub(super) fn new(ipv6_prefix: Ipv6Prefix) -> Tries {
        Tries { ipv6_prefix, counted: Mutex::default() }
    }

    /// Takes a try of a client, or says how long to wait for one.
    pub(super) fn take(&self, client: Option<IpAddr>, now: Instant) -> Result<(), Duration> {
        let network = client.map(|ip| self.ipv6_prefix.network(ip));
        let mut counted = self.lock();
        counted.make_room(network, now);
        match network {
            Some(network) if counted.by_network.contains_key(&network) || counted.has_room() => {
                counted.by_network.entry(network).or_default().take(now)
            }
            _ => counted.others.take(now),
        }
    }

    /// Gives back a try that was no failure.
    pub(super) fn give_back(&self, client: Option<IpAddr>) {
        let network = client.map(|ip| self.ipv6_prefix.network(ip));
        let mut counted = self.lock();
        match network.and_then(|network| counted.by_network.get_mut(&network)) {
            Some(failures) => failures.give_back(),
            None => counted.others.give_back(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, FailuresByNetwork> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl FailuresByNetwork {
    fn has_room(&self) -> bool {
        self.by_network.len() < ADDRESSES
    }

    /// Forgets addresses without failures, if there is no room for this one.
    fn make_room(&mut self, network: Option<IpAddr>, now: Instant) {
        let is_new = network.is_some_and(|network| !self.by_network.contains_key(&network));
        if is_new && !self.has_room() {
            self.by_network.retain(|_, failures| failures.all_at.is_some_and(|at| at > now));
        }
    }
}

impl Failures {
    fn take(&mut self, now: Instant) -> Result<(), Duration> {
        let earliest = self.all_at.map_or(now, |at| at.max(now));
        let wait = earliest.duration_since(now);
        let most = EVERY * (IN_A_ROW - 1);
        if wait > most {
            return Err(wait - most);
        }
        self.all_at = Some(earliest + EVERY);
        Ok(())
    }

    fn give_back(&mut self) {
        self.all_at = self.all_at.and_then(|at| at.checked_sub(EVERY));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tries() -> Tries {
        Tries::new(Ipv6Prefix(64))
    }

    fn client(ip: &str) -> Option<IpAddr> {
        Some(ip.parse().unwrap())
    }

    /// Whether a client may still try, after it has used up its tries.
    fn use_up(tries: &Tries, client: Option<IpAddr>, now: Instant) -> bool {
        (0..IN_A_ROW).all(|_| tries.take(client, now).is_ok())
    }

    #[test]
    fn after_some_failures_guessing_is_slow() {
        let (tries, start, ann) = (tries(), Instant::now(), client("192.0.2.1"));
        assert!(use_up(&tries, ann, start));
        assert_eq!(tries.take(ann, start), Err(EVERY));
        let later = start + EVERY;
        assert_eq!(tries.take(ann, later), Ok(()));
        assert_eq!(tries.take(ann, later), Err(EVERY));
        let much_later = start + 1_000 * EVERY;
        assert!(use_up(&tries, ann, much_later));
        assert!(tries.take(ann, much_later).is_err());
    }

    #[test]
    fn who_knows_the_password_needs_no_patience() {
        let (tries, now) = (tries(), Instant::now());
        for client in [client("192.0.2.1"), None] {
            for _ in 0..100 {
                assert_eq!(tries.take(client, now), Ok(()));
                tries.give_back(client);
            }
        }
    }

    #[test]
    fn each_address_has_its_own_tries_and_each_ipv6_network() {
        let (tries, now) = (tries(), Instant::now());
        for (guesses, same, other) in [
            ("192.0.2.1", "::ffff:192.0.2.1", "192.0.2.2"),
            ("2001:db8::1", "2001:db8::ffff", "2001:db8:0:1::1"),
        ] {
            assert!(use_up(&tries, client(guesses), now));
            assert!(tries.take(client(same), now).is_err());
            assert_eq!(tries.take(client(other), now), Ok(()));
        }
        assert_eq!(tries.take(None, now), Ok(()), "a Unix socket");
    }

    #[test]
    fn many_addresses_take_no_more_memory_and_together_get_no_more_tries() {
        let (tries, now) = (tries(), Instant::now());
        let address = |number: usize| Some(IpAddr::from(u32::try_from(number).unwrap().to_be_bytes()));
        let ok = (0..10 * ADDRESSES).filter(|number| tries.take(address(*number), now).is_ok()).count();
        assert_eq!(ok, ADDRESSES + usize::try_from(IN_A_ROW).unwrap());
        assert_eq!(tries.lock().by_network.len(), ADDRESSES);
        assert_eq!(tries.take(address(0), now), Ok(()), "it is counted by itself");
        // Those that have not failed for a while give way.
        assert_eq!(tries.take(address(20 * ADDRESSES), now + 2 * EVERY), Ok(()));
        assert_eq!(tries.lock().by_network.len(), 1);
    }
}
