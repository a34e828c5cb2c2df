//! Metrics and tracing.
//!
//! With the feature `metrics`, figures go to the recorder that the program installs for the
//! [`metrics`](https://docs.rs/metrics) facade. Without the feature, metrics compile to nothing. `longwire serve
//! --metrics` exposes them in the format of Prometheus. All figures carry the label `role` (`client` or `server`),
//! except those that only one role has. A peer cannot multiply the values of a label: there are no addresses and no
//! paths, and application-defined codes share one value.
//!
//! Bytes and messages are summed per connection and added to the counters when the connection ends and when its timer
//! fires. With the default keepalive, that is at least every 30 s while data arrives.
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
//! # Log events
//!
//! Events go to [`tracing`](https://docs.rs/tracing), regardless of features. A server logs each connection in the span
//! `connection`, whose field `peer` is the client's address; events of the application's handler belong to the span,
//! too. A client logs connecting in the span `connect`, whose field `url` contains no user name and password. Errors of
//! this end or of the application have the level ERROR, events that an operator should know about WARN, and the
//! behaviour of peers DEBUG.
//!
//! A refused connection is logged at WARN with address, origin, host and path, and with the setting that would allow it
//! (`allowed_by`). The first ten of each reason are logged at once, then one every 5 s, with the number of omitted ones
//! in `not_told`. For an access log, each one is also an event of the target `longwire::access` at INFO, with address, path
//! and status: choose it, or leave it out, with a filter. Connections that the client ended, or that sent no request in time, are not logged like this.
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

/// Counter: opened connections. `role`.
pub const CONNECTIONS_OPENED: &str = "longwire_connections_opened_total";
/// Counter: refused connections. `reason`: `full`, `full_per_ip`, `handshake_timeout`, `tls` (the TLS handshake
/// failed), `left` (without a complete request), `proxy_header` (a trusted proxy sent no valid PROXY header), `too_large`
/// (431), `bad_request` (400, 405, 426, 501, 505: not a valid request, or not a handshake of RFC 6455 version 13),
/// `not_websocket` (plain HTTP on a server that does not serve it), `origin` (403), `application` (the application's
/// status, or 500 if it accepted on invalid terms).
pub const CONNECTIONS_REFUSED: &str = "longwire_connections_refused_total";
/// Counter: connections whose transport has ended. `role`; `by`: `local`, `peer` or `nobody`; `code`: the close code of
/// [`Closed`], or `3xxx`, `4xxx`, `other`.
pub const CONNECTIONS_CLOSED: &str = "longwire_connections_closed_total";
/// Counter: connections on which the peer broke the protocol or exceeded a limit. `role`; `kind`: the variant of
/// [`ProtocolError`], such as `message_too_big`, `too_many_fragments`, `inflate`, `text_not_utf8`.
pub const PROTOCOL_FAILURES: &str = "longwire_protocol_failures_total";
/// Counter: connections that were closed with 1013 because all connections together exceeded the memory limit. `role`.
pub const CONNECTIONS_SHED: &str = "longwire_connections_shed_total";
/// Counter: connections that were closed with 1013 because they read a topic's messages too slowly. No labels.
pub const SLOW_SUBSCRIBERS: &str = "longwire_slow_subscribers_total";
/// Counter: topic messages that subscribers missed, once per subscriber, like `Topics::dropped`. `policy`:
/// `disconnect`, `drop_oldest`, `latest`, `backlog` (an event loop was too far behind).
pub const TOPIC_MESSAGES_DROPPED: &str = "longwire_topic_messages_dropped_total";
/// Counter: expired timeouts. `role`; `time`: `keepalive` (the peer is gone), `idle` (closed with 1001), `close` (the
/// peer did not end the connection), `http` (a client of plain HTTP neither sent nor read anything).
pub const TIMEOUTS: &str = "longwire_timeouts_total";
/// Counter: how often the bytes waiting to be written exceeded the high-water mark, so that senders had to wait.
/// `role`.
pub const BACKPRESSURE: &str = "longwire_backpressure_total";
/// Counter: pings that were not answered at once because too many bytes waited to be written; a newer ping replaces
/// them. `role`.
pub const PINGS_PUT_OFF: &str = "longwire_pings_put_off_total";
/// Counter: connections that the system failed to accept, for example for lack of file descriptors. No labels.
pub const ACCEPT_ERRORS: &str = "longwire_accept_errors_total";
/// Counter: attempts to reconnect, without the first connection of a
/// [`ReconnectingSocket`](crate::reconnect::ReconnectingSocket). No labels, like the next two: only clients reconnect.
pub const RECONNECTIONS_TRIED: &str = "longwire_reconnections_tried_total";
/// Counter: connections that were reopened and prepared by `on_open`. No labels.
pub const RECONNECTIONS_OPENED: &str = "longwire_reconnections_opened_total";
/// Counter: reconnecting sockets that gave up, as [`Error::GaveUp`](crate::Error::GaveUp) reports. `reason`: `final` (a
/// new attempt would fail in the same way), `tries` (too many attempts).
pub const RECONNECTIONS_GIVEN_UP: &str = "longwire_reconnections_given_up_total";
/// Counter: bytes received after the opening handshake, including frame headers, excluding TLS. `role`.
pub const BYTES_RECEIVED: &str = "longwire_received_bytes_total";
/// Counter: bytes written, counted like [`BYTES_RECEIVED`]; on a server, including the handshake response. `role`.
pub const BYTES_SENT: &str = "longwire_sent_bytes_total";
/// Counter: received messages. `role`.
pub const MESSAGES_RECEIVED: &str = "longwire_received_messages_total";
/// Counter: messages that were queued for sending. `role`.
pub const MESSAGES_SENT: &str = "longwire_sent_messages_total";
/// Gauge: open or closing connections. `role`.
pub const CONNECTIONS_OPEN: &str = "longwire_connections_open";
/// Gauge: all connections of the servers, including those without a WebSocket, sampled once a second. `phase`: `tls`
/// (TLS handshake; with io_uring, until the first byte of a request), `head` (the first request is awaited),
/// `handed_over` (from an event loop to hyper), `waiting` (plain HTTP between two requests), `request` (plain HTTP
/// within a request), `handed_back` (from hyper to an event loop), `deciding` (an `on_upgrade` that waits), `open`, `closing` (a Close frame was sent or
/// received), `draining` (this end has written everything), `refused` (the rest of the client's data is read for a
/// moment).
pub const CONNECTIONS: &str = "longwire_connections";
/// Gauge: bytes that all connections of the servers hold in unfinished messages and in unwritten data, sampled once a
/// second. No labels.
pub const BYTES_HELD: &str = "longwire_held_bytes";
/// Histogram: seconds until the WebSocket is open: on a server from the TCP connection, including TLS; on a client from
/// the request. `role`.
pub const HANDSHAKE_DURATION: &str = "longwire_handshake_duration_seconds";

const COUNTERS: [(&str, &str); 18] = [
    (CONNECTIONS_OPENED, "Opened WebSockets"),
    (CONNECTIONS_REFUSED, "Refused connections"),
    (CONNECTIONS_CLOSED, "Ended WebSockets, by the end that closed them and the close code"),
    (PROTOCOL_FAILURES, "WebSockets on which the peer broke the protocol or exceeded a limit"),
    (
        CONNECTIONS_SHED,
        "WebSockets closed with 1013 because all connections together exceeded the memory limit",
    ),
    (SLOW_SUBSCRIBERS, "WebSockets closed with 1013 because they did not keep up with a topic"),
    (TOPIC_MESSAGES_DROPPED, "Topic messages that subscribers missed"),
    (TIMEOUTS, "WebSockets that were given up or closed because of a timeout"),
    (BACKPRESSURE, "How often senders had to wait because too many bytes waited to be written"),
    (PINGS_PUT_OFF, "Pings that were not answered at once because too many bytes waited to be written"),
    (ACCEPT_ERRORS, "Connections that the system failed to accept"),
    (RECONNECTIONS_TRIED, "Attempts to reconnect"),
    (RECONNECTIONS_OPENED, "Reopened connections"),
    (RECONNECTIONS_GIVEN_UP, "Reconnecting sockets that gave up without having been closed"),
    (BYTES_RECEIVED, "Bytes received over WebSockets, including frame headers"),
    (BYTES_SENT, "Bytes written to WebSockets, including frame headers"),
    (MESSAGES_RECEIVED, "Received messages"),
    (MESSAGES_SENT, "Messages that were queued for sending"),
];

const GAUGES: [(&str, &str); 3] = [
    (CONNECTIONS, "Connections of the servers, by phase"),
    (CONNECTIONS_OPEN, "Open or closing WebSockets"),
    (BYTES_HELD, "Bytes that all connections of the servers hold in their buffers"),
];

const HISTOGRAMS: [(&str, &str); 1] = [(
    HANDSHAKE_DURATION,
    "Seconds from the TCP connection (on a client: from the request) to the open WebSocket",
)];

/// Registers a description of each figure. Call it after the recorder is installed.
pub fn describe() {
    facade::describe(&COUNTERS, &GAUGES, &HISTOGRAMS);
}

/// Why a connection was refused.
#[cfg(feature = "server")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotLetIn {
    Full,
    FullPerIp,
    HandshakeTimeout,
    #[cfg(feature = "tls")]
    Tls,
    Left,
    ProxyHeader,
    TooLarge,
    BadRequest,
    NotWebSocket,
    Origin,
    Application,
}

/// Why a reconnecting socket gave up.
#[cfg(feature = "client")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GaveUp {
    Final,
    Tries,
}

/// Counts an opened connection.
pub(crate) fn opened(role: Role) {
    facade::count(CONNECTIONS_OPENED, &[of(role)], 1);
    facade::change(CONNECTIONS_OPEN, &[of(role)], 1.0);
}

/// Counts the end of a connection that was open. `None` if neither end sent a Close frame.
pub(crate) fn ended(role: Role, closed: Option<&Closed>) {
    let (by, code) = closed.map_or((By::Nobody, CloseCode::ABNORMAL), |closed| (closed.by, closed.code));
    facade::count(CONNECTIONS_CLOSED, &[of(role), ("by", ender(by)), ("code", number(code))], 1);
    facade::change(CONNECTIONS_OPEN, &[of(role)], -1.0);
}

/// Records the duration of an opening handshake.
#[cfg(any(feature = "client", feature = "server"))]
pub(crate) fn shook_hands(role: Role, begun: Instant) {
    facade::observe(HANDSHAKE_DURATION, &[of(role)], begun.elapsed());
}

/// Counts a refused connection.
#[cfg(feature = "server")]
pub(crate) fn refused(reason: NotLetIn) {
    facade::count(CONNECTIONS_REFUSED, &[("reason", reason.name())], 1);
}

/// Counts a connection that the system failed to accept.
#[cfg(feature = "server")]
pub(crate) fn accept_failed() {
    facade::count(ACCEPT_ERRORS, &[], 1);
}

/// Counts an attempt to reconnect.
#[cfg(feature = "client")]
pub(crate) fn reconnecting() {
    facade::count(RECONNECTIONS_TRIED, &[], 1);
}

/// Counts a reopened connection.
#[cfg(feature = "client")]
pub(crate) fn reconnected() {
    facade::count(RECONNECTIONS_OPENED, &[], 1);
}

/// Counts a reconnecting socket that gave up without having been closed.
#[cfg(feature = "client")]
pub(crate) fn gave_up(reason: GaveUp) {
    let reason = match reason {
        GaveUp::Final => "final",
        GaveUp::Tries => "tries",
    };
    facade::count(RECONNECTIONS_GIVEN_UP, &[("reason", reason)], 1);
}

/// Counts a protocol error of the peer.
pub(crate) fn failed(role: Role, error: &ProtocolError) {
    facade::count(PROTOCOL_FAILURES, &[of(role), ("kind", kind(error))], 1);
}

/// Counts a slow subscriber that was closed with 1013.
#[cfg(feature = "server")]
pub(crate) fn too_slow() {
    facade::count(SLOW_SUBSCRIBERS, &[], 1);
}

/// Counts dropped topic messages per value of the label `policy`.
#[cfg(feature = "server")]
pub(crate) fn topic_messages_dropped(by_policy: &[(&'static str, u64)]) {
    for &(policy, count) in by_policy.iter().filter(|(_, count)| *count > 0) {
        facade::count(TOPIC_MESSAGES_DROPPED, &[("policy", policy)], count);
    }
}

/// Counts a connection that was closed with 1013 because of the memory limit.
pub(crate) fn shed(role: Role) {
    facade::count(CONNECTIONS_SHED, &[of(role)], 1);
}

/// Counts that the bytes waiting to be written have exceeded the high-water mark.
pub(crate) fn backpressure(role: Role) {
    facade::count(BACKPRESSURE, &[of(role)], 1);
}

/// Lets the protocol handle its due timeouts, and counts them.
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

/// Counts a peer that is given up while received data is still unparsed.
pub(crate) fn gave_up_on_peer(role: Role, why: GivingUp) {
    let time = match why {
        GivingUp::Silent | GivingUp::Stuck => "keepalive",
        GivingUp::Unclosed => "close",
    };
    facade::count(TIMEOUTS, &[of(role), ("time", time)], 1);
}

/// Counts a client of plain HTTP that was silent for too long.
#[cfg(feature = "server")]
pub(crate) fn http_timed_out() {
    facade::count(TIMEOUTS, &[of(Role::Server), ("time", "http")], 1);
}

/// Samples once a second how many bytes are held and how many connections are in each phase, while it is polled.
#[cfg(feature = "server")]
pub(crate) async fn show(held: impl Fn() -> usize, in_phases: impl Fn() -> [usize; Phase::ALL.len()]) {
    let names = Phase::ALL.map(Phase::name);
    facade::sample((BYTES_HELD, held), (CONNECTIONS, "phase", &names, in_phases)).await;
}

/// The traffic of a connection, or of a whole thread, since it was last added to the counters.
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

    /// Adds the sums to the counters and resets them.
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
    /// The number of reasons.
    pub(crate) const COUNT: usize = NotLetIn::Application as usize + 1;

    pub(crate) fn index(self) -> usize {
        self as usize
    }

    /// The reason for a connection whose transport ended before a complete request. TLS reports a failed negotiation as
    /// `InvalidData`; any other end means that the client has left.
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
            NotLetIn::ProxyHeader => "proxy_header",
            NotLetIn::TooLarge => "too_large",
            NotLetIn::BadRequest => "bad_request",
            NotLetIn::NotWebSocket => "not_websocket",
            NotLetIn::Origin => "origin",
            NotLetIn::Application => "application",
        }
    }
}
