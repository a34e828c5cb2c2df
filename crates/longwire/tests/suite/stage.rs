//! Handlers on a stage: in memory, with time under the test's control.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use longwire::{
    Accept, CloseCode, Closed, Error, Handler, Keepalive, Limits, Message, MessageRef, Refusal, Slow, Socket,
    Stage, TopicEvent, Upgrade,
};
use tokio::sync::oneshot;

const SECOND: Duration = Duration::from_secs(1);

type Conn<'a> = Socket<'a, App>;
type OnMessage = Box<dyn Fn(&App, &mut Conn<'_>, &str) + Send + Sync>;

/// Runs the test's closure for each message, and records its calls.
struct App {
    on_message: OnMessage,
    notes: Sender<String>,
}

impl App {
    fn new(
        on_message: impl Fn(&App, &mut Conn<'_>, &str) + Send + Sync + 'static,
    ) -> (App, Receiver<String>) {
        let (notes, noted) = channel();
        (App { on_message: Box::new(on_message), notes }, noted)
    }

    fn note(&self, note: impl Into<String>) {
        let _test_has_ended = self.notes.send(note.into());
    }
}

impl Handler for App {
    /// The name of the client.
    type State = String;

    async fn on_upgrade(&self, request: &Upgrade<'_>) -> Result<Accept<String>, Refusal> {
        self.note(format!("{} {}", request.peer_addr().unwrap(), request.path()));
        if let Some(cookie) = request.header("cookie") {
            self.note(cookie);
        }
        let name = request.query("name").ok_or_else(|| Refusal::bad_request("say who you are: ?name="))?;
        Ok(Accept::with(name.clone().into_owned()).header("x-name", name.as_ref()))
    }

    fn on_open(&self, socket: &mut Conn<'_>) {
        socket.subscribe_with("tea", Slow::DropOldest { keep: 2 });
    }

    fn on_message(&self, socket: &mut Conn<'_>, message: MessageRef<'_>) {
        match message.as_text() {
            Some(text) => (self.on_message)(self, socket, text),
            None => socket.send(message).or_drop(),
        }
    }

    fn on_tick(&self, socket: &mut Conn<'_>) {
        self.note(format!("tick of {}", socket.state()));
    }

    fn on_alarm(&self, socket: &mut Conn<'_>) {
        self.note("alarm");
        socket.send("alarm").or_drop();
    }

    fn on_drain(&self, socket: &mut Conn<'_>) {
        self.note("drained");
        socket.send("drained").or_drop();
    }

    fn on_error(&self, _: &mut Conn<'_>, error: &Error) {
        self.note(error.to_string());
    }

    fn on_close(&self, socket: &mut Conn<'_>, closed: &Closed) {
        self.note(format!("{}: {}", socket.state(), closed.code));
    }
}

fn notes(noted: &Receiver<String>) -> Vec<String> {
    noted.try_iter().collect()
}

fn publish(_: &App, socket: &mut Conn<'_>, text: &str) {
    let line = format!("{}: {text}", socket.state());
    socket.publish("tea", line);
}

#[test]
fn clients_talk_by_a_topic_and_see_how_others_leave() {
    let (app, noted) = App::new(publish);
    let (events, seen) = channel();
    let observer = move |event: TopicEvent<'_>| events.send(format!("{event:?}")).unwrap();
    let mut stage = Stage::builder(app).on_topic(observer).start().unwrap();
    let ann = stage.connect("/chat?name=ann").unwrap();
    assert_eq!(notes(&seen), [r#"FirstSubscribed("tea")"#]);
    let bob = stage.connect("/chat?name=bob").unwrap();
    assert_eq!(notes(&noted), ["127.0.0.1:40000 /chat", "127.0.0.1:40000 /chat"]);
    ann.send("hello");
    bob.send("hi");
    assert_eq!(bob.received(), ["ann: hello", "bob: hi"]);
    assert!(bob.received().is_empty(), "they were taken");
    assert_eq!(ann.received(), ["ann: hello", "bob: hi"]);

    let topics = stage.topics();
    assert_eq!(topics.subscribers("tea"), 2);
    assert_eq!(topics.publish("tea", "the kettle boils"), 2);
    assert_eq!(ann.received(), ["the kettle boils"]);

    assert!(bob.closed().is_none());
    bob.close(4000, "enough");
    let closed = bob.closed().unwrap();
    assert_eq!((u16::from(closed.code), closed.clean), (4000, true));
    assert_eq!(notes(&noted), ["bob: 4000"]);
    drop(ann);
    assert_eq!(notes(&noted), [format!("ann: {}", CloseCode::ABNORMAL)]);
    assert_eq!(topics.subscribers("tea"), 0);
    assert_eq!(notes(&seen), [r#"LastUnsubscribed("tea")"#]);
}

#[test]
fn a_paused_subscription_and_calls_of_other_threads_work_on_a_stage() {
    let (given, handles) = channel();
    let (app, _noted) = App::new(move |_, socket, _| {
        given.send((socket.subscribe_paused("milk", Slow::Disconnect), socket.caller())).unwrap();
    });
    let mut stage = Stage::builder(app).start().unwrap();
    let ann = stage.connect("/?name=ann").unwrap();
    ann.send("subscribe");
    let (subscription, caller) = handles.recv().unwrap();
    let topics = stage.topics();
    topics.publish("milk", "too early");
    subscription.start();
    topics.publish("milk", "in time");
    caller.call(|_, socket| socket.send("called").or_drop()).or_drop();
    topics.publish("milk", "later");
    assert_eq!(ann.received(), ["in time", "called", "later"]);
}

#[test]
fn a_refusal_can_be_read() {
    let (app, _noted) = App::new(publish);
    let mut stage = Stage::builder(app).origins(["https://example.com"]).start().unwrap();
    let Err(Error::Refused(refused)) = stage.connect("/chat") else { panic!("it was not refused") };
    assert_eq!(refused.status(), 400);
    assert_eq!(refused.text(), Some("say who you are: ?name="));
    let Err(Error::Refused(refused)) = stage.request("/?name=eve").origin("https://evil.example").connect()
    else {
        panic!("it was not refused")
    };
    assert_eq!(refused.status(), 403);
    stage.request("/?name=ann").origin("https://example.com").connect().unwrap();
}

#[test]
fn a_request_has_headers_subprotocols_and_an_address() {
    let (app, noted) = App::new(publish);
    let mut stage = Stage::builder(app).subprotocols(["chat.v2", "chat.v1"]).start().unwrap();
    let request = stage.request("/chat?name=ann").header("cookie", "session=1").subprotocols(["chat.v1"]);
    let ann = request.peer_addr(([192, 0, 2, 1], 7).into()).connect().unwrap();
    assert_eq!(ann.subprotocol(), Some("chat.v1"));
    assert_eq!(ann.response_headers()["x-name"], "ann");
    assert_eq!(notes(&noted), ["192.0.2.1:7 /chat", "session=1"]);
    let invalid = stage.request("/").header("two words", "x").connect();
    assert!(matches!(invalid, Err(Error::Setting(_))), "{invalid:?}");
    assert!(stage.connect("no path").is_err());
}

#[test]
fn time_passes_when_the_test_says_so_and_in_order() {
    let (app, noted) = App::new(|_, socket, text| {
        let seconds = text.parse().unwrap();
        let text = text.to_owned();
        socket.after(Duration::from_secs(seconds), move |app, socket| {
            app.note(text.as_str());
            socket.send(text).or_drop();
        });
    });
    let ticks = app.notes.clone();
    let tick = move |_: &longwire::Topics| ticks.send("tick".into()).unwrap();
    let limits = Limits::default().keepalive(None);
    let mut stage = Stage::builder(app).limits(limits).every(40 * SECOND, tick).start().unwrap();
    let ann = stage.connect("/?name=ann").unwrap();
    notes(&noted);
    for seconds in ["100", "30", "50"] {
        ann.send(seconds);
    }
    stage.advance(30 * SECOND - Duration::from_millis(1));
    assert_eq!(notes(&noted), [""; 0]);
    stage.advance(Duration::from_millis(1));
    assert_eq!(ann.received(), ["30"]);
    stage.advance(71 * SECOND);
    assert_eq!(notes(&noted), ["30", "tick", "50", "tick", "100"]);
    assert_eq!(ann.received(), ["50", "100"]);
}

#[test]
fn a_connection_has_one_alarm_that_rings_once() {
    let (app, noted) =
        App::new(|_, socket, text| socket.set_alarm(text.parse().ok().map(Duration::from_secs)));
    let mut stage = Stage::builder(app).limits(Limits::default().keepalive(None)).start().unwrap();
    let ann = stage.connect("/?name=ann").unwrap();
    notes(&noted);
    ann.send("30");
    ann.send("20");
    stage.advance(20 * SECOND - Duration::from_millis(1));
    assert_eq!(notes(&noted), [""; 0]);
    stage.advance(Duration::from_millis(1));
    assert_eq!((notes(&noted), ann.received()), (vec!["alarm".into()], vec!["alarm".into()]));
    stage.advance(60 * SECOND);
    assert_eq!(notes(&noted), [""; 0], "the first one was replaced");
    for times in [["10", "40"], ["10", "none"]] {
        times.iter().for_each(|time| ann.send(*time));
        stage.advance(39 * SECOND);
        assert_eq!(notes(&noted), [""; 0]);
    }
    stage.advance(60 * SECOND);
    assert_eq!(notes(&noted), [""; 0], "it was taken back");
    ann.send("10");
    ann.close(1000, "");
    stage.advance(60 * SECOND);
    assert_eq!(notes(&noted), ["ann: 1000 (normal closure)"], "the connection has ended");
}

#[test]
fn handlers_by_path_tick_on_a_stage_too() {
    let (chat, noted) = App::new(publish);
    let (other, of_other) = App::new(publish);
    let stage = Stage::routes().route("/chat/{channel}", chat).route("/other", other).tick_every(10 * SECOND);
    let mut stage = stage.start().unwrap();
    let _ann = stage.connect("/chat/tea?name=ann").unwrap();
    let _bob = stage.connect("/other?name=bob").unwrap();
    let Err(Error::Refused(refused)) = stage.connect("/nothing") else { panic!("it was let in") };
    assert_eq!(refused.status(), 404);
    stage.advance(10 * SECOND);
    assert_eq!(notes(&noted), ["127.0.0.1:40000 /chat/tea", "tick of ann"]);
    assert_eq!(notes(&of_other), ["127.0.0.1:40000 /other", "tick of bob"]);
    let both = Stage::builder(App::new(publish).0).route("/", App::new(publish).0).start();
    assert!(matches!(both, Err(Error::Setting(_))), "{both:?}");
}

#[test]
fn the_times_of_the_limits_run_too() {
    let (app, noted) = App::new(publish);
    let limits = Limits::default().keepalive(Keepalive::every(10 * SECOND).within(5 * SECOND));
    let mut stage = Stage::builder(app).limits(limits).start().unwrap();
    let ann = stage.connect("/?name=ann").unwrap();
    let bob = stage.connect("/?name=bob").unwrap();
    notes(&noted);
    bob.stop_reading();
    stage.advance(14 * SECOND);
    assert_eq!(notes(&noted), [""; 0]);
    stage.advance(60 * SECOND);
    assert_eq!(notes(&noted), [format!("bob: {}", CloseCode::ABNORMAL)], "bob does not answer pings");
    assert!(ann.closed().is_none(), "ann does");
    assert!(ann.ping(b"still there?"));
}

#[test]
fn a_client_that_does_not_read_fills_its_queue() {
    let (app, noted) = App::new(|app, socket, _| {
        let sent = (0..100).take_while(|_| socket.send("x".repeat(100)).is_queued()).count();
        app.note(format!("sent {sent}"));
    });
    let limits = Limits::default().high_water(1000).low_water(500);
    let mut stage = Stage::builder(app).limits(limits).start().unwrap();
    let ann = stage.connect("/?name=ann").unwrap();
    notes(&noted);
    ann.stop_reading();
    ann.send("go");
    assert_eq!(notes(&noted), ["sent 10"]);
    ann.send("again");
    assert_eq!(notes(&noted), [""; 0], "it waits until there is room");
    for number in 0..4 {
        stage.topics().publish("tea", number.to_string());
    }
    assert!(ann.received().is_empty());
    assert_eq!(stage.topics().dropped_of("tea").drop_oldest, 2);
    ann.resume_reading();
    assert!(notes(&noted).contains(&"drained".to_owned()));
    let received = ann.received();
    let of_topic: Vec<&Message> = received.iter().filter(|message| message.len() == 1).collect();
    assert_eq!(of_topic, ["2", "3"]);
    assert_eq!(received.iter().filter(|message| **message == "drained").count(), 2);
}

#[test]
fn a_panic_closes_its_connection_and_no_other() {
    let (app, _noted) = App::new(|_, _, _| panic!("as the test wants it"));
    let mut stage = Stage::new(app);
    let ann = stage.connect("/?name=ann").unwrap();
    let bob = stage.connect("/?name=bob").unwrap();
    ann.send("hello");
    assert_eq!(ann.closed().unwrap().code, 1011);
    assert!(bob.closed().is_none());
}

#[test]
fn a_client_that_breaks_the_protocol_is_told_so() {
    let (app, noted) = App::new(publish);
    let mut stage = Stage::new(app);
    let ann = stage.connect("/?name=ann").unwrap();
    notes(&noted);
    ann.send_raw(b"\x81\x01a");
    assert_eq!(ann.closed().unwrap().code, 1002);
    let noted = notes(&noted);
    assert!(noted[0].contains("mask"), "{noted:?}");
}

#[test]
fn large_messages_arrive_both_ways() {
    let (app, _noted) = App::new(publish);
    let mut stage = Stage::new(app);
    let ann = stage.connect("/?name=ann").unwrap();
    let message = Message::from((0..=255).cycle().take(3_000_000).collect::<Vec<u8>>());
    ann.send(message.clone());
    assert!(ann.received() == [message], "it came back changed");
}

#[test]
fn the_outcomes_of_futures_that_are_ready_have_come_when_a_call_returns() {
    let (app, _noted) = App::new(|_, socket, text| {
        let text = text.to_uppercase();
        let work = async {
            // It yields to the runtime a few times, and waits for nothing.
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            tokio::spawn(async { text }).await.unwrap()
        };
        socket.spawn(work, |_, socket, text| socket.send(text).or_drop());
    });
    let mut stage = Stage::new(app);
    let ann = stage.connect("/?name=ann").unwrap();
    ann.send("hello");
    assert_eq!(ann.received(), ["HELLO"]);
    assert!(stage.settle(Duration::ZERO));
}

#[test]
fn a_future_that_waits_can_be_waited_for() {
    let (questions, asked) = channel();
    let (app, _noted) = App::new(move |_, socket, text| {
        let (answer, question) = oneshot::channel::<String>();
        match text {
            "clock" => tokio::spawn(async {
                tokio::time::sleep(Duration::from_millis(20)).await;
                answer.send("late".into()).unwrap();
            }),
            _ => {
                questions.send(answer).unwrap();
                tokio::spawn(async {})
            }
        };
        socket.spawn(question, |_, socket, answer| socket.send(answer.unwrap()).or_drop());
    });
    let mut stage = Stage::new(app);
    let ann = stage.connect("/?name=ann").unwrap();
    ann.send("question");
    assert!(!stage.settle(Duration::ZERO), "nothing has answered");
    assert!(ann.received().is_empty());
    asked.recv().unwrap().send("answer".into()).unwrap();
    assert_eq!(ann.received(), ["answer"]);

    ann.send("clock");
    assert!(stage.settle(60 * SECOND));
    assert_eq!(ann.received(), ["late"]);
}

#[test]
fn a_task_publishes_after_its_connection_has_ended() {
    let (saves, saving) = channel();
    let (app, _noted) = App::new(move |_, socket, _| {
        let (save, saved) = oneshot::channel::<String>();
        saves.send(save).unwrap();
        let topics = socket.server_topics();
        let task = tokio::spawn(async move { topics.publish("tea", saved.await.unwrap()) });
        socket.spawn(task, |_, _, _| ());
    });
    let mut stage = Stage::new(app);
    let ann = stage.connect("/?name=ann").unwrap();
    let bob = stage.connect("/?name=bob").unwrap();
    ann.send("save this");
    drop(ann);
    saving.recv().unwrap().send("saved".into()).unwrap();
    assert!(stage.settle(60 * SECOND));
    assert_eq!(bob.received(), ["saved"]);
}

#[test]
#[should_panic(expected = "never becomes idle")]
fn a_handler_that_never_comes_to_rest_fails_the_test() {
    fn again(_: &App, socket: &mut Conn<'_>) {
        socket.spawn(async {}, |app, socket, ()| again(app, socket));
    }
    let (app, _noted) = App::new(|app, socket, _| again(app, socket));
    let mut stage = Stage::new(app);
    let ann = stage.connect("/?name=ann").unwrap();
    ann.send("go");
}

#[test]
#[should_panic(expected = "cannot send a message: closed by this end: 1000")]
fn a_client_cannot_send_after_it_has_closed() {
    let (app, _noted) = App::new(publish);
    let ann = Stage::new(app).connect("/?name=ann").unwrap();
    ann.close(1000, "");
    ann.send("too late");
}

/// Asks another thread, or waits for a task, before it decides.
struct Asks;

impl Handler for Asks {
    type State = ();

    async fn on_upgrade(&self, request: &Upgrade<'_>) -> Result<Accept<()>, Refusal> {
        let (answer, answered) = oneshot::channel();
        let is_guest = request.path() == "/guest";
        if request.path() == "/task" {
            tokio::spawn(async move { answer.send(true) });
        } else {
            std::thread::spawn(move || answer.send(!is_guest));
        }
        match answered.await {
            Ok(true) => Ok(Accept::new()),
            _ => Err(Refusal::forbidden("no guests")),
        }
    }

    fn on_message(&self, socket: &mut Socket<'_, Self>, message: MessageRef<'_>) {
        socket.send(message).or_drop();
    }
}

#[test]
fn a_decision_may_wait_for_a_task_or_a_thread() {
    let mut stage = Stage::new(Asks);
    for path in ["/task", "/thread"] {
        let client = stage.connect(path).unwrap();
        client.send("hello");
        assert_eq!(client.received(), ["hello"]);
    }
    let refused = stage.connect("/guest").unwrap_err();
    assert!(matches!(&refused, Error::Refused(response) if response.status() == 403), "{refused}");
}
