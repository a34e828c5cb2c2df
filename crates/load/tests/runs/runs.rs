//! What runs count when all is well.

use std::sync::Arc;
use std::time::Duration;

use longwire::WebSocket;
use longwire_load::{
    Coding, Control, Dialect, Ending, Pace, Plan, Publishers, RatePlan, RequestOptions, Target, Think,
    Workload,
};

use crate::endpoint::{
    each_engine, echo, echo_plan, run, series, serve, serve_at_unix_socket, short, target,
};

#[test]
fn a_closed_loop_gets_every_message_back() {
    let address = echo();
    each_engine(|engine| {
        for coding in [Coding::Plain, Coding::Deflate] {
            let plan = Plan { engine, ..echo_plan(3, 4, coding) };
            let outcome = run(&plan, &target(address, coding));
            let tally = &outcome.tally;
            assert!(tally.errors.is_empty(), "{:?}", tally.errors);
            assert_eq!((tally.opened, tally.handshake.count(), outcome.open_at_end), (3, 3, 3));
            assert!(tally.received >= 12, "{tally:?}");
            assert_eq!((tally.lost, tally.repeated, tally.unexpected, tally.unanswered), (0, 0, 0, 0));
            assert_eq!((tally.sent, tally.sent_bytes), (tally.received, 200 * tally.received));
            assert_eq!(tally.received_bytes, tally.sent_bytes, "{tally:?}");
            assert_eq!(tally.round_trip.count(), tally.received);
            assert_eq!(tally.closes.get(&1000), Some(&3));
        }
    });
}

#[cfg(unix)]
#[test]
fn a_server_at_a_unix_socket_is_loaded() {
    let dir = std::env::temp_dir().join(format!("longwire-load-{}", std::process::id()));
    std::fs::create_dir_all(&dir).unwrap();
    let path = dir.join("echo");
    serve_at_unix_socket(&path);
    let options = RequestOptions { unix_socket: Some(path), ..RequestOptions::default() };
    let target = Target::resolve("ws://name.invalid/", &options).unwrap();
    assert!(target.is_local() && target.lookup().is_none());
    each_engine(|engine| {
        let tally = run(&Plan { engine, ..echo_plan(3, 4, Coding::Plain) }, &target).tally;
        assert!(tally.errors.is_empty() && tally.received >= 12, "{tally:?}");
        let workload = Workload::Storm { pace: Pace::Closed { depth: 4, think: Think::default() } };
        let storm = Plan { engine, ending: Ending::Reset, ..short(Plan::new(workload, 1)) };
        let tally = run(&storm, &target).tally;
        assert!(tally.errors.is_empty() && tally.opened > 0, "{tally:?}");
    });
    std::fs::remove_dir_all(dir).unwrap();
    let tally = run(&echo_plan(2, 1, Coding::Plain), &target).tally;
    assert_eq!((tally.failed, tally.opened), (2, 0), "{tally:?}");
}

#[test]
fn an_open_loop_sends_what_is_due_and_no_more() {
    let address = echo();
    each_engine(|engine| {
        let pace = Pace::Open(RatePlan::constant(1000.0, Duration::from_millis(200)));
        let plan = Plan::new(Workload::Echo { series: series(1, Coding::Plain), pace }, 2);
        // Long enough that even a slow machine sends everything.
        let plan = Plan { engine, measured: Duration::from_secs(2), ..short(plan) };
        let outcome = run(&plan, &target(address, Coding::Plain));
        assert_eq!((outcome.tally.sent, outcome.tally.received), (200, 200));
        assert_eq!(outcome.tally.late.count(), 200);
    });
}

#[test]
fn what_is_due_at_the_end_is_not_sent_by_a_late_generator_either() {
    let address = echo();
    // No generator sends so many in a millisecond, so it catches up. The next message is due when the time is over.
    let pace = Pace::Open(RatePlan::constant(1e6, Duration::from_millis(2)));
    let plan = short(Plan::new(Workload::Echo { series: series(64, Coding::Plain), pace }, 4));
    let outcome = run(&Plan { measured: Duration::from_millis(1), ..plan }, &target(address, Coding::Plain));
    assert_eq!(outcome.tally.sent, 1000, "{:?}", outcome.tally);
}

#[test]
fn a_storm_opens_and_drops() {
    let address = echo();
    each_engine(|engine| {
        for ending in [Ending::Reset, Ending::Close] {
            let workload = Workload::Storm { pace: Pace::Closed { depth: 4, think: Think::default() } };
            let plan = Plan { engine, ending, ..short(Plan::new(workload, 1)) };
            let outcome = run(&plan, &target(address, Coding::Plain));
            let tally = &outcome.tally;
            assert!(tally.errors.is_empty(), "{:?}", tally.errors);
            assert!(tally.opened > 0 && tally.opening.count() > 0, "{tally:?}");
            assert!(tally.connect.count() >= tally.handshake.count());
        }
    });
}

#[test]
fn an_idle_crowd_is_held_and_its_pings_are_answered() {
    let address = serve(false, async |mut socket: WebSocket| {
        socket.ping().await?;
        while socket.recv().await?.is_some() {}
        Ok(())
    });
    let plan = short(Plan::new(Workload::Idle, 5));
    let outcome = run(&plan, &target(address, Coding::Plain));
    assert_eq!((outcome.open_at_end, outcome.tally.pings), (5, 5), "{:?}", outcome.tally);
}

#[test]
fn publications_reach_every_subscriber_and_are_timed() {
    let (sender, _) = tokio::sync::broadcast::channel::<longwire::Message>(1024);
    let address = serve(false, move |mut socket: WebSocket| {
        let (sender, mut receiver) = (sender.clone(), sender.subscribe());
        async move {
            loop {
                tokio::select! {
                    published = receiver.recv() => match published {
                        Ok(message) => socket.send(message).await?,
                        Err(_) => return Ok(()),
                    },
                    message = socket.recv() => match message? {
                        Some(message) => drop(sender.send(message)),
                        None => return Ok(()),
                    },
                }
            }
        }
    });
    for (publishers, pace) in [
        (Publishers::Apart, Pace::Open(RatePlan::constant(100.0, Duration::from_millis(100)))),
        (Publishers::FirstSubscriber, Pace::Closed { depth: 1, think: Think::default() }),
    ] {
        let (series, dialect) = (series(1, Coding::Plain), Dialect::Plain);
        let workload = Workload::Fanout { series, pace, channels: 1, dialect, publishers };
        let outcome = run(&short(Plan::new(workload, 4)), &target(address, Coding::Plain));
        let tally = &outcome.tally;
        assert!(tally.errors.is_empty(), "{:?}", tally.errors);
        assert!(tally.sent > 0);
        assert_eq!((tally.received, tally.lost, tally.unanswered), (4 * tally.sent, 0, 0), "{publishers:?}");
        assert_eq!(tally.expected, tally.received);
        assert_eq!(tally.round_trip.count(), tally.received);
    }
}

#[test]
fn threads_divide_the_connections() {
    let address = echo();
    let plan = echo_plan(5, 1, Coding::Plain);
    let outcome =
        longwire_load::run_on_threads(&plan, &target(address, Coding::Plain), &Control::default(), 2)
            .unwrap();
    assert_eq!((outcome.tally.opened, outcome.own.len()), (5, 2));
    assert_eq!(outcome.tally.sent, outcome.tally.received);
}

#[test]
fn a_thinking_connection_sends_less() {
    let address = echo();
    let think = Think { least: Duration::from_secs(30), most: Duration::from_secs(40) };
    let pace = Pace::Closed { depth: 1, think };
    let workload = Workload::Echo { series: series(1, Coding::Plain), pace };
    let plan = Plan { measured: Duration::from_secs(1), ..short(Plan::new(workload, 3)) };
    let outcome = run(&plan, &target(address, Coding::Plain));
    assert_eq!((outcome.tally.sent, outcome.tally.received, outcome.tally.unanswered), (3, 3, 0));
}

#[test]
fn a_run_that_is_stopped_waits_for_the_answers_under_way() {
    let control = Arc::new(Control::default());
    let stopping = Arc::clone(&control);
    // Nobody asks for the end before a message is under way, and its answer comes after that.
    let address = serve(false, move |mut socket: WebSocket| {
        let control = Arc::clone(&stopping);
        async move {
            while let Some(message) = socket.recv().await? {
                control.stop();
                socket.send(message).await?;
            }
            Ok(())
        }
    });
    let plan = Plan { measured: Duration::from_secs(60), ..echo_plan(3, 4, Coding::Plain) };
    let outcome = longwire_load::run(&plan, &target(address, Coding::Plain), &control, &mut ()).unwrap();
    assert!(outcome.was_stopped && outcome.measured < plan.measured);
    assert_eq!(outcome.tally.unanswered, 0, "{:?}", outcome.tally);
}
