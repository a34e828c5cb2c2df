//! All sessions of an engine.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::live_session::LiveSession;
use crate::engine::{Application, EngineConfig, Sid};

/// All sessions of an engine, counted in total and per address.
pub(super) struct Sessions<A: Application> {
    table: Mutex<Table<A>>,
    max_sessions: usize,
    max_sessions_per_ip: usize,
}

struct Table<A: Application> {
    by_sid: HashMap<Sid, Arc<LiveSession<A>>>,
    by_ip: HashMap<IpAddr, usize>,
    is_closed: bool,
}

/// No further session can begin.
#[derive(Debug)]
pub(super) struct Full;

impl<A: Application> Sessions<A> {
    pub(super) fn new(config: &EngineConfig) -> Sessions<A> {
        let table = Table { by_sid: HashMap::new(), by_ip: HashMap::new(), is_closed: false };
        let EngineConfig { max_sessions, max_sessions_per_ip, .. } = *config;
        Sessions { table: Mutex::new(table), max_sessions, max_sessions_per_ip }
    }

    /// Adds a session.
    pub(super) fn add(&self, session: &Arc<LiveSession<A>>) -> Result<(), Full> {
        let mut table = self.lock();
        if table.is_closed || table.by_sid.len() >= self.max_sessions {
            return Err(Full);
        }
        if let Some(ip) = session.counts_for {
            let count = table.by_ip.entry(ip).or_default();
            if *count >= self.max_sessions_per_ip {
                return Err(Full);
            }
            *count += 1;
        }
        table.by_sid.insert(session.connection.sid(), Arc::clone(session));
        Ok(())
    }

    pub(super) fn get(&self, sid: Sid) -> Option<Arc<LiveSession<A>>> {
        self.lock().by_sid.get(&sid).cloned()
    }

    pub(super) fn remove(&self, sid: Sid) {
        let mut table = self.lock();
        let removed = table.by_sid.remove(&sid);
        if let Some(ip) = removed.as_ref().and_then(|session| session.counts_for)
            && let Some(count) = table.by_ip.get_mut(&ip)
        {
            *count -= 1;
            if *count == 0 {
                table.by_ip.remove(&ip);
            }
        }
        drop(table);
    }

    /// Takes no further sessions, and returns those that are open.
    pub(super) fn close(&self) -> Vec<Arc<LiveSession<A>>> {
        let mut table = self.lock();
        table.is_closed = true;
        table.by_sid.values().cloned().collect()
    }

    pub(super) fn count(&self) -> usize {
        self.lock().by_sid.len()
    }

    fn lock(&self) -> MutexGuard<'_, Table<A>> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The address for which a client counts: of an IPv6 address its /64 network, since a client can use every address in it.
pub(super) fn counted(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64)),
        ip @ IpAddr::V4(_) => ip,
    }
}
