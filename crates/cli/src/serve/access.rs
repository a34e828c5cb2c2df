//! The access log: a line for each connection when it ends.

use std::net::SocketAddr;
use std::time::Instant;

use bytestring::ByteString;
use longwire::{By, Closed, SocketTraffic, Upgrade};
use longwire_hub::Session;
use longwire_hub::centrifuge::Disconnect;

use crate::log::ACCESS;

/// Whether connections are logged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AccessLog {
    pub(crate) is_on: bool,
}

/// What is remembered of a connection for its line.
#[derive(Debug)]
pub(crate) struct Visit {
    begun: Instant,
    peer: Option<SocketAddr>,
    /// Without the query, which may have a token.
    path: Box<str>,
    transport: &'static str,
    protocol: &'static str,
    who: Option<Who>,
    /// Why the hub closed it.
    closed_for: Option<Disconnect>,
}

/// A client of the hub.
#[derive(Debug)]
struct Who {
    user: ByteString,
    client: ByteString,
}

/// How a connection has ended.
struct Departure<'a> {
    by: By,
    code: Option<u16>,
    reason: &'a str,
}

impl AccessLog {
    /// Remembers a request for a WebSocket.
    pub(crate) fn upgrade(
        self,
        request: &Upgrade<'_>,
        transport: &'static str,
        protocol: &'static str,
    ) -> Option<Box<Visit>> {
        self.visit(request.peer_addr(), request.path(), transport, protocol)
    }

    /// Remembers a connection, if connections are logged.
    pub(crate) fn visit(
        self,
        peer: Option<SocketAddr>,
        path: &str,
        transport: &'static str,
        protocol: &'static str,
    ) -> Option<Box<Visit>> {
        self.is_on.then(|| {
            let path = path.into();
            let begun = Instant::now();
            Box::new(Visit { begun, peer, path, transport, protocol, who: None, closed_for: None })
        })
    }

    /// Logs a request of a stream that was refused.
    pub(crate) fn refused(self, peer: Option<SocketAddr>, path: &str, status: u16) {
        if self.is_on {
            let peer = peer.map(tracing::field::display);
            tracing::info!(target: ACCESS, parent: None, peer, path, status, "refused");
        }
    }
}

impl Visit {
    /// Learns who the client is, once it is connected.
    pub(crate) fn meet(&mut self, session: &Session) {
        if self.who.is_some() {
            return;
        }
        if let (Some(user), Some(client)) = (session.user(), session.client()) {
            self.who = Some(Who { user, client });
        }
    }

    /// Learns why the hub closes the connection. Its client may answer with another reason, or with none.
    pub(crate) fn close(&mut self, why: &Disconnect) {
        self.closed_for.get_or_insert_with(|| why.clone());
    }

    /// Logs the end of a WebSocket.
    pub(crate) fn log_closed(&self, traffic: Option<SocketTraffic>, closed: &Closed) {
        self.log(
            traffic.map(Traffic::from).unwrap_or_default(),
            &Departure { by: closed.by, code: Some(closed.code.into()), reason: &closed.reason },
        );
    }

    /// Logs the end of a stream.
    pub(crate) fn log_stream(&self, traffic: Traffic) {
        let by = if self.closed_for.is_some() { By::Local } else { By::Peer };
        self.log(traffic, &Departure { by, code: None, reason: "" });
    }

    fn log(&self, traffic: Traffic, departure: &Departure<'_>) {
        let by = match departure.by {
            By::Local => "server",
            By::Peer => "client",
            By::Nobody => "nobody",
        };
        let (code, reason) = match &self.closed_for {
            Some(why) if departure.by == By::Local => (Some(why.code()), why.reason()),
            _ => (departure.code, departure.reason),
        };
        let who = self.who.as_ref();
        tracing::info!(
            target: ACCESS,
            parent: None,
            peer = self.peer.map(tracing::field::display),
            user = who.map(|who| &*who.user),
            client = who.map(|who| &*who.client),
            path = &*self.path,
            transport = self.transport,
            protocol = (!self.protocol.is_empty()).then_some(self.protocol),
            seconds = self.begun.elapsed().as_secs_f64(),
            messages_in = traffic.messages_in,
            messages_out = traffic.messages_out,
            bytes_in = traffic.bytes_in,
            bytes_out = traffic.bytes_out,
            code,
            reason,
            by,
            "closed"
        );
    }
}

/// What a connection has received and sent.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Traffic {
    pub(crate) messages_in: u64,
    pub(crate) messages_out: u64,
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
}

impl From<SocketTraffic> for Traffic {
    fn from(traffic: SocketTraffic) -> Traffic {
        Traffic {
            messages_in: traffic.messages_received,
            messages_out: traffic.messages_sent,
            bytes_in: traffic.bytes_received,
            bytes_out: traffic.bytes_sent,
        }
    }
}
