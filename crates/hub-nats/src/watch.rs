//! Telling when what arrives is interrupted, and when it is whole again.

use std::sync::Arc;
use std::time::Duration;

use longwire_hub::ChannelName;

use crate::history::History;
use crate::line::Line;
use crate::listening::Arrivals;
use crate::presence::Presences;

/// After an attempt that failed.
const PAUSE: Duration = Duration::from_millis(100);

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
        seen = whole_again(&line, &history, look_every).await;
        // Streams in memory may be lost.
        history.streams.forget();
        history.lanes.forget();
        presences.forget_all();
        line.interruptions.end();
        arrivals.events().restored(&all);
        tracing::info!("the connection to NATS is whole again");
    }
}

/// Waits until the server knows all subscriptions again and streams have what they had, without another interruption
/// meanwhile.
async fn whole_again(line: &Line, history: &History, look_every: Duration) -> Seen {
    loop {
        let seen = Seen::of(line);
        if !line.is_connected() {
            line.interruptions.wait(look_every).await;
            continue;
        }
        let whole = async {
            line.pass().await?;
            history.check_continuity().await
        };
        match tokio::time::timeout(line.call_timeout(), whole).await {
            Ok(Ok(())) if Seen::of(line) == seen => return seen,
            Ok(Ok(())) | Err(_) => {}
            // JetStream begins a moment after the server.
            Ok(Err(_)) => tokio::time::sleep(PAUSE).await,
        }
    }
}
