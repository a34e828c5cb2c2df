//! Finds out what an endpoint offers, before the cases.

use std::time::{Duration, Instant};

use longwire_wire::bits::{FIN, RSV1, TEXT};
use longwire_wire::{Head, Peer, RawFrame, Role};

use crate::answer::is_error;
use crate::conversation::probe::{GREETINGS, PROBE};
use crate::conversation::{dial, open};
use crate::deflate::{Agreement, Deflater};
use crate::endpoint::Endpoint;
use crate::inbox::{Inbox, Incoming};
use crate::step::Reply;
use crate::target::Target;
use crate::transport::{Dial, Transport};
use crate::verdict::Stop;

/// How often to measure the round trip.
const ROUNDS: usize = 5;

/// Why an endpoint cannot be tested at all.
///
/// ```
/// fn say(problem: &longwire_check::Unreachable) {
///     eprintln!("{problem}");
/// }
/// ```
#[derive(Debug)]
pub struct Unreachable(String);

impl std::fmt::Display for Unreachable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unreachable {}

impl From<Stop> for Unreachable {
    fn from(stop: Stop) -> Unreachable {
        match stop {
            Stop::Broke(finding) => {
                Unreachable(format!("expected {}, got {}", finding.expected, finding.got))
            }
            Stop::NotOffered(why) | Stop::Unclear(why) => Unreachable(why),
        }
    }
}

/// Finds out what the endpoint offers, waiting for at most `patience` for each answer.
///
/// # Errors
///
/// No connection can be opened, or it does not accept a valid request.
///
/// # Cancel safety
///
/// Cancel safe: dropping the future ends its connections.
pub async fn measure(
    dialer: &dyn Dial,
    target: &Target,
    patience: Duration,
) -> Result<Endpoint, Unreachable> {
    let request = target.request();
    let mut peer = dial(dialer, patience).await?;
    let response = open(&mut peer, &request).await?;
    let (round_trip, mut greetings) = round_trips(&mut peer).await;
    let software = response.field("Server").map(str::to_owned);
    let echo = echo(&mut peer, &mut Inbox::of(Role::Server, None), RawFrame::text(PROBE)).await;
    let _polite = peer.send(RawFrame::close(1000)).await;
    greetings += echo.as_ref().map_or(0, |echo| echo.before);
    let (deflate, deflates_echo) = compression(dialer, target, patience).await;
    Ok(Endpoint {
        round_trip,
        is_echo: echo.is_some(),
        greetings,
        deflate,
        deflates_echo,
        checks_origin: checks_origin(dialer, target, patience).await,
        software,
    })
}

/// The longest of several round trips, and how many messages came meanwhile.
async fn round_trips(peer: &mut Peer<Transport>) -> (Duration, usize) {
    let (mut longest, mut others) = (Duration::ZERO, 0);
    let mut inbox = Inbox::of(Role::Server, None);
    for round in 0..ROUNDS {
        let begin = Instant::now();
        if peer.send(RawFrame::ping(format!("round {round}"))).await.is_err() {
            break;
        }
        loop {
            match inbox.next(peer).await {
                Ok(Incoming::Reply(Reply::Pong(_))) => break,
                Ok(Incoming::Reply(_)) if others < GREETINGS => others += 1,
                Ok(Incoming::Ping(_)) => {}
                // An endpoint that answers no ping is tested all the same: a case says so.
                _ => return (longest.max(begin.elapsed()), others),
            }
        }
        longest = longest.max(begin.elapsed());
    }
    (longest, others)
}

/// The echo of the probe.
struct Echo {
    /// How many messages came before it.
    before: usize,
}

/// Sends the probe, and waits for it to come back.
async fn echo(peer: &mut Peer<Transport>, inbox: &mut Inbox, probe: RawFrame) -> Option<Echo> {
    peer.send(probe).await.ok()?;
    let mut before = 0;
    while before <= GREETINGS {
        match inbox.next(peer).await.ok()? {
            Incoming::Reply(Reply::Message(TEXT, text)) if text == PROBE.as_bytes() => {
                return Some(Echo { before });
            }
            Incoming::Reply(Reply::Message(..) | Reply::Compressed(..)) => before += 1,
            Incoming::Reply(Reply::Pong(_)) | Incoming::Ping(_) => {}
            Incoming::Close(_) | Incoming::End => return None,
        }
    }
    None
}

/// What the endpoint agrees to if permessage-deflate is offered, and whether it then compresses a long echo.
async fn compression(dialer: &dyn Dial, target: &Target, patience: Duration) -> (Option<Agreement>, bool) {
    let request = target.request().with("Sec-WebSocket-Extensions", "permessage-deflate");
    let Some((mut peer, response)) = opened(dialer, &request, patience).await else { return (None, false) };
    let agreement = response.field("Sec-WebSocket-Extensions").and_then(Agreement::parse);
    let Some(agreed) = agreement else { return (None, false) };
    let mut inbox = Inbox::of(Role::Server, agreement);
    let long = "a message that is worth compressing, ".repeat(100);
    let payload = Deflater::of(Role::Client, agreed).compress(long.as_bytes());
    let frame = RawFrame::new(FIN | RSV1 | TEXT, payload);
    let mut deflates_echo = false;
    if peer.send(frame).await.is_ok() {
        for _message in 0..=GREETINGS {
            match inbox.next(&mut peer).await {
                Ok(Incoming::Reply(Reply::Compressed(_, text))) if text == long.as_bytes() => {
                    deflates_echo = true;
                    break;
                }
                Ok(Incoming::Reply(Reply::Message(_, text))) if text == long.as_bytes() => break,
                Ok(Incoming::Reply(_) | Incoming::Ping(_)) => {}
                _ => break,
            }
        }
    }
    let _polite = peer.send(RawFrame::close(1000)).await;
    (agreement, deflates_echo)
}

/// Whether a page from elsewhere is refused, with a status. A connection that fails says nothing about origins.
async fn checks_origin(dialer: &dyn Dial, target: &Target, patience: Duration) -> bool {
    let request = target.request().without("Origin").with("Origin", "https://origin.invalid");
    let Ok(mut peer) = dial(dialer, patience).await else { return false };
    if peer.send_head(&request).await.is_err() {
        return false;
    }
    let is_refused = peer.head().await.is_ok_and(|response| is_error(&response));
    let _polite = peer.send(RawFrame::close(1000)).await;
    is_refused
}

async fn opened(dialer: &dyn Dial, request: &Head, patience: Duration) -> Option<(Peer<Transport>, Head)> {
    let mut peer = dial(dialer, patience).await.ok()?;
    let response = open(&mut peer, request).await.ok()?;
    Some((peer, response))
}
