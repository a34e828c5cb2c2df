//! What a run does about connections that end as soon as they are open, that are still being opened at its end, or whose
//! answers come after it.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::Duration;

use longwire_load::{Coding, Control, Dialect, Observer, Pace, Plan, Publishers, RatePlan, Workload};
use longwire_proto::handshake::ClientKey;

use crate::endpoint::{each_engine, echo_plan, run, series, short, target};

/// A Close frame with 1000, and a frame with a reserved opcode.
const ENDINGS: [&[u8]; 2] = [&[0x88, 2, 0x03, 0xe8], &[0x83, 0]];

/// Handles each connection in a thread of its own, with its number.
fn serve_streams(handler: impl Fn(usize, TcpStream) + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for (number, stream) in listener.incoming().flatten().enumerate() {
            let handler = handler.clone();
            thread::spawn(move || handler(number, stream));
        }
    });
    address
}

/// Reads the request, and returns the response to it.
fn response(stream: &mut TcpStream) -> Vec<u8> {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        head.extend(byte);
    }
    let head = String::from_utf8(head).unwrap();
    let is_key = |line: &&str| line.to_ascii_lowercase().starts_with("sec-websocket-key:");
    let (_, key) = head.lines().find(is_key).unwrap().split_once(':').unwrap();
    let accept = ClientKey::parse(key.trim().as_bytes()).unwrap().accept();
    let accept = std::str::from_utf8(accept.as_bytes()).unwrap();
    let upgrade = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade";
    format!("{upgrade}\r\nSec-WebSocket-Accept: {accept}\r\n\r\n").into_bytes()
}

/// Opens the connection.
fn accept(stream: &mut TcpStream) {
    let response = response(stream);
    stream.write_all(&response).unwrap();
}

/// Opens the connection and ends it in the same segment.
fn end_at_once(stream: &mut TcpStream, ending: &[u8]) {
    let response = response(stream);
    stream.write_all(&[&response, ending].concat()).unwrap();
    drain(stream);
}

/// Reads until the client has ended the connection.
fn drain(stream: &mut TcpStream) {
    // A reset is an end, too.
    let _length = stream.read_to_end(&mut Vec::new());
}

/// Reads one message, and sends it back.
fn echo_one(stream: &mut TcpStream) {
    let answer = answer_to_one(stream);
    stream.write_all(&answer).unwrap();
}

/// Reads one message, and returns the frame that has it.
fn answer_to_one(stream: &mut TcpStream) -> Vec<u8> {
    let mut head = [0; 8];
    stream.read_exact(&mut head).unwrap();
    assert_eq!((head[0], head[1]), (0x81, 0x80 | 126), "a text message of 126 bytes or more");
    let length = u16::from_be_bytes([head[2], head[3]]);
    let mut payload = vec![0; length.into()];
    stream.read_exact(&mut payload).unwrap();
    payload.iter_mut().zip(head[4..].iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
    [&[0x81, 126][..], &length.to_be_bytes(), &payload].concat()
}

#[test]
fn connections_that_end_in_the_segment_of_the_handshake_are_opened_and_end_early() {
    for ending in ENDINGS {
        let address = serve_streams(move |_, mut stream| end_at_once(&mut stream, ending));
        each_engine(|engine| {
            // One after another, so that none is begun before the one before has left its place.
            let plan = Plan { engine, together: 1, ..echo_plan(3, 1, Coding::Plain) };
            let tally = run(&plan, &target(address, Coding::Plain)).tally;
            assert_eq!((tally.opened, tally.ended_early, tally.failed), (3, 3, 0), "{tally:?}");
            assert_eq!((tally.error_count(), tally.sent), (3, 0), "{tally:?}");
        });
    }
}

#[test]
fn connections_that_end_in_the_segment_of_the_handshake_are_opened_again() {
    each_engine(|engine| {
        let control = Arc::new(Control::default());
        let stopping = Arc::clone(&control);
        let address = serve_streams(move |number, mut stream| match number {
            0 => accept(&mut stream),
            1..5 => end_at_once(&mut stream, ENDINGS[number % 2]),
            _ => {
                accept(&mut stream);
                echo_one(&mut stream);
                stopping.stop();
            }
        });
        let plan =
            Plan { engine, together: 1, reopening: Some(Duration::ZERO), ..echo_plan(1, 1, Coding::Plain) };
        let plan = Plan { measured: Duration::from_secs(60), ..plan };
        let outcome = longwire_load::run(&plan, &target(address, Coding::Plain), &control, &mut ()).unwrap();
        assert!(outcome.was_stopped && outcome.tally.received >= 1, "{:?}", outcome.tally);
        assert!(outcome.tally.reopened >= 5, "{:?}", outcome.tally);
    });
}

/// Meets a server when the measured time ends.
struct End(Arc<Barrier>);

impl Observer for End {
    fn ends(&mut self) {
        self.0.wait();
    }
}

#[test]
fn a_connection_that_is_still_being_opened_when_the_load_ends_is_dropped() {
    each_engine(|engine| {
        let (control, end, answered) =
            (Arc::new(Control::default()), Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
        let (stopping, ended) = (Arc::clone(&control), Arc::clone(&end));
        let address = serve_streams(move |number, mut stream| match number {
            0 => {
                // Its message has no answer. The run waits for that until the server has ended the connection.
                accept(&mut stream);
                answered.wait();
            }
            1 => {
                accept(&mut stream);
                stream.read_exact(&mut [0]).unwrap();
            }
            _ => {
                let response = response(&mut stream);
                stopping.stop();
                ended.wait();
                // The client may have dropped the connection before that, or after it.
                let _is_there = stream.write_all(&response).and_then(|()| stream.read(&mut [0]));
                answered.wait();
            }
        });
        let plan = Plan { engine, reopening: Some(Duration::ZERO), ..echo_plan(2, 1, Coding::Plain) };
        let plan = Plan { together: 1, measured: Duration::from_secs(60), ..plan };
        let target = target(address, Coding::Plain);
        let tally = longwire_load::run(&plan, &target, &control, &mut End(end)).unwrap().tally;
        assert_eq!((tally.opened, tally.reopened, tally.ended_early), (2, 0, 2), "{tally:?}");
        assert_eq!((tally.sent, tally.expected, tally.unanswered), (2, 2, 2), "{tally:?}");
    });
}

#[test]
fn answers_that_come_while_connections_are_closed_do_not_count() {
    let address = serve_streams(|_, mut stream| {
        accept(&mut stream);
        let answers: Vec<u8> = (0..3).flat_map(|_| answer_to_one(&mut stream)).collect();
        // The client's Close frame: two bytes, the mask and the code.
        stream.read_exact(&mut [0; 8]).unwrap();
        stream.write_all(&[&answers, ENDINGS[0]].concat()).unwrap();
        drain(&mut stream);
    });
    each_engine(|engine| {
        let plan = Plan { engine, ..echo_plan(1, 3, Coding::Plain) };
        let plan = Plan { patience: Duration::from_secs(1), ..plan };
        let tally = run(&plan, &target(address, Coding::Plain)).tally;
        assert_eq!((tally.expected, tally.received, tally.unanswered), (3, 0, 3), "{tally:?}");
        assert_eq!((tally.round_trip.count(), tally.repeated), (0, 0), "{tally:?}");
        // The Close frame came behind the answers.
        assert_eq!(tally.closes.get(&1000), Some(&1), "{tally:?}");
    });
}

fn open_loop() -> Pace {
    Pace::Open(RatePlan::constant(1000.0, Duration::from_millis(200)))
}

#[test]
fn messages_that_were_due_while_no_connection_was_open_have_no_answer() {
    each_engine(|engine| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        // The server ends after its first connection.
        thread::spawn(move || accept(&mut listener.accept().unwrap().0));
        let workload = Workload::Echo { series: series(1, Coding::Plain), pace: open_loop() };
        let plan =
            Plan { engine, reopening: Some(Duration::from_millis(10)), ..short(Plan::new(workload, 1)) };
        let plan = Plan { measured: Duration::from_secs(1), ..plan };
        let tally = run(&plan, &target(address, Coding::Plain)).tally;
        assert_eq!((tally.ended_early, tally.received), (1, 0), "{tally:?}");
        assert_eq!((tally.sent, tally.expected, tally.unanswered), (200, 200, 200), "{tally:?}");
    });
}

#[test]
fn publications_that_were_due_without_a_publisher_are_not_delivered() {
    // The publisher is opened last.
    let address = serve_streams(|number, mut stream| {
        accept(&mut stream);
        if number < 2 {
            drain(&mut stream);
        }
    });
    let (series, dialect) = (series(1, Coding::Plain), Dialect::Plain);
    let workload =
        Workload::Fanout { series, pace: open_loop(), channels: 1, dialect, publishers: Publishers::Apart };
    let plan = Plan { together: 1, patience: Duration::from_secs(2), ..short(Plan::new(workload, 2)) };
    let plan = Plan { measured: Duration::from_secs(1), ..plan };
    let tally = run(&plan, &target(address, Coding::Plain)).tally;
    assert_eq!((tally.ended_early, tally.received), (1, 0), "{tally:?}");
    assert_eq!((tally.sent, tally.expected, tally.unanswered), (200, 400, 400), "{tally:?}");
}
