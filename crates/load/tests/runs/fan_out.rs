//! What a fan-out in a closed loop counts when a subscriber dies, or misses a delivery.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use longwire::{Message, WebSocket};
use longwire_load::{Coding, Control, Dialect, Outcome, Pace, Plan, Publishers, RatePlan, Think, Workload};

use crate::endpoint::{series, serve, short, target};

/// What happens to the first subscriber instead of its first delivery.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mishap {
    Death,
    Loss,
}

/// A server that hands every message to everybody, but for the mishap, and stops the run at the third message.
fn serve_with(mishap: Mishap, control: &Arc<Control>) -> SocketAddr {
    let (sender, _) = tokio::sync::broadcast::channel::<Message>(1024);
    let (sockets, messages, control) =
        (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)), Arc::clone(control));
    serve(false, move |mut socket: WebSocket| {
        let is_first = sockets.fetch_add(1, Ordering::SeqCst) == 0;
        let (sender, mut receiver) = (sender.clone(), sender.subscribe());
        let (messages, control) = (Arc::clone(&messages), Arc::clone(&control));
        async move {
            let mut mishap = is_first.then_some(mishap);
            loop {
                tokio::select! {
                    published = receiver.recv() => match (mishap.take(), published) {
                        (Some(Mishap::Death), _) | (_, Err(_)) => return Ok(()),
                        (Some(Mishap::Loss), _) => {}
                        (None, Ok(message)) => socket.send(message).await?,
                    },
                    message = socket.recv() => {
                        let Some(message) = message? else { return Ok(()) };
                        if messages.fetch_add(1, Ordering::SeqCst) == 2 {
                            control.stop();
                        }
                        drop(sender.send(message));
                    }
                }
            }
        }
    })
}

fn run_with(mishap: Mishap, publishers: Publishers) -> Outcome {
    let control = Arc::new(Control::default());
    let target = target(serve_with(mishap, &control), Coding::Plain);
    let (series, dialect) = (series(64, Coding::Plain), Dialect::Plain);
    let pace = Pace::Closed { depth: 1, think: Think::default() };
    let workload = Workload::Fanout { series, pace, channels: 1, dialect, publishers };
    // One after another, so that the first socket is that of the first subscriber.
    let plan = Plan { together: 1, ..short(Plan::new(workload, 4)) };
    let plan = Plan { measured: Duration::from_secs(60), ..plan };
    longwire_load::run(&plan, &target, &control, &mut ()).unwrap()
}

#[test]
fn publishing_goes_on_without_a_subscriber_that_has_died_and_what_it_missed_is_counted() {
    for publishers in [Publishers::Apart, Publishers::FirstSubscriber] {
        let tally = run_with(Mishap::Death, publishers).tally;
        assert!(tally.sent >= 3, "{tally:?}");
        assert_eq!((tally.ended_early, tally.lost, tally.received), (1, 0, 3 * tally.sent), "{tally:?}");
        assert!(tally.unanswered >= 1, "{tally:?}");
        assert_eq!(tally.expected, tally.received + tally.unanswered, "{tally:?}");
    }
}

#[test]
fn publishing_goes_on_after_a_delivery_that_is_lost() {
    let tally = run_with(Mishap::Loss, Publishers::Apart).tally;
    assert!(tally.sent >= 3, "{tally:?}");
    assert_eq!((tally.lost, tally.unanswered, tally.expected), (1, 0, 4 * tally.sent), "{tally:?}");
    assert_eq!(tally.received, tally.expected - 1, "{tally:?}");
}

/// A server that hands every message to everybody, ends one connection at its first message or delivery, and stops the run
/// when the sixth connection, which was opened for that one, has had some.
fn serve_without(dying: usize, control: &Arc<Control>) -> SocketAddr {
    let (sender, _) = tokio::sync::broadcast::channel::<Message>(1024);
    let (sockets, control) = (Arc::new(AtomicUsize::new(0)), Arc::clone(control));
    serve(false, move |mut socket: WebSocket| {
        let number = sockets.fetch_add(1, Ordering::SeqCst);
        let (sender, mut receiver) = (sender.clone(), sender.subscribe());
        let control = Arc::clone(&control);
        async move {
            for event in 0.. {
                if number == 5 && event == 5 {
                    control.stop();
                }
                tokio::select! {
                    published = receiver.recv() => match published {
                        Ok(_) if number == dying => return Ok(()),
                        Ok(message) => socket.send(message).await?,
                        Err(_) => return Ok(()),
                    },
                    message = socket.recv() => {
                        let Some(message) = message? else { return Ok(()) };
                        drop(sender.send(message));
                        if number == dying {
                            return Ok(());
                        }
                    }
                }
            }
            Ok(())
        }
    })
}

#[test]
fn subscribers_and_publishers_that_ended_are_opened_again_and_go_on() {
    // The first connection is a subscriber, and the fifth one the publisher.
    for dying in [0, 4] {
        let control = Arc::new(Control::default());
        let target = target(serve_without(dying, &control), Coding::Plain);
        let (series, dialect, publishers) = (series(64, Coding::Plain), Dialect::Plain, Publishers::Apart);
        let pace = Pace::Open(RatePlan::constant(200.0, Duration::from_secs(60)));
        let workload = Workload::Fanout { series, pace, channels: 1, dialect, publishers };
        let plan = Plan { together: 1, reopening: Some(Duration::ZERO), ..short(Plan::new(workload, 4)) };
        let plan = Plan { measured: Duration::from_secs(60), ..plan };
        let outcome = longwire_load::run(&plan, &target, &control, &mut ()).unwrap();
        let tally = &outcome.tally;
        assert_eq!((tally.ended_early, tally.reopened), (1, 1), "{dying}: {tally:?}");
        assert_eq!((tally.repeated, tally.unexpected), (0, 0), "{dying}: {tally:?}");
        // What was published to the server after it had ended the publisher reaches none of the four.
        let lost = if dying == 4 { tally.lost % 4 } else { tally.lost };
        assert!(lost == 0 && tally.received >= 3, "{dying}: {tally:?}");
        assert_eq!(tally.expected, tally.received + tally.lost + tally.unanswered, "{dying}: {tally:?}");
    }
}
