//! Sockets that the program was started with, by systemd or another service manager (`sd_listen_fds(3)`).

use longwire::Listener;

use super::place::Place;
use crate::failure::Failure;

/// The sockets that the program was started with, and that nothing listens on yet.
pub(in crate::serve) struct Given {
    #[cfg(unix)]
    sockets: listenfd::ListenFd,
    names: Vec<String>,
}

/// A socket that the program was started with.
pub(super) type GivenListener = (Listener, Place);

impl Given {
    /// Takes over the sockets. A program that this one starts does not get them.
    pub(in crate::serve) fn take() -> Given {
        // They belong to the variables that are removed next.
        let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
        let names = names.split(':').map(str::to_owned).collect();
        #[cfg(unix)]
        return Given { sockets: listenfd::ListenFd::from_env(), names };
        #[cfg(not(unix))]
        return Given { names };
    }

    /// How many there were.
    #[cfg(unix)]
    pub(in crate::serve) fn count(&self) -> usize {
        self.sockets.len()
    }

    #[cfg(not(unix))]
    pub(in crate::serve) fn count(&self) -> usize {
        0
    }

    /// Those of this name, or all that are left.
    pub(super) fn listeners(&mut self, wanted: Option<&str>) -> Result<Vec<GivenListener>, Failure> {
        let mut found = Vec::new();
        for index in 0..self.count() {
            let name = self.names.get(index).map(String::as_str);
            if wanted.is_none() || wanted == name {
                found.extend(self.listener(index)?);
            }
        }
        if found.is_empty() {
            let wanted = wanted.map(|name| format!(" named {name:?}")).unwrap_or_default();
            return Err(Failure::Other(format!(
                "the program was not started with a socket{wanted}: start it by a socket unit of systemd \
                 (FileDescriptorName= sets the name)"
            )));
        }
        Ok(found)
    }

    #[cfg(unix)]
    fn listener(&mut self, index: usize) -> Result<Option<GivenListener>, Failure> {
        if let Ok(found) = self.sockets.take_tcp_listener(index) {
            return Ok(found.map(|listener| {
                let place = listener.local_addr().map_or(Place::Unnamed, Place::Address);
                (listener.into(), place)
            }));
        }
        match self.sockets.take_unix_listener(index) {
            Ok(found) => Ok(found.map(|listener| {
                let address = listener.local_addr().ok();
                let path = address.as_ref().and_then(|address| address.as_pathname());
                let place = path.map_or(Place::Unnamed, |path| Place::Unix(path.to_owned()));
                (listener.into(), place)
            })),
            Err(error) => Err(Failure::Other(format!(
                "cannot listen on a socket that the program was started with: {error}; use ListenStream= in the \
                 socket unit"
            ))),
        }
    }

    #[cfg(not(unix))]
    fn listener(&mut self, _: usize) -> Result<Option<GivenListener>, Failure> {
        Ok(None)
    }
}
