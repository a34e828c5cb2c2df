//! Timers and spawned futures on a loop without I/O, with time under the test's control.

use std::net::Ipv4Addr;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use longwire_proto::handshake::Refusal;
use longwire_proto::{Closed, Config, Keepalive, Limits, Role};
use tokio::sync::oneshot;
use tracing::Span;

use super::*;
use crate::admission::census::Census;
use crate::admission::decision::{Accept, Upgrade};
use crate::admission::handshake::AgreedTerms;
use crate::admission::policy::AdmissionPolicy;
use crate::established::Established;
use crate::event::connection::Lifecycle;
use crate::event::handler::{Handler, Socket};
use crate::event::mailbox::Mailbox;
use crate::event::message_ref::MessageRef;
use crate::event::rules::Rules;
use crate::ledger::Ledger;
use crate::send_status::SendStatus;

type Conn<'a> = Socket<'a, App>;
type OnMessage = Box<dyn Fn(&App, &mut Conn<'_>, &str) + Send + Sync>;

/// Runs the test's action for each message, and records the message.
struct App {
    on_message: OnMessage,
    notes: Mutex<Sender<String>>,
}

impl App {
    fn note(&self, note: &str) {
        self.notes.lock().unwrap().send(note.into()).unwrap();
    }
}

impl Handler for App {
    type State = ();

    async fn on_upgrade(&self, _: &Upgrade<'_>) -> Result<Accept<()>, Refusal> {
        Ok(Accept::new())
    }

    fn on_message(&self, socket: &mut Conn<'_>, message: MessageRef<'_>) {
        let text = message.as_text().unwrap();
        self.note(text);
        (self.on_message)(self, socket, text);
    }

    fn on_close(&self, socket: &mut Conn<'_>, closed: &Closed) {
        self.note(&format!("closed with {}", u16::from(closed.code)));
        socket.after(Duration::ZERO, |app, _| app.note("a timer of a connection that has ended"));
        socket.spawn(async {}, |app, _, ()| app.note("a future of a connection that has ended"));
    }
}

/// A loop with one connection, which runs two futures at a time.
struct Loop {
    reactor: Reactor<App, ()>,
    mailbox: Arc<Mailbox>,
    key: Key,
    start: Instant,
    notes: Receiver<String>,
}

impl Loop {
    fn new(on_message: impl Fn(&App, &mut Conn<'_>, &str) + Send + Sync + 'static) -> Loop {
        let (sender, notes) = channel();
        let limits = Limits::default()
            .low_water(0)
            .high_water(1000)
            .keepalive(Keepalive::every(Duration::from_secs(100)));
        let config = Arc::new(Config::new(limits));
        let rules = Rules {
            application: App { on_message: Box::new(on_message), notes: Mutex::new(sender) },
            config: Arc::clone(&config),
            admission: AdmissionPolicy::default(),
            serves_http: false,
            ledger: Arc::new(Ledger::new(usize::MAX)),
            max_spawned: 2,
            counts_traffic: false,
            tick_every: None,
        };
        let mailbox = Arc::<Mailbox>::default();
        let mut reactor = Reactor::new(Arc::new(rules), Arc::clone(&mailbox), Arc::default());
        let start = Instant::now();
        reactor.begin_round(start);
        let terms =
            AgreedTerms { established: Established::new(Role::Server, Arc::clone(&config)), state: () };
        let place = Arc::new(Census::new(1, 1)).enter(Some(Ipv4Addr::LOCALHOST.into())).unwrap();
        let key = reactor.adopt((), Some((Ipv4Addr::LOCALHOST, 1).into()), terms, place, Span::none());
        Loop { reactor, mailbox, key, start, notes }
    }

    fn receive(&mut self, texts: &[&str]) {
        let frame = |text: &&str| {
            [&[0x81, 0x80 | u8::try_from(text.len()).unwrap(), 0, 0, 0, 0], text.as_bytes()].concat()
        };
        self.reactor.received(self.key, &mut texts.iter().flat_map(frame).collect::<Vec<u8>>(), |_| {});
    }

    /// Runs one round, at this time after the start.
    fn run_round(&mut self, seconds: u64) {
        for key in self.reactor.begin_round(self.start + Duration::from_secs(seconds)) {
            self.reactor.go_on(key);
        }
        self.reactor.take_mail();
        self.reactor.expire();
    }

    /// Runs a round whenever a future may have ended, until the handler has recorded this many notes.
    async fn notes_of(&mut self, count: usize) -> Vec<String> {
        let mut notes = Vec::new();
        for _ in 0..1000 {
            tokio::task::yield_now().await;
            self.run_round(0);
            notes.extend(self.notes.try_iter());
            if notes.len() >= count {
                return notes;
            }
        }
        panic!("the handler has recorded only {notes:?}");
    }

    /// Gives everything that can end time to do so, and returns the handler's notes.
    async fn settle(&mut self) -> Vec<String> {
        for _ in 0..20 {
            tokio::task::yield_now().await;
            self.run_round(0);
        }
        self.notes.try_iter().collect()
    }

    fn write(&mut self) -> Vec<u8> {
        self.reactor.write_all(self.key)
    }

    fn waits_for_something(&self) -> bool {
        match &self.reactor.connections[self.key].stage {
            Lifecycle::Open(open) => open.extra.as_ref().is_some_and(|extra| extra.deferred.is_some()),
            _ => false,
        }
    }
}

/// Records that it was dropped.
struct Noted(Arc<()>);

#[test]
fn a_timer_calls_once_when_its_time_has_come_and_not_when_it_was_cancelled() {
    let timers = Mutex::new(Vec::new());
    let mut event_loop = Loop::new(move |_, socket, text| match text.split_once(' ') {
        Some(("after", seconds)) => {
            let time = Duration::from_secs(seconds.parse().unwrap());
            let note = text.to_owned();
            let timer = socket.after(time, move |app, socket| {
                app.note(&note);
                socket.send(note.as_str()).or_drop();
            });
            timers.lock().unwrap().push(timer);
        }
        _ => {
            let first = timers.lock().unwrap().remove(0);
            assert!(socket.cancel(first));
            assert!(!socket.cancel(first), "it was cancelled");
        }
    });
    event_loop.receive(&["after 10", "after 30", "after 20", "cancel"]);
    assert_eq!(event_loop.notes.try_iter().count(), 4);
    event_loop.run_round(19);
    assert_eq!(event_loop.notes.try_iter().count(), 0);
    event_loop.run_round(21);
    assert_eq!(event_loop.notes.try_iter().collect::<Vec<_>>(), ["after 20"]);
    assert_eq!(event_loop.write(), b"\x81\x08after 20");
    event_loop.run_round(31);
    event_loop.run_round(99);
    assert_eq!(event_loop.notes.try_iter().collect::<Vec<_>>(), ["after 30"]);
    assert_eq!(event_loop.write(), b"\x81\x08after 30");
    assert!(!event_loop.waits_for_something());
    // The connection's own deadlines remain.
    event_loop.run_round(101);
    assert_eq!(event_loop.write()[..2], [0x89, 8], "a ping");
}

/// It would starve everything else on the loop.
#[test]
fn a_timer_that_sets_another_without_delay_is_called_once_a_round() {
    fn again(app: &App, socket: &mut Conn<'_>) {
        app.note("again");
        socket.after(Duration::ZERO, again);
    }
    let mut event_loop = Loop::new(|app, socket, _| again(app, socket));
    event_loop.receive(&["go"]);
    assert_eq!(event_loop.notes.try_iter().collect::<Vec<_>>(), ["go", "again"]);
    for seconds in 1..4 {
        event_loop.run_round(seconds);
        assert_eq!(event_loop.notes.try_iter().collect::<Vec<_>>(), ["again"]);
    }
}

#[test]
fn timers_that_are_cancelled_leave_nothing_behind() {
    let mut event_loop = Loop::new(|_, socket, _| {
        let owned = Arc::new(());
        for _ in 0..1000 {
            let captured = Arc::clone(&owned);
            let timer = socket.after(Duration::from_secs(86_400), move |_, _| drop(captured));
            assert!(socket.cancel(timer));
        }
        assert_eq!(Arc::strong_count(&owned), 1);
    });
    for _ in 0..100 {
        event_loop.receive(&["go"]);
    }
    assert!(!event_loop.waits_for_something());
    assert!(event_loop.reactor.timers.len() < 100, "{} entries", event_loop.reactor.timers.len());
}

#[test]
fn the_timers_of_a_connection_end_with_it() {
    let owned = Arc::new(());
    let captured = Arc::clone(&owned);
    let mut event_loop = Loop::new(move |_, socket, _| {
        let noted = Noted(Arc::clone(&captured));
        socket.after(Duration::from_secs(1), move |app, _| {
            app.note("too late");
            drop(noted.0);
        });
    });
    event_loop.receive(&["go"]);
    assert_eq!(Arc::strong_count(&owned), 3);
    event_loop.reactor.ended(event_loop.key, None);
    assert_eq!(Arc::strong_count(&owned), 2, "it was dropped when the connection ended");
    event_loop.run_round(2);
    assert_eq!(event_loop.notes.try_iter().collect::<Vec<_>>(), ["go", "closed with 1006"]);
    assert!(!event_loop.waits_for_something());
}

/// Spawns a future that waits for the test, then records and sends the outcome.
fn ask(questions: &Sender<oneshot::Sender<String>>, socket: &mut Conn<'_>) {
    let (answer, question) = oneshot::channel();
    questions.send(answer).unwrap();
    socket.spawn(question, |app, socket, answer| {
        let answer = answer.unwrap();
        app.note(&answer);
        assert_eq!(socket.send(answer.as_str()), SendStatus::Queued);
    });
}

#[tokio::test]
async fn messages_wait_while_as_many_futures_run_as_may() {
    let (questions, asked) = channel();
    let mut event_loop = Loop::new(move |_, socket, _| ask(&questions, socket));
    event_loop.receive(&["a", "b", "c", "d"]);
    assert_eq!(event_loop.settle().await, ["a", "b"]);
    assert!(!event_loop.reactor.visit(event_loop.key).unwrap().wants_read());
    let (first, second) = (asked.try_recv().unwrap(), asked.try_recv().unwrap());
    second.send("B".into()).unwrap();
    assert_eq!(event_loop.notes_of(2).await, ["B", "c"]);
    assert_eq!(event_loop.write(), b"\x81\x01B");
    first.send("A".into()).unwrap();
    assert_eq!(event_loop.notes_of(2).await, ["A", "d"]);
    event_loop.run_round(0);
    assert!(event_loop.reactor.visit(event_loop.key).unwrap().wants_read());
    for (question, name) in asked.try_iter().zip(["C", "D"]) {
        question.send(name.into()).unwrap();
    }
    assert_eq!(event_loop.notes_of(2).await.len(), 2);
    assert!(!event_loop.waits_for_something());
}

/// Whatever the bound on futures is.
#[tokio::test]
async fn messages_wait_for_a_future_that_the_handler_waits_for() {
    let (questions, asked) = channel();
    let mut event_loop = Loop::new(move |_, socket, text| {
        if text == "wait" {
            let (answer, question) = oneshot::channel::<&str>();
            questions.send(answer).unwrap();
            socket.spawn_and_wait(question, |app, _, answer| app.note(answer.unwrap()));
        } else {
            socket.spawn(std::future::pending::<()>(), |_, _, ()| ());
        }
    });
    event_loop.receive(&["wait", "after", "wait", "more"]);
    assert_eq!(event_loop.settle().await, ["wait"]);
    assert!(!event_loop.reactor.visit(event_loop.key).unwrap().wants_read());
    asked.try_recv().unwrap().send("done").unwrap();
    assert_eq!(event_loop.notes_of(3).await, ["done", "after", "wait"]);
    assert!(event_loop.settle().await.is_empty());
    // A broken transport brings nothing more, so what has arrived is delivered.
    event_loop.reactor.ended(event_loop.key, Some(std::io::ErrorKind::ConnectionReset.into()));
    assert_eq!(event_loop.settle().await, ["more", "closed with 1006"]);
}

#[tokio::test]
async fn what_one_call_spawns_beyond_the_bound_starts_when_others_have_ended() {
    let mut event_loop = Loop::new(|_, socket, text| {
        for number in 0..5 {
            let note = format!("{text}{number}");
            socket.spawn(async { note }, |app, _, note| app.note(&note));
        }
    });
    event_loop.receive(&["a", "b"]);
    assert_eq!(event_loop.notes.try_iter().collect::<Vec<_>>(), ["a"]);
    let mut notes = event_loop.notes_of(11).await;
    let next = notes.iter().position(|note| note == "b").unwrap();
    assert!(next >= 4, "the next message waits until fewer futures run than the maximum: {notes:?}");
    notes.sort_unstable();
    assert_eq!(notes, ["a0", "a1", "a2", "a3", "a4", "b", "b0", "b1", "b2", "b3", "b4"]);
}

#[tokio::test]
async fn an_outcome_waits_while_the_queue_is_full() {
    let (questions, asked) = channel();
    let mut event_loop = Loop::new(move |_, socket, _| {
        ask(&questions, socket);
        while socket.send(&[0; 600][..]) == SendStatus::Queued {}
    });
    event_loop.receive(&["go"]);
    asked.try_recv().unwrap().send("answer".into()).unwrap();
    assert_eq!(event_loop.settle().await, ["go"]);
    event_loop.write();
    assert_eq!(event_loop.notes_of(1).await, ["answer"]);
    assert_eq!(event_loop.write(), b"\x81\x06answer");
}

#[tokio::test]
async fn what_a_connection_has_spawned_is_dropped_when_it_ends() {
    let owned = Arc::new(());
    let captured = Arc::clone(&owned);
    let mut event_loop = Loop::new(move |_, socket, _| {
        for _ in 0..3 {
            let noted = Noted(Arc::clone(&captured));
            let forever = async move {
                std::future::pending::<()>().await;
                drop(noted.0);
            };
            socket.spawn(forever, |_, _, ()| {});
        }
    });
    event_loop.receive(&["go"]);
    event_loop.settle().await;
    assert_eq!(Arc::strong_count(&owned), 5);
    event_loop.reactor.ended(event_loop.key, None);
    assert_eq!(event_loop.settle().await, ["closed with 1006"]);
    assert_eq!(Arc::strong_count(&owned), 2);
}

#[tokio::test]
async fn an_outcome_for_a_connection_that_has_ended_is_dropped() {
    let (questions, asked) = channel();
    let mut event_loop = Loop::new(move |_, socket, _| ask(&questions, socket));
    event_loop.receive(&["go"]);
    event_loop.settle().await;
    asked.try_recv().unwrap().send("late".into()).unwrap();
    // The outcome is in the mailbox when the connection ends.
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
    assert!(!event_loop.mailbox.listen(std::task::Waker::noop()), "the outcome is there");
    event_loop.reactor.ended(event_loop.key, None);
    assert_eq!(event_loop.settle().await, ["closed with 1006"]);
}

#[tokio::test]
async fn a_panic_of_a_future_or_of_what_follows_closes_the_connection() {
    for text in ["future", "resume"] {
        let mut event_loop = Loop::new(|_, socket, text| {
            let panics = text == "future";
            let future = async move { assert!(!panics, "as the test wants it") };
            socket.spawn(future, |_, _, ()| panic!("as the test wants it"));
        });
        event_loop.receive(&[text]);
        event_loop.settle().await;
        assert_eq!(event_loop.write(), b"\x88\x02\x03\xf3", "1011, of a panic of the {text}");
    }
}

/// The handler gets what a peer sent before it left, although no answer can be written.
#[tokio::test]
async fn messages_that_wait_for_futures_are_given_when_the_transport_breaks() {
    let (questions, _asked) = channel();
    let mut event_loop = Loop::new(move |_, socket, _| ask(&questions, socket));
    event_loop.receive(&["a", "b", "c", "d"]);
    assert_eq!(event_loop.settle().await, ["a", "b"]);
    let reset = std::io::ErrorKind::ConnectionReset.into();
    event_loop.reactor.ended(event_loop.key, Some(reset));
    assert_eq!(event_loop.settle().await, ["c", "d", "closed with 1006"]);
}
