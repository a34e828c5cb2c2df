//! What runs count when the endpoint is at fault.

use std::net::TcpListener;
use std::time::Duration;

use longwire::{CloseCode, WebSocket};
use longwire_load::{
    Check, Coding, Condition, Dialect, Finding, Pace, Plan, Publishers, RatePlan, Report, Workload,
};

use crate::endpoint::{each_engine, echo_plan, run, series, serve, target};

/// Answers are waited for no longer than this where they never come.
fn impatient(plan: Plan) -> Plan {
    Plan { patience: Duration::from_secs(1), ..plan }
}

#[test]
fn a_message_that_is_skipped_is_lost_and_one_that_comes_again_is_repeated() {
    // Of eight messages, the third has no answer, and the fifth has two.
    let address = serve(false, async |mut socket: WebSocket| {
        let mut number = 0;
        while let Some(message) = socket.recv().await? {
            number += 1;
            if number == 5 {
                socket.send(message.clone()).await?;
            }
            if number != 3 {
                socket.send(message).await?;
            }
        }
        Ok(())
    });
    each_engine(|engine| {
        let plan = Plan { engine, ..echo_plan(1, 8, Coding::Plain) };
        let warm_up = Plan { warm_up: Duration::ZERO, ..impatient(plan) };
        let outcome = run(&warm_up, &target(address, Coding::Plain));
        assert_eq!((outcome.tally.lost, outcome.tally.repeated), (1, 1), "{:?}", outcome.tally);
    });
}

#[test]
fn a_changed_answer_is_not_expected_unless_any_is() {
    let address = serve(false, async |mut socket: WebSocket| {
        while socket.recv().await?.is_some() {
            socket.send("something else").await?;
        }
        Ok(())
    });
    let plan = impatient(echo_plan(2, 1, Coding::Plain));
    let outcome = run(&plan, &target(address, Coding::Plain));
    assert_eq!((outcome.tally.received, outcome.tally.unexpected), (0, 2));
    let outcome = run(&Plan { check: Check::Any, ..plan }, &target(address, Coding::Plain));
    assert_eq!(outcome.tally.unexpected, 0);
    assert!(outcome.tally.received > 0);
}

#[test]
fn the_codes_of_closes_are_counted_and_connections_that_end_early_too() {
    let address = serve(false, async |mut socket: WebSocket| {
        socket.recv().await?;
        let (sender, _receiver) = socket.split();
        sender.close(CloseCode::POLICY_VIOLATION, "enough").await?;
        Ok(())
    });
    each_engine(|engine| {
        let plan = impatient(Plan { engine, ..echo_plan(3, 1, Coding::Plain) });
        let tally = run(&plan, &target(address, Coding::Plain)).tally;
        assert_eq!(tally.closes.get(&1008), Some(&3), "{tally:?}");
        assert_eq!((tally.ended_early, tally.unanswered, tally.errors["closed with 1008"]), (3, 3, 3));
    });
}

#[test]
fn connections_that_ended_are_opened_again_and_go_on() {
    // Each connection is closed after its third message.
    let address = serve(false, async |mut socket: WebSocket| {
        for _ in 0..3 {
            let Some(message) = socket.recv().await? else { return Ok(()) };
            socket.send(message).await?;
        }
        socket.close(CloseCode::SERVICE_RESTART, "").await?;
        Ok(())
    });
    each_engine(|engine| {
        let plan = Plan { engine, reopening: Some(Duration::ZERO), ..echo_plan(2, 1, Coding::Plain) };
        // Long enough for a slow machine to open some connections.
        let plan = Plan { measured: Duration::from_secs(1), ..impatient(plan) };
        let tally = run(&plan, &target(address, Coding::Plain)).tally;
        assert!(tally.reopened > 2 && tally.opened == tally.reopened + 2, "{tally:?}");
        assert!(tally.received > 3 * 2 && tally.ended_early >= tally.reopened, "{tally:?}");
        assert_eq!((tally.failed, tally.lost + tally.repeated + tally.unexpected), (0, 0), "{tally:?}");
    });
}

#[test]
fn a_port_without_a_server_refuses_every_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    each_engine(|engine| {
        let plan = Plan { engine, ..echo_plan(3, 1, Coding::Plain) };
        let tally = run(&plan, &target(address, Coding::Plain)).tally;
        assert_eq!((tally.failed, tally.errors["connect: connection refused"]), (3, 3), "{tally:?}");
    });
}

#[test]
fn a_server_that_does_not_answer_the_handshake_is_given_up() {
    // The system accepts connections for the listener, which takes none of them.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let plan = impatient(echo_plan(2, 1, Coding::Plain));
    let tally = run(&plan, &target(listener.local_addr().unwrap(), Coding::Plain)).tally;
    assert_eq!((tally.failed, tally.errors["handshake: timed out"]), (2, 2), "{tally:?}");
}

#[test]
fn an_endpoint_that_refuses_or_does_not_compress_is_named() {
    let address = serve(false, async |socket: WebSocket| {
        drop(socket);
        Ok(())
    });
    let plan = impatient(echo_plan(1, 1, Coding::Deflate));
    let tally = run(&plan, &target(address, Coding::Deflate)).tally;
    assert_eq!(tally.errors["handshake: the server does not compress"], 1, "{tally:?}");
}

#[test]
fn messages_behind_the_handshake_do_no_harm() {
    let address = serve(false, async |mut socket: WebSocket| {
        socket.send("welcome").await?;
        while let Some(message) = socket.recv().await? {
            socket.send(message).await?;
        }
        Ok(())
    });
    let tally = run(&echo_plan(2, 1, Coding::Plain), &target(address, Coding::Plain)).tally;
    assert_eq!((tally.unexpected, tally.unanswered), (2, 0), "{tally:?}");
    assert!(tally.received > 0);
}

/// A server that reads and never answers.
fn mute() -> std::net::SocketAddr {
    serve(false, async |mut socket: WebSocket| {
        while socket.recv().await?.is_some() {}
        Ok(())
    })
}

#[test]
fn messages_of_the_warm_up_are_not_among_the_unanswered_ones_of_an_open_loop() {
    let address = mute();
    let time = Duration::from_millis(100);
    let pace = Pace::Open(RatePlan::constant(200.0, time));
    let workload = Workload::Echo { series: series(64, Coding::Plain), pace };
    let plan = Plan { warm_up: time, measured: time, ..impatient(Plan::new(workload, 2)) };
    let tally = run(&plan, &target(address, Coding::Plain)).tally;
    assert_eq!((tally.sent, tally.expected, tally.unanswered), (20, 20, 20), "{tally:?}");
}

#[test]
fn messages_of_the_warm_up_that_hold_up_a_closed_loop_are_sent_and_unanswered() {
    let address = mute();
    let time = Duration::from_millis(100);
    for warm_up in [Duration::ZERO, time] {
        let plan = Plan { warm_up, measured: time, ..impatient(echo_plan(2, 3, Coding::Plain)) };
        let tally = run(&plan, &target(address, Coding::Plain)).tally;
        assert_eq!((tally.sent, tally.expected, tally.unanswered), (6, 6, 6), "{tally:?}");
        assert_eq!(tally.sent_bytes, 6 * 200, "{tally:?}");
    }
}

#[test]
fn publications_of_the_warm_up_are_not_among_the_undelivered_ones() {
    let address = mute();
    let time = Duration::from_millis(100);
    let (series, dialect, publishers) = (series(64, Coding::Plain), Dialect::Plain, Publishers::Apart);
    let pace = Pace::Open(RatePlan::constant(200.0, time));
    let workload = Workload::Fanout { series, pace, channels: 1, dialect, publishers };
    let plan = Plan { warm_up: time, measured: time, ..impatient(Plan::new(workload, 3)) };
    let tally = run(&plan, &target(address, Coding::Plain)).tally;
    assert_eq!((tally.sent, tally.expected, tally.unanswered), (20, 60, 60), "{tally:?}");
}

#[test]
fn a_server_that_answers_nothing_keeps_no_limit_on_the_latency() {
    let target = target(mute(), Coding::Plain);
    let time = Duration::from_millis(100);
    let pace = || Pace::Open(RatePlan::constant(200.0, time));
    let series = || series(64, Coding::Plain);
    let (channels, dialect, publishers) = (1, Dialect::Plain, Publishers::Apart);
    for workload in [
        Workload::Echo { series: series(), pace: pace() },
        Workload::Fanout { series: series(), pace: pace(), channels, dialect, publishers },
    ] {
        let plan = Plan { measured: time, ..impatient(Plan::new(workload, 2)) };
        let report = Report::new("ws://127.0.0.1/", &target, &plan, &run(&plan, &target));
        let find = |condition: &str| condition.parse::<Condition>().unwrap().find(&report);
        assert_eq!(find("p99 > 50ms"), Finding::Unknown, "{report:?}");
        assert_eq!(find("handshake.p99 > 1m"), Finding::Fine, "{report:?}");
    }
}
