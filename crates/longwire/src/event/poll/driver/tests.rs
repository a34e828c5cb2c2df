use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use longwire_proto::handshake::Refusal;

use super::*;
use crate::admission::decision::{Accept, Upgrade};
use crate::event::handler::{Handler, Socket};
use crate::event::message_ref::MessageRef;
use crate::event::sockets::trial::{LARGE, ROUNDS, Streams, join, setup};
use crate::event::turns::WRITES_AT_A_TIME;

/// Counts what it receives.
#[derive(Default)]
struct Counts {
    bytes: Arc<AtomicUsize>,
}

impl Handler for Counts {
    type State = ();

    async fn on_upgrade(&self, _: &Upgrade<'_>) -> Result<Accept<()>, Refusal> {
        Ok(Accept::with(()))
    }

    fn on_message(&self, _: &mut Socket<'_, Self>, message: MessageRef<'_>) {
        self.bytes.fetch_add(message.as_bytes().len(), Ordering::Relaxed);
    }
}

/// A loop with one connection.
struct Trial<A: Handler<State = ()>> {
    event_loop: PollLoop<A>,
    key: Key,
    peer: Option<TcpStream>,
    /// Messages or bytes, as the handler counts.
    count: Arc<AtomicUsize>,
}

impl<A: Handler<State = ()>> Trial<A> {
    fn of(handler: impl FnOnce(Arc<AtomicUsize>) -> A) -> Trial<A> {
        let count = Arc::new(AtomicUsize::new(0));
        let mut event_loop = PollLoop::new(setup(handler(Arc::clone(&count)), None)).unwrap();
        let (key, peer) = join(&mut event_loop);
        Trial { event_loop, key, peer: Some(peer), count }
    }

    fn peer(&mut self) -> &mut TcpStream {
        self.peer.as_mut().unwrap()
    }

    fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    fn link(&mut self) -> Option<&mut PolledSocket> {
        self.event_loop.reactor.link(self.key)
    }

    fn run_until(&mut self, is_done: impl Fn(&mut Trial<A>) -> bool) {
        for _ in 0..ROUNDS {
            if is_done(self) {
                return;
            }
            self.event_loop.run_round().unwrap();
        }
        panic!("it never happens");
    }
}

fn streams(sent: Arc<AtomicUsize>) -> Streams {
    Streams { sent }
}

fn counts(bytes: Arc<AtomicUsize>) -> Counts {
    Counts { bytes }
}

/// A masked binary message.
fn message(length: u16) -> Vec<u8> {
    let mut frame = vec![0x82, 0x80 | 126];
    frame.extend(length.to_be_bytes());
    frame.resize(frame.len() + 4 + usize::from(length), 0);
    frame
}

#[test]
fn who_takes_all_that_it_is_sent_does_not_keep_others_waiting() {
    let mut trial = Trial::of(streams);
    trial.event_loop.drive_dirty();
    assert!(!trial.link().unwrap().is_blocked, "the system takes more");
    assert!((2..=WRITES_AT_A_TIME + 1).contains(&trial.count()), "{} messages", trial.count());
    for _ in 0..3 {
        let before = trial.count();
        trial.event_loop.run_round().unwrap();
        assert!(trial.count() <= before + WRITES_AT_A_TIME, "{} messages", trial.count());
    }
}

#[test]
fn a_write_that_found_no_room_goes_on_when_the_peer_reads() {
    let mut trial = Trial::of(streams);
    trial.peer().set_nonblocking(true).unwrap();
    // The second time, the system reports room without being asked again.
    for _ in 0..2 {
        trial.run_until(|trial| trial.link().unwrap().is_blocked);
        let sent = trial.count();
        trial.run_until(|trial| {
            while trial.peer().read(&mut [0; LARGE]).is_ok() {}
            trial.count() > sent + 1
        });
    }
}

#[test]
fn what_one_peer_sends_is_read_in_turns_and_to_its_end() {
    const LENGTH: u16 = 500;
    const MESSAGES: usize = 40;
    let mut trial = Trial::of(counts);
    trial.event_loop.driver.buffer = vec![0; 1000].into();
    trial.peer().write_all(&message(LENGTH).repeat(MESSAGES)).unwrap();
    let mut rounds = 0;
    trial.run_until(|trial| trial.count() > 0);
    while trial.count() < usize::from(LENGTH) * MESSAGES {
        let before = trial.count();
        trial.event_loop.run_round().unwrap();
        assert!(trial.count() - before <= 4 * 1000, "one connection has taken the whole round");
        rounds += 1;
        assert!(rounds < ROUNDS, "what the buffer had no room for was forgotten");
    }
    assert!(rounds >= 4, "{rounds} rounds");
}

/// Only one event reports both. A short read alone would leave the end to an event that never comes. The keepalive once hid
/// that, because it ended the connection instead.
#[test]
fn an_end_that_comes_with_the_last_bytes_is_found() {
    let mut trial = Trial::of(counts);
    trial.peer().write_all(&message(200)).unwrap();
    trial.peer().shutdown(std::net::Shutdown::Write).unwrap();
    trial.run_until(|trial| trial.link().is_none());
    assert_eq!(trial.count(), 200);
}

#[test]
fn a_connection_is_gone_when_its_peer_resets_it() {
    let mut trial = Trial::of(streams);
    trial.run_until(|trial| trial.link().unwrap().is_blocked);
    // It leaves data unread.
    trial.peer = None;
    trial.run_until(|trial| trial.link().is_none());
}

/// The calls of [`Notes`]: `true` for a message, `false` for a tick.
type Calls = Arc<Mutex<Vec<bool>>>;

/// Notes its calls.
struct Notes(Calls);

impl Handler for Notes {
    type State = ();

    async fn on_upgrade(&self, _: &Upgrade<'_>) -> Result<Accept<()>, Refusal> {
        Ok(Accept::with(()))
    }

    fn on_message(&self, _: &mut Socket<'_, Self>, _: MessageRef<'_>) {
        self.0.lock().unwrap().push(true);
    }

    fn on_tick(&self, _: &mut Socket<'_, Self>) {
        self.0.lock().unwrap().push(false);
    }
}

/// A loop that is told of two connections at a time, and has eight.
fn many() -> (PollLoop<Notes>, Vec<(Key, TcpStream)>, Calls) {
    let notes = Arc::default();
    let mut event_loop = PollLoop::new(setup(Notes(Arc::clone(&notes)), None)).unwrap();
    event_loop.driver.events = Events::with_capacity(2);
    let peers = (0..8).map(|_| join(&mut event_loop)).collect();
    (event_loop, peers, notes)
}

/// Sends a message to each connection, and waits until it lies in the socket.
fn send_to_all(event_loop: &mut PollLoop<Notes>, peers: &mut [(Key, TcpStream)]) {
    for (key, peer) in peers {
        peer.write_all(&message(200)).unwrap();
        let socket = event_loop.reactor.link(*key).unwrap().socket.try_clone().unwrap();
        let socket = TcpStream::from(socket);
        while socket.peek(&mut [0]).is_err() {
            std::thread::yield_now();
        }
    }
}

/// A process that was stopped used to give up most of its peers, although their answers had arrived.
#[test]
fn what_has_arrived_is_heard_before_time_is_up() {
    let (mut event_loop, mut peers, notes) = many();
    send_to_all(&mut event_loop, &mut peers);
    let due = event_loop.reactor.deadline().unwrap();
    std::thread::sleep(due.saturating_duration_since(Instant::now()));
    while !notes.lock().unwrap().contains(&false) {
        event_loop.run_round().unwrap();
    }
    let heard = notes.lock().unwrap().iter().take_while(|is_message| **is_message).count();
    assert_eq!(heard, peers.len());
}

#[test]
fn time_passes_although_there_is_always_more_to_hear() {
    let (mut event_loop, mut peers, notes) = many();
    let due = event_loop.reactor.deadline().unwrap();
    std::thread::sleep(due.saturating_duration_since(Instant::now()));
    for _ in 0..=peers.len() / 2 {
        send_to_all(&mut event_loop, &mut peers);
        event_loop.run_round().unwrap();
    }
    assert!(notes.lock().unwrap().contains(&false));
}
