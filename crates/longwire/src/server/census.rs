//! How many connections there are, in all and from each address.

use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The connections that there are, and how many there may be. One counts from the first byte on, before its handshake.
#[derive(Debug)]
pub(crate) struct Census {
    pub(super) ceiling: usize,
    pub(super) ceiling_per_ip: usize,
    count: Mutex<Count>,
}

#[derive(Debug, Default)]
struct Count {
    total: usize,
    by_ip: HashMap<IpAddr, usize>,
}

/// A connection that is counted until this is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    census: Arc<Census>,
    ip: IpAddr,
}

/// Why there is no place for a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    Total,
    PerIp,
}

impl Census {
    pub(crate) fn new(ceiling: usize, ceiling_per_ip: usize) -> Census {
        Census { ceiling, ceiling_per_ip, count: Mutex::default() }
    }

    pub(crate) fn enter(self: &Arc<Census>, ip: IpAddr) -> Result<Place, Full> {
        // An IPv4 address is the same client, however the socket shows it.
        let ip = ip.to_canonical();
        let mut count = self.lock();
        if count.total >= self.ceiling {
            return Err(Full::Total);
        }
        if count.by_ip.get(&ip).copied().unwrap_or_default() >= self.ceiling_per_ip {
            return Err(Full::PerIp);
        }
        *count.by_ip.entry(ip).or_default() += 1;
        count.total += 1;
        Ok(Place { census: Arc::clone(self), ip })
    }

    fn lock(&self) -> MutexGuard<'_, Count> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut count = self.census.lock();
        count.total -= 1;
        if let Some(of_ip) = count.by_ip.get_mut(&self.ip) {
            *of_ip -= 1;
            if *of_ip == 0 {
                count.by_ip.remove(&self.ip);
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_places_until_the_ceilings_are_reached_and_again_when_somebody_leaves() {
        let census = Arc::new(Census::new(3, 2));
        let (a, b) = (IpAddr::from([127, 0, 0, 1]), IpAddr::from([127, 0, 0, 2]));
        let first = census.enter(a).unwrap();
        let _second = census.enter(a).unwrap();
        assert_eq!(census.enter(a).unwrap_err(), Full::PerIp);
        let _third = census.enter(b).unwrap();
        assert_eq!(census.enter(b).unwrap_err(), Full::Total);
        drop(first);
        assert!(census.enter(a).is_ok());
        assert_eq!(census.lock().total, 2);
    }

    #[test]
    fn an_address_that_nobody_uses_is_forgotten() {
        let census = Arc::new(Census::new(3, 0));
        assert_eq!(census.enter([10, 0, 0, 1].into()).unwrap_err(), Full::PerIp);
        assert!(census.lock().by_ip.is_empty());
        let census = Arc::new(Census::new(3, 3));
        drop(census.enter([10, 0, 0, 1].into()));
        assert!(census.lock().by_ip.is_empty());
    }

    #[test]
    fn an_ipv4_address_is_the_same_in_ipv6_clothes() {
        let census = Arc::new(Census::new(3, 1));
        let _place = census.enter([10, 0, 0, 1].into()).unwrap();
        let mapped: IpAddr = "::ffff:10.0.0.1".parse().unwrap();
        assert_eq!(census.enter(mapped).unwrap_err(), Full::PerIp);
    }
}
