//! What is counted, by the [`metrics`](https://docs.rs/metrics) facade with the feature `metrics`; without it nothing
//! is, and it costs nothing. And what is [told](#what-is-told).
//!
//! Whichever recorder the program installs gets the figures. `longwire serve --metrics` shows them as Prometheus wants
//! them. All of them carry the label `role` (`client` or `server`), but those that only one of both has. No label has
//! values that a peer could multiply: there are no addresses, no paths, and codes of applications are one value.
//!
//! Bytes and messages are summed up per connection, and added when it ends and whenever its timer fires, which with the
//! default keepalive is at least every 30 s while something arrives.
//!
//! ```no_run
//! use metrics_util::debugging::DebuggingRecorder; // or that of `metrics-exporter-prometheus`, or any other
//!
//! let recorder = DebuggingRecorder::new();
//! let figures = recorder.snapshotter();
//! recorder.install().expect("there is one recorder");
//! // Connect or serve, and then:
//! for (figure, ..) in figures.snapshot().into_vec() {
//!     println!("{}", figure.key()); // Key(longwire_connections_opened_total, [role = server])
//! }
//! ```
//!
//! # What is told
//!
//! By [`tracing`](https://docs.rs/tracing), whatever the features. A server tells of a connection in the span `connection`,
//! whose field `peer` is the address of the client; what the application's handler tells is in it, too. A client tells of its
//! way to the server in the span `connect`, whose field `url` is without user and password. An error of this end or of the
//! application is told at the level ERROR, what an operator should know at WARN, and what peers do at DEBUG. Whoever is not
//! let in is told of at WARN, with address, origin, host and path, and with the setting that would allow it (`allowed_by`):
//! of each reason ten times at once, and then one in 5 s with how many were `not_told`. Connections that ended by themselves,
//! or that sent no request in time, are not among them.
//!
//! ```no_run
//! tracing_subscriber::fmt().with_max_level(tracing::Level::DEBUG).init();
//! ```

#[cfg(feature = "metrics")]
mod facade;
mod labels;
#[cfg(feature = "server")]
pub(crate) mod phase;
#[cfg(not(feature = "metrics"))]
mod silence;

#[cfg(feature = "server")]
use std::io;
use std::time::Instant;

use longwire_proto::{By, CloseCode, Closed, GivingUp, Protocol, ProtocolError, Role};

use facade::Sum;
use labels::{ender, kind, number, of};
#[cfg(feature = "server")]
use phase::Phase;
#[cfg(not(feature = "metrics"))]
use silence as facade;

/// Counter: connections that were opened. `role`.
pub const CONNECTIONS_OPENED: &str = "longwire_connections_opened_total";
/// Counter: connections that were not let in. `reason`: `full`, `full_per_ip`, `handshake_timeout`, `tls` (its handshake
/// failed), `left` (without a whole request), `too_large` (431), `bad_request` (400, 405, 426, 501, 505: no request that may be
/// answered, or no handshake of RFC 6455 version 13), `not_websocket` (plain HTTP where there is none), `origin` (403), `application` (its own status, or 500
/// for terms that cannot be had).
pub const CONNECTIONS_REFUSED: &str = "longwire_connections_refused_total";
/// Counter: connections whose transport has ended. `role`; `by`: `local`, `peer` or `nobody`; `code`: the close code as
/// [`Closed`] has it, or `3xxx`, `4xxx`, `other`.
pub const CONNECTIONS_CLOSED: &str = "longwire_connections_closed_total";
/// Counter: connections on which the peer broke the protocol or crossed a bound. `role`; `kind`: the variant of
/// [`ProtocolError`], as in `message_too_big`, `too_many_fragments`, `inflate`, `text_not_utf8`.
pub const PROTOCOL_FAILURES: &str = "longwire_protocol_failures_total";
/// Counter: connections that were closed with 1013 because all together held too much. `role`.
pub const CONNECTIONS_SHED: &str = "longwire_connections_shed_total";
/// Counter: connections that were closed with 1013 because they did not take the messages of a topic as fast as they came.
/// No labels.
pub const SLOW_SUBSCRIBERS: &str = "longwire_slow_subscribers_total";
/// Counter: messages of topics that subscribers did not get, once for each subscriber, as
/// `Topics::dropped` has them. `policy`: `disconnect`, `drop_oldest`, `latest`, `backlog` (an event loop was too
/// far behind).
pub const TOPIC_MESSAGES_DROPPED: &str = "longwire_topic_messages_dropped_total";
/// Counter: times that were up. `role`; `time`: `keepalive` (the peer is gone), `idle` (closed with 1001), `close` (the
/// peer did not end the connection), `http` (a client of plain HTTP neither sent nor took anything).
pub const TIMEOUTS: &str = "longwire_timeouts_total";
/// Counter: how often what waited to be written went beyond the high-water mark, so that senders had to wait. `role`.
pub const BACKPRESSURE: &str = "longwire_backpressure_total";
/// Counter: pings that were not answered at once, and not at all if a newer one came, because too much waited to be
/// written. `role`.
pub const PINGS_PUT_OFF: &str = "longwire_pings_put_off_total";
/// Counter: connections that the system could not accept, for want of descriptors perhaps. No labels.
pub const ACCEPT_ERRORS: &str = "longwire_accept_errors_total";
/// Counter: tries to make a connection again, the first connection of a
/// [`ReconnectingSocket`](crate::reconnect::ReconnectingSocket) not counted. No labels, as only a client has these three.
pub const RECONNECTIONS_TRIED: &str = "longwire_reconnections_tried_total";
/// Counter: connections that were made again, and prepared by `on_open`. No labels.
pub const RECONNECTIONS_OPENED: &str = "longwire_reconnections_opened_total";
/// Counter: connections that were given up, as [`Error::GaveUp`](crate::Error::GaveUp) tells. `reason`: `final` (the same
/// would only happen again), `tries` (there were enough).
pub const RECONNECTIONS_GIVEN_UP: &str = "longwire_reconnections_given_up_total";
/// Counter: bytes that arrived behind the opening handshake, frame headers included, TLS not. `role`.
pub const BYTES_RECEIVED: &str = "longwire_received_bytes_total";
/// Counter: bytes that were written, as for [`BYTES_RECEIVED`]; at a server with the response of the handshake. `role`.
pub const BYTES_SENT: &str = "longwire_sent_bytes_total";
/// Counter: messages that arrived whole. `role`.
pub const MESSAGES_RECEIVED: &str = "longwire_received_messages_total";
/// Counter: messages that were queued to be sent. `role`.
pub const MESSAGES_SENT: &str = "longwire_sent_messages_total";
/// Gauge: connections that are open or closing. `role`.
pub const CONNECTIONS_OPEN: &str = "longwire_connections_open";
/// Gauge: all connections of the servers, those without a WebSocket too, as seen once a second. `phase`: `tls` (shaking
/// hands; over io_uring until the first byte of a request), `head` (its first request is to come), `handed_over` (on the way
/// from an event loop to hyper), `waiting` (plain HTTP between two requests), `request` (plain HTTP within one),
/// `handed_back` (on the way from hyper), `open`, `closing` (a Close frame was sent or has arrived), `draining` (this end has
/// said all), `refused` (and what the client still sends is read for a moment).
pub const CONNECTIONS: &str = "longwire_connections";
/// Gauge: bytes that all connections of the servers hold, in unfinished messages and in what waits to be written, as
/// seen once a second. No labels.
pub const BYTES_HELD: &str = "longwire_held_bytes";
/// Histogram: seconds to the open WebSocket, at a server from the TCP connection on, TLS included, at a client from the
/// request on. `role`.
pub const HANDSHAKE_DURATION: &str = "longwire_handshake_duration_seconds";

const COUNTERS: [(&str, &str); 18] = [
    (CONNECTIONS_OPENED, "WebSockets that were opened"),
    (CONNECTIONS_REFUSED, "Connections that were not let in"),
    (CONNECTIONS_CLOSED, "WebSockets that have ended, by whom and with which close code"),
    (PROTOCOL_FAILURES, "WebSockets on which the peer broke the protocol or crossed a bound"),
    (CONNECTIONS_SHED, "WebSockets closed with 1013 because all together held too much"),
    (SLOW_SUBSCRIBERS, "WebSockets closed with 1013 because they did not keep up with a topic"),
    (TOPIC_MESSAGES_DROPPED, "Messages of topics that subscribers did not get"),
    (TIMEOUTS, "WebSockets that were given up or closed because a time was up"),
    (BACKPRESSURE, "Times that senders had to wait because too much waited to be written"),
    (PINGS_PUT_OFF, "Pings that were not answered at once because too much waited to be written"),
    (ACCEPT_ERRORS, "Connections that the system could not accept"),
    (RECONNECTIONS_TRIED, "Tries to make a connection again"),
    (RECONNECTIONS_OPENED, "Connections that were made again"),
    (RECONNECTIONS_GIVEN_UP, "Connections that are not tried again, nobody having closed them on purpose"),
    (BYTES_RECEIVED, "Bytes that arrived over WebSockets, frame headers included"),
    (BYTES_SENT, "Bytes that were written to WebSockets, frame headers included"),
    (MESSAGES_RECEIVED, "Messages that arrived"),
    (MESSAGES_SENT, "Messages that were queued to be sent"),
];

const GAUGES: [(&str, &str); 3] = [
    (CONNECTIONS, "Connections of the servers, by how far they have come"),
    (CONNECTIONS_OPEN, "WebSockets that are open or closing"),
    (BYTES_HELD, "Bytes that all connections of the servers hold in their buffers"),
];

const HISTOGRAMS: [(&str, &str); 1] = [(
    HANDSHAKE_DURATION,
    "Seconds from the TCP connection, at a client from the request, to the open WebSocket",
)];

/// Tells the recorder what each figure means. To be called once it is installed.
pub fn describe() {
    facade::describe(&COUNTERS, &GAUGES, &HISTOGRAMS);
}

/// Why a connection was not let in.
#[cfg(feature = "server")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotLetIn {
    Full,
    FullPerIp,
    HandshakeTimeout,
    #[cfg(feature = "tls")]
    Tls,
    Left,
    TooLarge,
    BadRequest,
    NotWebSocket,
    Origin,
    Application,
}

/// Why there is to be no other connection.
#[cfg(feature = "client")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GaveUp {
    Final,
    Tries,
}

/// A connection is open.
pub(crate) fn opened(role: Role) {
    facade::count(CONNECTIONS_OPENED, &[of(role)], 1);
    facade::change(CONNECTIONS_OPEN, &[of(role)], 1.0);
}

/// A connection that was open is over. `None`: nobody has said a word.
pub(crate) fn ended(role: Role, closed: Option<&Closed>) {
    let (by, code) = closed.map_or((By::Nobody, CloseCode::ABNORMAL), |closed| (closed.by, closed.code));
    facade::count(CONNECTIONS_CLOSED, &[of(role), ("by", ender(by)), ("code", number(code))], 1);
    facade::change(CONNECTIONS_OPEN, &[of(role)], -1.0);
}

/// The opening handshake took so long.
#[cfg(any(feature = "client", feature = "server"))]
pub(crate) fn shook_hands(role: Role, begun: Instant) {
    facade::observe(HANDSHAKE_DURATION, &[of(role)], begun.elapsed());
}

/// A connection was not let in.
#[cfg(feature = "server")]
pub(crate) fn refused(reason: NotLetIn) {
    facade::count(CONNECTIONS_REFUSED, &[("reason", reason.name())], 1);
}

/// The system could not accept a connection.
#[cfg(feature = "server")]
pub(crate) fn accept_failed() {
    facade::count(ACCEPT_ERRORS, &[], 1);
}

/// A connection is tried again.
#[cfg(feature = "client")]
pub(crate) fn reconnecting() {
    facade::count(RECONNECTIONS_TRIED, &[], 1);
}

/// A connection has been made again.
#[cfg(feature = "client")]
pub(crate) fn reconnected() {
    facade::count(RECONNECTIONS_OPENED, &[], 1);
}

/// There is to be no other connection, though nobody closed the last one on purpose.
#[cfg(feature = "client")]
pub(crate) fn gave_up(reason: GaveUp) {
    let reason = match reason {
        GaveUp::Final => "final",
        GaveUp::Tries => "tries",
    };
    facade::count(RECONNECTIONS_GIVEN_UP, &[("reason", reason)], 1);
}

/// The peer broke the protocol.
pub(crate) fn failed(role: Role, error: &ProtocolError) {
    facade::count(PROTOCOL_FAILURES, &[of(role), ("kind", kind(error))], 1);
}

/// A subscriber did not keep up and was closed with 1013.
#[cfg(feature = "server")]
pub(crate) fn too_slow() {
    facade::count(SLOW_SUBSCRIBERS, &[], 1);
}

/// Messages of topics were dropped, by the value of the label `policy`.
#[cfg(feature = "server")]
pub(crate) fn topic_messages_dropped(by_policy: &[(&'static str, u64)]) {
    for &(policy, count) in by_policy.iter().filter(|(_, count)| *count > 0) {
        facade::count(TOPIC_MESSAGES_DROPPED, &[("policy", policy)], count);
    }
}

/// A connection was closed with 1013 because all together hold too much.
pub(crate) fn shed(role: Role) {
    facade::count(CONNECTIONS_SHED, &[of(role)], 1);
}

/// What waits to be written is beyond the high-water mark, and was not before.
pub(crate) fn backpressure(role: Role) {
    facade::count(BACKPRESSURE, &[of(role)], 1);
}

/// Has the protocol do what is overdue, and counts what that was.
pub(crate) fn handle_timeout(protocol: &mut Protocol, now: Instant) {
    let (was_open, was_over) = (protocol.is_open(), protocol.is_over());
    protocol.handle_timeout(now);
    let time = match (was_open, protocol.is_open(), protocol.is_over()) {
        (true, false, true) => "keepalive",
        (true, false, false) => "idle",
        (false, _, true) if !was_over => "close",
        _ => return,
    };
    facade::count(TIMEOUTS, &[of(protocol.role()), ("time", time)], 1);
}

/// A peer is given up, though not all that it said has been taken.
pub(crate) fn gave_up_on_peer(role: Role, why: GivingUp) {
    let time = match why {
        GivingUp::Silent | GivingUp::Stuck => "keepalive",
        GivingUp::Unclosed => "close",
    };
    facade::count(TIMEOUTS, &[of(role), ("time", time)], 1);
}

/// A client of plain HTTP has let this end wait for too long.
#[cfg(feature = "server")]
pub(crate) fn http_timed_out() {
    facade::count(TIMEOUTS, &[of(Role::Server), ("time", "http")], 1);
}

/// Shows once a second how many bytes are held, and how many connections are in each phase, for as long as it is polled.
#[cfg(feature = "server")]
pub(crate) async fn show(held: impl Fn() -> usize, in_phases: impl Fn() -> [usize; Phase::ALL.len()]) {
    let names = Phase::ALL.map(Phase::name);
    facade::sample((BYTES_HELD, held), (CONNECTIONS, "phase", &names, in_phases)).await;
}

/// What a connection, or all of a thread, have moved since it was last added to the counters.
#[derive(Debug)]
pub(crate) struct Traffic {
    role: Role,
    bytes_received: Sum,
    bytes_sent: Sum,
    messages_received: Sum,
    messages_sent: Sum,
    pings_put_off: Sum,
}

impl Traffic {
    pub(crate) fn new(role: Role) -> Traffic {
        Traffic {
            role,
            bytes_received: Sum::ZERO,
            bytes_sent: Sum::ZERO,
            messages_received: Sum::ZERO,
            messages_sent: Sum::ZERO,
            pings_put_off: Sum::ZERO,
        }
    }

    #[inline]
    pub(crate) fn received(&mut self, bytes: usize) {
        self.bytes_received.add(bytes);
    }

    #[inline]
    pub(crate) fn sent(&mut self, bytes: usize) {
        self.bytes_sent.add(bytes);
    }

    #[inline]
    pub(crate) fn message_received(&mut self) {
        self.messages_received.add(1);
    }

    #[inline]
    pub(crate) fn message_sent(&mut self) {
        self.messages_sent.add(1);
    }

    #[inline]
    pub(crate) fn ping_put_off(&mut self) {
        self.pings_put_off.add(1);
    }

    /// Adds the sums to the counters, and begins anew.
    pub(crate) fn count(&mut self) {
        let sums = [
            (BYTES_RECEIVED, &mut self.bytes_received),
            (BYTES_SENT, &mut self.bytes_sent),
            (MESSAGES_RECEIVED, &mut self.messages_received),
            (MESSAGES_SENT, &mut self.messages_sent),
            (PINGS_PUT_OFF, &mut self.pings_put_off),
        ];
        for (name, sum) in sums {
            let sum = sum.take();
            if sum > 0 {
                facade::count(name, &[of(self.role)], sum);
            }
        }
    }
}

#[cfg(feature = "server")]
impl NotLetIn {
    /// How many reasons there are.
    pub(crate) const COUNT: usize = NotLetIn::Application as usize + 1;

    pub(crate) fn index(self) -> usize {
        self as usize
    }

    /// Why a connection is not let in whose transport has ended before there was a whole request. TLS says `InvalidData` for
    /// what it cannot agree to; everything else is that the client has left.
    pub(crate) fn of_end(error: Option<&io::Error>) -> NotLetIn {
        match error {
            #[cfg(feature = "tls")]
            Some(error) if error.kind() == io::ErrorKind::InvalidData => NotLetIn::Tls,
            _ => NotLetIn::Left,
        }
    }

    fn name(self) -> &'static str {
        match self {
            NotLetIn::Full => "full",
            NotLetIn::FullPerIp => "full_per_ip",
            NotLetIn::HandshakeTimeout => "handshake_timeout",
            #[cfg(feature = "tls")]
            NotLetIn::Tls => "tls",
            NotLetIn::Left => "left",
            NotLetIn::TooLarge => "too_large",
            NotLetIn::BadRequest => "bad_request",
            NotLetIn::NotWebSocket => "not_websocket",
            NotLetIn::Origin => "origin",
            NotLetIn::Application => "application",
        }
    }
}
