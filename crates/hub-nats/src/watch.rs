//! Telling when what arrives is interrupted, and when it is whole again.

use std::sync::Arc;
use std::time::Duration;

use longwire_hub::ChannelName;

use crate::history::History;
use crate::line::Line;
use crate::listening::Arrivals;
use crate::presence::Presences;

/// What an interruption concerns.
pub(crate) struct Watched {
    pub(crate) line: Arc<Line>,
    pub(crate) history: Arc<History>,
    pub(crate) presences: Arc<Presences>,
    pub(crate) arrivals: Arc<Arrivals>,
}

/// Which interruptions and connections were told.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Seen {
    interruptions: u64,
    connects: u64,
}

impl Seen {
    fn of(line: &Line) -> Seen {
        Seen { interruptions: line.interruptions.count(), connects: line.connects() }
    }
}

/// Watches the connection for as long as it is there.
pub(crate) async fn watch(watched: Watched, look_every: Duration) {
    let Watched { line, history, presences, arrivals } = watched;
    let all = |_: &ChannelName| true;
    let mut seen = Seen::of(&line);
    loop {
        line.interruptions.wait(look_every).await;
        if Seen::of(&line) == seen && line.is_connected() {
            continue;
        }
        arrivals.events().interrupted(&all);
        seen = whole_again(&line, look_every).await;
        // The servers may have lost something. It is found out when a stream is used, since one that cannot be reached must
        // not keep the others waiting.
        history.acknowledged.doubt_all();
        history.streams.forget();
        history.lanes.forget();
        presences.forget_all();
        line.interruptions.end();
        arrivals.events().restored(&all);
        tracing::info!("the connection to NATS is whole again");
    }
}

/// Waits until the server knows all subscriptions again, without another interruption meanwhile.
async fn whole_again(line: &Line, look_every: Duration) -> Seen {
    loop {
        let seen = Seen::of(line);
        if line.is_connected() {
            let passed = tokio::time::timeout(line.call_timeout(), line.pass()).await;
            if matches!(passed, Ok(Ok(()))) && Seen::of(line) == seen {
                return seen;
            }
        } else {
            line.interruptions.wait(look_every).await;
        }
    }
}
