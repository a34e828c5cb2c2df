//! Counts connections: in total, per network, and per phase.

use std::collections::HashMap;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::peer_address::PeerAddress;
use crate::telemetry::phase::Phase;

/// How many clients that have seen the end of their connection may give up their places before they end their own
/// side. Further ones keep their places until then, since each uses a descriptor.
const LEAVING_AT_A_TIME: usize = 64;

/// How many leading bits of an IPv6 address identify a client by default.
pub(crate) const IPV6_PREFIX: u8 = 64;

/// The number of bits in an IPv6 address.
pub(crate) const IPV6_BITS: u8 = 128;

/// Counts connections and enforces their limits. A connection counts from the moment it is accepted, before its
/// handshake.
#[derive(Debug)]
pub(crate) struct Census {
    pub(crate) ceiling: usize,
    pub(crate) ceiling_per_ip: usize,
    /// How many leading bits of an IPv6 address identify a client.
    ipv6_prefix: u8,
    count: Mutex<Count>,
    phases: [AtomicUsize; Phase::ALL.len()],
}

#[derive(Debug, Default)]
struct Count {
    total: usize,
    by_network: HashMap<IpAddr, usize>,
    leaving: usize,
}

/// Counts a connection until it is dropped. An owner of both a place and a transport must drop the place first: a
/// client that sees the end may reconnect at once.
#[derive(Debug)]
pub(crate) struct Place {
    census: Arc<Census>,
    /// The address of the client, as far as it is known.
    peer: PeerAddress,
    claim: Claim,
    phase: Phase,
}

/// How a connection is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Claim {
    /// It counts towards the limits, also for the network of the client's address.
    Counted,
    /// It counts towards the limits, but for no network: its address may be any client's, or is unknown.
    CountedInTotal,
    /// The client has seen the end, so another client may have its place.
    Leaving,
    /// It exceeds a limit, so it counts only in its phase.
    Outside,
}

/// The limit that a connection exceeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    Total,
    PerIp,
}

/// A connection that exceeds a limit.
#[derive(Debug)]
pub(crate) struct TurnedAway {
    pub(crate) why: Full,
    /// Counts it in its phase while it is being refused.
    pub(crate) place: Place,
}

impl Census {
    pub(crate) fn new(ceiling: usize, ceiling_per_ip: usize) -> Census {
        let (count, phases) = (Mutex::default(), Default::default());
        Census { ceiling, ceiling_per_ip, ipv6_prefix: IPV6_PREFIX, count, phases }
    }

    /// Sets how many leading bits of an IPv6 address identify a client.
    pub(crate) fn by_ipv6_prefix(mut self, bits: u8) -> Census {
        self.ipv6_prefix = bits;
        self
    }

    /// Counts a new connection, whose first request has not arrived yet. Without an address, it counts only in total.
    pub(crate) fn enter(self: &Arc<Census>, ip: Option<IpAddr>) -> Result<Place, TurnedAway> {
        let peer = PeerAddress::of_ip(ip);
        match self.count(self.network(ip)) {
            Ok(claim) => Ok(Place::new(self, peer, claim, Phase::Head)),
            Err(why) => {
                Err(TurnedAway { why, place: Place::new(self, peer, Claim::Outside, Phase::Refused) })
            }
        }
    }

    fn count(&self, network: Option<IpAddr>) -> Result<Claim, Full> {
        let mut count = self.lock();
        if count.total >= self.ceiling {
            return Err(Full::Total);
        }
        count.enter_network(network, self.ceiling_per_ip)?;
        count.total += 1;
        Ok(Claim::of(network))
    }

    /// The number of connections in each phase.
    pub(crate) fn in_phases(&self) -> [usize; Phase::ALL.len()] {
        self.phases.each_ref().map(|count| count.load(Ordering::Relaxed))
    }

    /// The network that an address counts for.
    fn network(&self, ip: Option<IpAddr>) -> Option<IpAddr> {
        ip.map(|ip| network(ip, self.ipv6_prefix))
    }

    fn phase(&self, phase: Phase) -> Option<&AtomicUsize> {
        self.phases.get(phase as usize)
    }

    fn lock(&self) -> MutexGuard<'_, Count> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Count {
    fn enter_network(&mut self, network: Option<IpAddr>, ceiling: usize) -> Result<(), Full> {
        let Some(network) = network else { return Ok(()) };
        if self.by_network.get(&network).copied().unwrap_or_default() >= ceiling {
            return Err(Full::PerIp);
        }
        *self.by_network.entry(network).or_default() += 1;
        Ok(())
    }

    fn leave_network(&mut self, network: Option<IpAddr>) {
        if let Some(network) = network
            && let Some(of_network) = self.by_network.get_mut(&network)
        {
            *of_network -= 1;
            if *of_network == 0 {
                self.by_network.remove(&network);
            }
        }
    }

    fn release(&mut self, network: Option<IpAddr>) {
        self.total -= 1;
        self.leave_network(network);
    }
}

impl Place {
    fn new(census: &Arc<Census>, peer: PeerAddress, claim: Claim, phase: Phase) -> Place {
        if let Some(count) = census.phase(phase) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        Place { census: Arc::clone(census), peer, claim, phase }
    }

    /// The address of the client, as far as it is known.
    pub(crate) fn peer(&self) -> PeerAddress {
        self.peer
    }

    /// Keeps the address of the client. If the connection counts for an address, it is of the same host.
    pub(crate) fn keep_peer(&mut self, peer: Option<SocketAddr>) {
        let peer = PeerAddress::new(peer);
        if self.claim != Claim::Counted || peer.ip() == self.peer.ip() {
            self.peer = peer;
        } else {
            debug_assert!(false, "counted for {:?}, and comes from {peer:?}", self.peer);
        }
    }

    /// The network that it counts for.
    fn network(&self) -> Option<IpAddr> {
        if self.claim == Claim::Counted { self.census.network(self.peer.ip()) } else { None }
    }

    /// Whether the connection exceeded a limit.
    pub(crate) fn is_outside(&self) -> bool {
        matches!(self.claim, Claim::Outside)
    }

    /// Counts the connection for another address, which a proxy has named. `None`: for no address.
    ///
    /// # Errors
    ///
    /// The address has as many connections as it may. The connection then counts for no address.
    pub(crate) fn count_for(&mut self, ip: Option<IpAddr>) -> Result<(), Full> {
        if !matches!(self.claim, Claim::Counted | Claim::CountedInTotal) {
            return Ok(());
        }
        let (before, now) = (self.network(), self.census.network(ip));
        if before != now {
            let mut count = self.census.lock();
            count.leave_network(before);
            self.claim = Claim::CountedInTotal;
            count.enter_network(now, self.census.ceiling_per_ip)?;
        }
        if now.is_some() {
            self.peer = PeerAddress::of_ip(ip);
        }
        self.claim = Claim::of(now);
        Ok(())
    }

    /// Frees the place of a connection that is refused because it exceeds a limit. It counts only in its phase then.
    pub(crate) fn turn_out(&mut self) {
        self.show(Phase::Refused);
        self.release();
    }

    fn release(&mut self) {
        let network = self.network();
        match std::mem::replace(&mut self.claim, Claim::Outside) {
            Claim::Counted | Claim::CountedInTotal => self.census.lock().release(network),
            Claim::Leaving => self.census.lock().leaving -= 1,
            Claim::Outside => {}
        }
    }

    /// Moves the connection to this phase.
    pub(crate) fn show(&mut self, phase: Phase) {
        let before = std::mem::replace(&mut self.phase, phase);
        if before == phase {
            return;
        }
        if let (Some(before), Some(now)) = (self.census.phase(before), self.census.phase(phase)) {
            before.fetch_sub(1, Ordering::Relaxed);
            now.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Notes that a Close frame was sent or has arrived.
    pub(crate) fn close(&mut self) {
        if self.phase == Phase::Open {
            self.show(Phase::Closing);
        }
    }

    /// Notes that the client is about to see the end of its connection, but has not ended its own side yet.
    pub(crate) fn drain(&mut self) {
        self.show(Phase::Draining);
        self.leave();
    }

    /// Frees the place, unless many other clients are leaving. The client is about to see the end, but has not ended
    /// its own side yet.
    pub(crate) fn leave(&mut self) {
        if !matches!(self.claim, Claim::Counted | Claim::CountedInTotal) {
            return;
        }
        let network = self.network();
        let mut count = self.census.lock();
        if count.leaving < LEAVING_AT_A_TIME {
            count.release(network);
            count.leaving += 1;
            self.claim = Claim::Leaving;
        }
    }
}

impl Claim {
    /// Counts in total, and for this network.
    fn of(network: Option<IpAddr>) -> Claim {
        if network.is_some() { Claim::Counted } else { Claim::CountedInTotal }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(count) = self.census.phase(self.phase) {
            count.fetch_sub(1, Ordering::Relaxed);
        }
        self.release();
    }
}

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Full::Total => "the server has as many connections as it may; try again later",
            Full::PerIp => "there are as many connections from this address as there may be",
        })
    }
}

/// The address that identifies a client. Whoever has one IPv6 address controls the 2^64 of its network (RFC 4291
/// §2.5.1, RFC 6177), so only the leading bits count.
fn network(ip: IpAddr, ipv6_prefix: u8) -> IpAddr {
    // An IPv4 client stays the same client if the socket shows a mapped IPv6 address.
    match ip.to_canonical() {
        IpAddr::V6(ip) => {
            let host_bits = IPV6_BITS.saturating_sub(ipv6_prefix);
            let mask = u128::MAX.checked_shl(host_bits.into()).unwrap_or_default();
            Ipv6Addr::from_bits(ip.to_bits() & mask).into()
        }
        ip @ IpAddr::V4(_) => ip,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn census(ceiling: usize, ceiling_per_ip: usize) -> Arc<Census> {
        Arc::new(Census::new(ceiling, ceiling_per_ip))
    }

    fn why(entered: Result<Place, TurnedAway>) -> Full {
        entered.unwrap_err().why
    }

    #[test]
    fn there_are_places_until_the_ceilings_are_reached_and_again_when_somebody_leaves() {
        let census = census(3, 2);
        let (a, b) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2]));
        let first = census.enter(Some(a)).unwrap();
        let _second = census.enter(Some(a)).unwrap();
        assert_eq!(why(census.enter(Some(a))), Full::PerIp);
        let _third = census.enter(Some(b)).unwrap();
        assert_eq!(why(census.enter(Some(b))), Full::Total);
        drop(first);
        assert!(census.enter(Some(a)).is_ok());
        assert_eq!(census.lock().total, 2);
    }

    #[test]
    fn a_place_without_an_address_counts_in_total_and_may_get_one() {
        let census = census(3, 1);
        let ip = Some(IpAddr::from([10, 0, 0, 1]));
        let mut proxied = [census.enter(None).unwrap(), census.enter(None).unwrap()];
        assert_eq!(proxied[0].count_for(ip), Ok(()));
        assert_eq!(proxied[0].count_for(ip), Ok(()), "it is the same connection");
        assert_eq!(proxied[1].count_for(ip), Err(Full::PerIp));
        assert_eq!(why(census.enter(ip)), Full::PerIp);
        assert_eq!(proxied[0].count_for(None), Ok(()), "the proxy sends a request of another client");
        assert_eq!(proxied[1].count_for(ip), Ok(()));
        let _third = census.enter(None).unwrap();
        assert_eq!(why(census.enter(None)), Full::Total);
        drop(proxied);
        assert!(census.lock().by_network.is_empty());
        assert_eq!(census.lock().total, 1);
    }

    #[test]
    fn who_is_turned_out_makes_room_at_once() {
        let census = census(1, 0);
        let mut proxied = census.enter(None).unwrap();
        assert_eq!(proxied.count_for(Some([10, 0, 0, 1].into())), Err(Full::PerIp));
        assert!(!proxied.is_outside());
        proxied.turn_out();
        assert!(proxied.is_outside());
        assert_eq!(census.in_phases()[Phase::Refused as usize], 1);
        let other = census.enter(None).unwrap();
        drop(proxied);
        assert_eq!(census.lock().total, 1, "it does not free a place twice");
        drop(other);
        assert_eq!(census.in_phases(), [0; Phase::ALL.len()]);
    }

    #[test]
    fn an_address_that_nobody_uses_is_forgotten() {
        let none = census(3, 0);
        assert_eq!(why(none.enter(Some([10, 0, 0, 1].into()))), Full::PerIp);
        assert!(none.lock().by_network.is_empty());
        let census = census(3, 3);
        drop(census.enter(Some([10, 0, 0, 1].into())));
        assert!(census.lock().by_network.is_empty());
    }

    #[test]
    fn an_ipv4_address_is_the_same_in_ipv6_clothes() {
        let census = census(3, 1);
        let _place = census.enter(Some([10, 0, 0, 1].into())).unwrap();
        let mapped: IpAddr = "::ffff:10.0.0.1".parse().unwrap();
        assert_eq!(why(census.enter(Some(mapped))), Full::PerIp);
        assert!(census.enter(Some([10, 0, 0, 2].into())).is_ok(), "another IPv4 address is another client");
    }

    #[test]
    fn an_ipv6_client_is_known_by_the_prefix_of_its_network() {
        for (prefix, other, is_the_same) in [
            (64, "2001:db8:1:2:ffff::9", true),
            (64, "2001:db8:1:3::1", false),
            (56, "2001:db8:1:3::1", true),
            (56, "2001:db8:1:100::1", false),
            (128, "2001:db8:1:2::2", false),
            (128, "2001:db8:1:2::1", true),
            (0, "::1", true),
        ] {
            let census = Arc::new(Census::new(3, 1).by_ipv6_prefix(prefix));
            let _place = census.enter(Some("2001:db8:1:2::1".parse().unwrap())).unwrap();
            let other = census.enter(Some(other.parse().unwrap()));
            assert_eq!(other.is_err(), is_the_same, "/{prefix}: {other:?}");
        }
    }

    #[test]
    fn who_has_seen_the_end_makes_room_for_another_within_bounds() {
        const ADDRESS: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
        let census = census(1, 1);
        let mut leaving = Vec::new();
        for _ in 0..LEAVING_AT_A_TIME {
            let mut place = census.enter(Some(ADDRESS)).unwrap();
            place.show(Phase::Open);
            place.drain();
            leaving.push(place);
        }
        let mut last = census.enter(Some(ADDRESS)).unwrap();
        last.drain();
        assert_eq!(why(census.enter(Some(ADDRESS))), Full::Total, "too many are leaving");
        assert_eq!(census.in_phases().iter().sum::<usize>(), LEAVING_AT_A_TIME + 1);
        drop(last);
        leaving.clear();
        assert!(census.enter(Some(ADDRESS)).is_ok());
        assert_eq!(census.in_phases(), [0; Phase::ALL.len()]);
        assert_eq!(census.lock().leaving, 0);
    }

    #[test]
    fn it_keeps_the_address_of_the_client_whether_it_counts_for_it_or_not() {
        let census = census(3, 3);
        let (client, proxy) = ("10.0.0.1:5".parse().unwrap(), "10.0.0.2:6".parse().unwrap());
        let mut direct = census.enter(Some([10, 0, 0, 1].into())).unwrap();
        direct.keep_peer(Some(client));
        assert_eq!(direct.peer().get(), Some(client));

        let mut proxied = census.enter(None).unwrap();
        proxied.keep_peer(Some(proxy));
        assert_eq!(proxied.peer().get(), Some(proxy));
        proxied.count_for(Some(client.ip())).unwrap();
        proxied.keep_peer(Some(client));
        assert_eq!(proxied.peer().get(), Some(client));
        assert_eq!(census.lock().by_network.get(&client.ip()), Some(&2));
        drop((direct, proxied));
        assert!(census.lock().by_network.is_empty());
        assert_eq!(size_of::<Place>(), 32, "it is in every connection");
    }
}
