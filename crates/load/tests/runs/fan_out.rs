//! What a fan-out in a closed loop counts when a subscriber dies, or misses a delivery.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use longwire::{Message, WebSocket};
use longwire_load::{Coding, Control, Dialect, Outcome, Pace, Plan, Publishers, Think, Workload};

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
