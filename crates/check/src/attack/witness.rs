//! A well-behaved client beside an attack, and clients that come meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use longwire_wire::bits::TEXT;
use longwire_wire::{Peer, Problem, RawFrame, Role};
use tokio::time::{Instant, sleep};

use crate::answer;
use crate::conversation::{dial, open};
use crate::cost::figures::{NewcomerFigures, milliseconds};
use crate::inbox::{Inbox, Incoming, Missing};
use crate::setting::Setting;
use crate::step::Reply;
use crate::transport::Transport;
use crate::verdict::Stop;

/// The pause between two round trips.
const PAUSE: Duration = Duration::from_millis(10);

/// The pause between two clients that come.
const BETWEEN_CLIENTS: Duration = Duration::from_millis(100);

/// How many other messages may come before an answer.
const OTHERS: usize = 64;

/// A well-behaved client: it sends a message or a ping, waits for the echo or the pong, and begins again.
pub(super) struct Witness {
    peer: Peer<Transport>,
    inbox: Inbox,
    is_echo: bool,
    number: u64,
}

impl Witness {
    pub(super) async fn connect(setting: &Setting) -> Result<Witness, Stop> {
        let mut peer = dial(&*setting.dialer, setting.patience).await?;
        open(&mut peer, &setting.target.request()).await?;
        Ok(Witness {
            peer,
            inbox: Inbox::of(Role::Server, None),
            is_echo: setting.endpoint.is_echo,
            number: 0,
        })
    }

    /// One round trip after another until `is_over`, at least one. The error says how the witness was lost.
    pub(super) async fn watch(&mut self, is_over: &AtomicBool) -> (Vec<Duration>, Result<(), String>) {
        let mut times = Vec::new();
        loop {
            let begin = Instant::now();
            if let Err(why) = self.round_trip().await {
                return (times, Err(why));
            }
            times.push(begin.elapsed());
            if is_over.load(Ordering::Relaxed) {
                return (times, Ok(()));
            }
            sleep(PAUSE).await;
        }
    }

    async fn round_trip(&mut self) -> Result<(), String> {
        self.number += 1;
        let payload = format!("witness {}", self.number);
        let (frame, answer) = if self.is_echo {
            (RawFrame::text(payload.as_str()), Reply::Message(TEXT, payload.into_bytes()))
        } else {
            (RawFrame::ping(payload.as_str()), Reply::pong(payload))
        };
        self.peer.send(frame).await.map_err(|failure| failure.problem().to_string())?;
        for _other in 0..OTHERS {
            match self.inbox.next(&mut self.peer).await {
                Ok(Incoming::Reply(reply)) if answer.is_met_by(&reply) => return Ok(()),
                Ok(Incoming::Reply(_)) => {}
                Ok(Incoming::Ping(payload)) => {
                    let _ended = self.peer.send(RawFrame::pong(payload)).await;
                }
                Ok(Incoming::Close(code)) => {
                    return Err(format!("its connection was closed with {}", code.unwrap_or(1005)));
                }
                Ok(Incoming::End) => return Err("its connection ended".to_owned()),
                Err(Missing::Late) => return Err("it got no answer in time".to_owned()),
                Err(Missing::Invalid(why) | Missing::Broken(why)) => return Err(why),
            }
        }
        Err(format!("{OTHERS} other messages came, and not the answer"))
    }

    pub(super) async fn leave(mut self) {
        let _polite = self.peer.send(RawFrame::close(1000)).await;
    }
}

/// One new client after another until `is_over`.
pub(super) async fn newcomers(setting: &Setting, is_over: &AtomicBool) -> NewcomerFigures {
    let mut figures = NewcomerFigures::default();
    while !is_over.load(Ordering::Relaxed) {
        let begin = Instant::now();
        match newcomer(setting).await {
            Newcomer::Accepted => {
                figures.accepted += 1;
                figures.max_ms = figures.max_ms.max(milliseconds(begin.elapsed()));
            }
            Newcomer::Refused => figures.refused += 1,
            Newcomer::Unanswered => figures.unanswered += 1,
        }
        sleep(BETWEEN_CLIENTS).await;
    }
    figures
}

/// What became of a new client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Newcomer {
    Accepted,
    /// Its connection or its request was refused.
    Refused,
    /// It got no answer in time.
    Unanswered,
}

/// A new client.
pub(super) async fn newcomer(setting: &Setting) -> Newcomer {
    let request = setting.target.request();
    let begin = Instant::now();
    let Ok(mut peer) = dial(&*setting.dialer, setting.patience).await else {
        return if begin.elapsed() < setting.patience { Newcomer::Refused } else { Newcomer::Unanswered };
    };
    if peer.send_head(&request).await.is_err() {
        return Newcomer::Refused;
    }
    let newcomer = match peer.head().await {
        Ok(response) if answer::judge(&request, &response).is_ok() => Newcomer::Accepted,
        Err(failure) if matches!(failure.problem(), Problem::Late(_)) => Newcomer::Unanswered,
        _ => Newcomer::Refused,
    };
    let _polite = peer.send(RawFrame::close(1000)).await;
    newcomer
}
