//! Sessions as transcripts. The quoted sentences are those of the Engine.IO 4 document.

use std::sync::Arc;

use super::*;
use crate::engine::budget::Budget;

const INTERVAL: Duration = Duration::from_secs(25);
const TIMEOUT: Duration = Duration::from_secs(20);
const MOMENT: Duration = Duration::from_millis(1);

/// A session with a clock of its own.
struct Test {
    session: EngineSession,
    budget: Arc<Budget>,
    now: Instant,
}

impl Test {
    fn new(transport: TransportKind) -> Test {
        let config = EngineConfig { max_queued: 1_000, ..EngineConfig::default() };
        let (budget, now) = (Arc::new(Budget::new(1_500)), Instant::now());
        let outgoing = Outgoing::new(config.max_queued, Arc::clone(&budget));
        Test { session: EngineSession::new(&config, outgoing, transport, now), budget, now }
    }

    fn polling() -> Test {
        Test::new(TransportKind::Polling)
    }

    fn websocket() -> Test {
        Test::new(TransportKind::WebSocket)
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.session.tick(self.now);
    }

    fn send(&mut self, text: &str) {
        assert_eq!(self.session.send([EngineMessage::text(text)]), SendStatus::Queued);
    }

    fn begin_poll(&mut self) -> Ticket {
        self.session.begin_poll().unwrap()
    }

    /// The answer to a poll.
    fn answer(&mut self, poll: Ticket) -> Option<Vec<Message>> {
        self.session.poll(poll).map(Result::unwrap)
    }

    #[track_caller]
    fn expect_answer(&mut self, poll: Ticket, packets: &[&str]) {
        assert_eq!(self.answer(poll).unwrap(), packets);
    }

    #[track_caller]
    fn expect_waiting(&mut self, poll: Ticket) {
        assert_eq!(self.answer(poll), None);
    }

    fn receive(&mut self, packet: &str) -> Option<Message> {
        self.session.receive(packet.into(), self.now).map(MessageRef::to_message)
    }

    /// What the WebSocket sends.
    fn written(&mut self) -> Vec<Message> {
        std::iter::from_fn(|| {
            let packet = self.session.front().cloned();
            self.session.pop();
            packet
        })
        .collect()
    }

    #[track_caller]
    fn expect_end(&self, reason: CloseReason) {
        assert_eq!(self.session.end(), Some(reason));
    }

    #[track_caller]
    fn expect_open(&self) {
        assert_eq!(self.session.end(), None);
    }
}

/// "The server MAY not respond right away if there are no packets buffered for the given session. Once there are some packets
/// to be sent, the server SHOULD encode them … and send them in the response body of the HTTP request."
#[test]
fn a_poll_waits_for_packets_and_takes_all() {
    let mut t = Test::polling();
    let poll = t.begin_poll();
    t.expect_waiting(poll);
    t.send("a");
    t.send("b");
    t.expect_answer(poll, &["4a", "4b"]);
    let next = t.begin_poll();
    t.expect_waiting(next);
}

#[test]
fn messages_keep_their_content_and_kind() {
    let mut t = Test::polling();
    assert_eq!(t.receive("4hello €"), Some("hello €".into()));
    assert_eq!(t.session.receive(MessageRef::Binary(&[4, 1]), t.now), Some(MessageRef::Binary(&[4, 1])));
    assert_eq!(t.receive("6"), None);
    t.expect_open();
}

/// "A client MUST NOT have more than one active `GET` request. Should it happen, the server MUST return an HTTP 400 error status
/// and close the session."
#[test]
fn a_second_poll_ends_the_session() {
    let mut t = Test::polling();
    let poll = t.begin_poll();
    assert_eq!(t.session.begin_poll(), Err(Conflict));
    t.expect_end(CloseReason::TransportError);
    t.expect_answer(poll, &["1"]);
    assert!(t.session.is_over());
    assert_eq!(t.session.begin_poll(), Err(Conflict));
}

/// "A client MUST NOT have more than one active `POST` request. Should it happen, the server MUST return an HTTP 400 error
/// status and close the session."
#[test]
fn a_second_post_ends_the_session() {
    let mut t = Test::polling();
    t.session.begin_post().unwrap();
    t.session.end_post();
    t.session.begin_post().unwrap();
    assert_eq!(t.session.begin_post(), Err(Conflict));
    t.expect_end(CloseReason::TransportError);
    assert!(t.session.is_over());
}

#[test]
fn a_client_that_leaves_its_poll_has_left() {
    let mut t = Test::polling();
    let poll = t.begin_poll();
    t.send("a");
    t.expect_answer(poll, &["4a"]);
    t.session.abandon_poll(poll);
    t.expect_open(); // the poll had its answer
    let poll = t.begin_poll();
    t.session.abandon_poll(poll);
    t.expect_end(CloseReason::TransportError);
    assert!(t.session.is_over());
}

/// "At a given interval … the server sends a `ping` packet and the client has a few seconds … to send a `pong` packet back. If
/// the server does not receive a `pong` packet back, then it SHOULD consider that the connection is closed."
#[test]
fn the_server_pings_and_the_client_has_a_time_to_answer() {
    let mut t = Test::websocket();
    t.pass(INTERVAL - MOMENT);
    assert!(t.written().is_empty());
    t.pass(MOMENT);
    assert_eq!(t.written(), ["2"]);
    t.pass(TIMEOUT - MOMENT);
    t.receive("3");
    t.pass(INTERVAL - MOMENT);
    assert!(t.written().is_empty());
    t.pass(MOMENT);
    assert_eq!(t.written(), ["2"]);
    t.pass(TIMEOUT - MOMENT);
    t.expect_open();
    t.pass(MOMENT);
    t.expect_end(CloseReason::PingTimeout);
}

#[test]
fn messages_are_no_pong_and_a_pong_without_a_ping_puts_nothing_off() {
    let mut t = Test::websocket();
    t.pass(INTERVAL / 2);
    t.receive("3");
    t.pass(INTERVAL / 2);
    assert_eq!(t.written(), ["2"]);
    t.receive("4still here");
    t.pass(TIMEOUT);
    t.expect_end(CloseReason::PingTimeout);
}

/// A server that did not run for a while must not drop all of its clients.
#[test]
fn a_late_ping_leaves_the_client_its_time() {
    let mut t = Test::websocket();
    t.pass(INTERVAL + 2 * TIMEOUT);
    assert_eq!(t.written(), ["2"]);
    t.pass(TIMEOUT - MOMENT);
    t.expect_open();
    t.pass(MOMENT);
    t.expect_end(CloseReason::PingTimeout);
}

/// Its answer may be among the packets that the server has not read.
#[test]
fn a_client_that_is_not_read_has_its_time_from_when_it_is_read_again() {
    let mut t = Test::websocket();
    t.pass(INTERVAL);
    assert_eq!(t.written(), ["2"]);
    for _ in 0..10 {
        t.now += TIMEOUT;
        t.session.cannot_hear(t.now);
        t.session.tick(t.now);
    }
    t.pass(TIMEOUT - MOMENT);
    t.expect_open();
    t.pass(MOMENT);
    t.expect_end(CloseReason::PingTimeout);
}

#[test]
fn a_client_that_never_polls_ends_by_the_heartbeat() {
    let mut t = Test::polling();
    t.send("unheard");
    t.pass(INTERVAL);
    t.pass(TIMEOUT);
    t.expect_end(CloseReason::PingTimeout);
    assert!(t.session.is_over());
    assert_eq!(t.budget.used(), 0);
}

/// "The server MUST: send a `noop` packet to any pending `GET` request (if applicable) to cleanly close HTTP long-polling
/// transport; respond with a `pong` packet with the string `probe` in the payload."
#[test]
fn an_upgrade_ends_the_poll_and_loses_nothing() {
    let mut t = Test::polling();
    let poll = t.begin_poll();
    let upgrade = t.session.begin_upgrade().unwrap();
    t.expect_waiting(poll);
    assert_eq!(t.session.probe(upgrade, "2probe".into()), ProbeStep::Answer);
    t.expect_answer(poll, &["6"]);
    t.send("a");
    t.send("b");
    assert_eq!(t.session.transport(), TransportKind::Polling);
    assert_eq!(t.session.probe(upgrade, "5".into()), ProbeStep::Upgraded);
    assert_eq!(t.session.transport(), TransportKind::WebSocket);
    assert_eq!(t.written(), ["4a", "4b"]);
    assert_eq!(t.session.begin_poll(), Err(Conflict));
    assert_eq!(t.session.begin_post(), Err(Conflict));
    t.expect_open();
}

#[test]
fn a_poll_in_the_middle_of_an_upgrade_waits_until_it_is_released() {
    let mut t = Test::polling();
    let upgrade = t.session.begin_upgrade().unwrap();
    t.session.probe(upgrade, "2probe".into());
    let poll = t.begin_poll();
    t.expect_waiting(poll);
    t.session.release_poll(poll);
    t.expect_answer(poll, &["6"]);
    let poll = t.begin_poll();
    assert_eq!(t.session.probe(upgrade, "5".into()), ProbeStep::Upgraded);
    assert_eq!(t.session.poll(poll), Some(Err(Conflict)));
}

/// "A client MUST NOT open more than one WebSocket connection per session. Should it happen, the server MUST close the WebSocket
/// connection."
#[test]
fn a_session_has_one_websocket_at_a_time() {
    let mut t = Test::polling();
    let first = t.session.begin_upgrade().unwrap();
    assert_eq!(t.session.begin_upgrade(), Err(Conflict));
    t.session.end_upgrade(first);
    let second = t.session.begin_upgrade().unwrap();
    t.session.end_upgrade(first); // late
    assert_eq!(t.session.begin_upgrade(), Err(Conflict));
    assert_eq!(t.session.probe(first, "2probe".into()), ProbeStep::Refuse);
    t.session.probe(second, "2probe".into());
    t.session.probe(second, "5".into());
    assert_eq!(t.session.begin_upgrade(), Err(Conflict));
    assert_eq!(Test::websocket().session.begin_upgrade(), Err(Conflict));
    t.expect_open();
}

#[test]
fn only_a_probe_and_then_an_upgrade_packet_upgrade() {
    for packet in ["5", "2", "2prob", "3probe", "4hello", "1", "", "abc"] {
        let mut t = Test::polling();
        let upgrade = t.session.begin_upgrade().unwrap();
        assert_eq!(t.session.probe(upgrade, packet.into()), ProbeStep::Refuse, "{packet}");
        t.expect_open();
    }
    let mut t = Test::polling();
    let upgrade = t.session.begin_upgrade().unwrap();
    t.session.probe(upgrade, "2probe".into());
    assert_eq!(t.session.probe(upgrade, "4hello".into()), ProbeStep::Refuse);
    assert_eq!(t.session.probe(upgrade, MessageRef::Binary(b"5")), ProbeStep::Refuse);
    // A WebSocket that is cut leaves the session with its polls.
    t.session.end_upgrade(upgrade);
    let poll = t.begin_poll();
    t.send("a");
    t.expect_answer(poll, &["4a"]);
}

#[test]
fn a_client_closes_its_session() {
    let mut t = Test::polling();
    let poll = t.begin_poll();
    t.receive("1");
    t.expect_end(CloseReason::TransportClose);
    t.expect_answer(poll, &["6"]);
    assert!(t.session.is_over());
    let mut t = Test::websocket();
    t.receive("1");
    assert_eq!(t.session.closes_websocket(), Some(CloseReason::TransportClose));
}

#[test]
fn what_is_no_packet_ends_the_session_and_so_does_a_ping_of_the_client() {
    for (packet, reason) in [
        ("abc", CloseReason::ParseError),
        ("", CloseReason::ParseError),
        ("7", CloseReason::ParseError),
        ("2", CloseReason::TransportError),
    ] {
        let mut t = Test::websocket();
        assert_eq!(t.receive(packet), None);
        t.expect_end(reason);
        assert_eq!(t.receive("4more"), None);
    }
}

#[test]
fn what_was_sent_before_the_server_closes_still_arrives() {
    let mut t = Test::polling();
    t.send("last");
    t.session.close(CloseReason::ForcedClose);
    assert_eq!(t.session.send([EngineMessage::text("late")]), SendStatus::Closed);
    t.pass(MOMENT);
    assert!(!t.session.is_over());
    let poll = t.begin_poll();
    t.expect_answer(poll, &["4last"]);
    assert!(!t.session.is_over());
    // In a poll of its own: the JavaScript client hears of a `close` packet before the messages of the same payload.
    let poll = t.begin_poll();
    t.expect_answer(poll, &["1"]);
    assert!(t.session.is_over());

    let mut t = Test::websocket();
    t.send("last");
    t.session.close(CloseReason::ServerShuttingDown);
    assert_eq!(t.session.closes_websocket(), None);
    assert_eq!(t.written(), ["4last"]);
    assert_eq!(t.session.closes_websocket(), Some(CloseReason::ServerShuttingDown));
}

#[test]
fn a_closed_session_waits_for_its_client_for_a_bounded_time() {
    for mut t in [Test::polling(), Test::websocket()] {
        t.send("last");
        t.session.close(CloseReason::ForcedClose);
        t.pass(MOMENT);
        assert_eq!(t.session.deadline(), Some(t.now + TIMEOUT));
        t.pass(TIMEOUT);
        assert!(t.session.is_over());
        assert_eq!(t.session.deadline(), None);
        assert_eq!(t.budget.used(), 0);
    }
}

#[test]
fn the_first_reason_counts() {
    let mut t = Test::websocket();
    t.session.close(CloseReason::ForcedClose);
    t.session.websocket_ended(CloseReason::TransportClose);
    t.expect_end(CloseReason::ForcedClose);
    assert!(t.session.is_over());
}

#[test]
fn a_slow_client_ends_and_messages_that_belong_together_are_not_torn() {
    let mut t = Test::polling();
    t.send("first");
    let many = vec![EngineMessage::binary(vec![0; 300]); 3];
    assert_eq!(t.session.send(many), SendStatus::Full);
    t.expect_end(CloseReason::TooSlow);
    assert_eq!(t.budget.used(), 0);
}

#[test]
fn the_bytes_of_all_sessions_are_bounded() {
    let mut t = Test::websocket();
    let config = EngineConfig::default();
    let outgoing = Outgoing::new(1_000, Arc::clone(&t.budget));
    let mut other = EngineSession::new(&config, outgoing, TransportKind::WebSocket, t.now);
    let large = || [EngineMessage::binary(vec![0; 700])];
    assert_eq!(other.send(large()), SendStatus::Queued);
    assert_eq!(t.session.send(large()), SendStatus::Full);
    t.expect_end(CloseReason::TooSlow);
    drop(other);
    assert_eq!(t.budget.used(), 0);
}

#[test]
fn writable_is_a_session_with_a_ready_transport_and_nothing_queued() {
    let mut t = Test::polling();
    assert!(!t.session.is_writable());
    let poll = t.begin_poll();
    assert!(t.session.is_writable());
    t.send("a");
    assert!(!t.session.is_writable());
    t.expect_answer(poll, &["4a"]);
    assert!(!t.session.is_writable());

    let mut t = Test::websocket();
    assert!(t.session.is_writable());
    t.send("a");
    assert!(!t.session.is_writable());
    t.written();
    assert!(t.session.is_writable());
    t.session.close(CloseReason::ForcedClose);
    assert!(!t.session.is_writable());
}
