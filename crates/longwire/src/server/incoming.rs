//! A connection from its first byte to the application's handler.

use std::future::{Future, pending, poll_fn};
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::{BufMut as _, BytesMut};
use http::Response;
use hyper::upgrade::OnUpgrade;
use longwire_proto::handshake::Refusal;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::session::{Session, Settings};
use crate::admission::accepting::Accepted;
use crate::admission::answer::{LINGER_BYTES, LINGER_TIME};
use crate::admission::census::{Place, TurnedAway};
use crate::admission::decision::{Accept, Attached};
use crate::admission::handshake::{OpeningStep, PendingUpgrade, ServerTerms, encode_refusal};
use crate::admission::hook::{MAX_BEHIND, decided_in_time, refuse_late};
use crate::admission::introduction::{NotIntroduced, introduce};
#[cfg(feature = "tls")]
use crate::admission::tls_handshake::shake_hands;
use crate::http1::service::HttpService;
use crate::http1::{self, Host};
use crate::read_buffers;
use crate::telemetry::phase::Phase;
use crate::telemetry::{self, NotLetIn};
#[cfg(feature = "tls")]
use crate::tls::Tls;
use crate::transport::Transport;

/// How many bytes of a request are read at a time.
const READ_AT_A_TIME: usize = 4 << 10;

/// A connection before its handshake is complete. The place is dropped before the transport: a client that sees the
/// end may reconnect at once.
struct Guest {
    place: Place,
    transport: Transport,
    peer_addr: Option<SocketAddr>,
}

/// The result of reading the first request of a connection.
enum Beginning {
    /// The application decides about the request.
    Pending(Guest, UndecidedUpgrade),
    /// The request is for the application's HTTP service, with everything that was read.
    Http(Guest, Vec<u8>),
    /// The request is refused, with this response.
    Refused(Guest, Vec<u8>),
    /// No complete request will arrive. `None`: the reason is counted already.
    Nothing(Option<NotLetIn>),
}

/// A request for a WebSocket that the application decides about.
struct UndecidedUpgrade {
    upgrade: Box<PendingUpgrade>,
    /// When the connection was accepted.
    begun: Instant,
    /// The bytes after the request.
    behind: Vec<u8>,
}

/// The end of waiting for the application's decision.
enum Asked {
    Decided(Result<Accept<Attached>, Refusal>),
    /// There was no decision in time.
    Late(Refusal),
    /// The client left, or the server shuts down.
    Over,
}

/// Serves a connection from its first byte to its end.
pub(super) fn serve(
    accepted: Accepted,
    place: Place,
    settings: Arc<Settings>,
) -> impl Future<Output = ()> + Send {
    // Boxed, because it takes several times the memory of the session, which lives much longer.
    let opening = Box::pin(open(accepted, place, Arc::clone(&settings)));
    async move {
        let mut session = settings.or_dropped(opening).await.flatten();
        // Borrowed, because a session that is moved takes its memory twice.
        if let Some(session) = &mut session {
            session.attend(&settings).await;
        }
    }
}

/// Runs a connection up to the session of a WebSocket. `None`: it did not become a WebSocket, and nothing is left to
/// do.
///
/// Rare ways of the functions that it calls are boxed, because every connection copies the future. Plain HTTP is not: a
/// much smaller future leaves gaps among the parts of connections that stay, which cost an idle one 74 bytes with glibc.
async fn open(accepted: Accepted, place: Place, settings: Arc<Settings>) -> Option<Session> {
    let limit = settings.config.limits.handshake_time;
    let beginning = tokio::select! {
        beginning = timeout(limit, begin(accepted, place, &settings)) => beginning,
        () = settings.closing.cancelled() => return None,
    };
    match beginning {
        Ok(Beginning::Pending(guest, pending)) => return decide(guest, pending, &settings).await,
        Ok(Beginning::Http(Guest { place, transport, peer_addr }, read)) => {
            let read = read.as_slice().into();
            http1::serve(transport, read, peer_addr, place, settings).await;
        }
        Ok(Beginning::Refused(guest, answer)) => Box::pin(dismiss(guest, &answer)).await,
        Ok(Beginning::Nothing(why)) => why.into_iter().for_each(telemetry::refused),
        Err(_) => {
            tracing::debug!(?limit, "the opening handshake took too long");
            telemetry::refused(NotLetIn::HandshakeTimeout);
        }
    }
    None
}

/// Reads the first request.
async fn begin(accepted: Accepted, place: Place, settings: &Settings) -> Beginning {
    let begun = Instant::now();
    let terms = settings.terms();
    let mut handshake = terms.begin(begun);
    let Accepted { transport, peer_addr } = accepted;
    let mut guest = Guest { place, transport, peer_addr };
    let Guest { place, transport, peer_addr } = &mut guest;
    match introduce(&settings.admission, transport, *peer_addr, place).await {
        Ok(client) => *peer_addr = client,
        Err(NotIntroduced::Closed) => return Beginning::Nothing(None),
        Err(NotIntroduced::Full { why, client }) => {
            let refusal = terms.policy.refusals().turned_away(why, Some(client));
            if settings.is_secure() {
                return Beginning::Nothing(None);
            }
            return Beginning::Refused(guest, encode_refusal(&refusal));
        }
    }
    #[cfg(feature = "tls")]
    if let Some(tls) = &settings.tls {
        match Box::pin(secure(guest, tls)).await {
            Ok(secured) => guest = secured,
            Err(why) => return Beginning::Nothing(Some(why)),
        }
    }
    loop {
        let buffer = match poll_fn(|cx| poll_read(&mut guest.transport, cx)).await {
            Ok(buffer) => buffer,
            Err(why) => return Beginning::Nothing(Some(why)),
        };
        let step = terms.receive(&mut handshake, &buffer, guest.peer_addr, &mut guest.place);
        let behind = match &step {
            OpeningStep::Pending { consumed, .. } => buffer.get(*consumed..).unwrap_or_default().to_vec(),
            _ => Vec::new(),
        };
        read_buffers::give_back(buffer);
        match step {
            OpeningStep::More => {}
            OpeningStep::Pending { pending, .. } => {
                return Beginning::Pending(guest, UndecidedUpgrade { upgrade: pending, begun, behind });
            }
            OpeningStep::Http(read) => return Beginning::Http(guest, read),
            OpeningStep::Refused(answer) => return Beginning::Refused(guest, answer),
        }
    }
}

/// Reads a part of a request into a buffer that the connections of the thread share: a client that is silent holds none.
fn poll_read(transport: &mut Transport, cx: &mut Context<'_>) -> Poll<Result<Vec<u8>, NotLetIn>> {
    let mut buffer = read_buffers::take();
    let mut room = (&mut buffer).limit(READ_AT_A_TIME);
    let read = pin!(transport.read_buf(&mut room)).poll(cx);
    if let Poll::Ready(Ok(1..)) = read {
        return Poll::Ready(Ok(buffer));
    }
    read_buffers::give_back(buffer);
    read.map(|ended| Err(NotLetIn::of_end(ended.err().as_ref())))
}

#[cfg(feature = "tls")]
async fn secure(guest: Guest, tls: &Tls) -> Result<Guest, NotLetIn> {
    let Guest { place, transport, peer_addr } = guest;
    let (place, transport) = shake_hands(tls, transport, place).await?;
    Ok(Guest { place, transport, peer_addr })
}

/// Sends a 503 to a client that exceeds a connection limit. Only a few such responses run at a time, to bound their
/// cost.
pub(super) fn reject(accepted: Accepted, turned_away: TurnedAway, settings: &Arc<Settings>) {
    let Accepted { transport, peer_addr } = accepted;
    let refusal = settings.admission.refusals().turned_away(turned_away.why, peer_addr);
    let Ok(permit) = Arc::clone(&settings.turning_away).try_acquire_owned() else { return };
    if settings.is_secure() {
        return;
    }
    let guest = Guest { place: turned_away.place, transport, peer_addr };
    settings.tasks.spawn(async move {
        dismiss(guest, &encode_refusal(&refusal)).await;
        drop(permit);
    });
}

/// Asks the application about a request, and opens the connection if it accepts. `None` as for [`open`].
async fn decide(mut guest: Guest, pending: UndecidedUpgrade, settings: &Settings) -> Option<Session> {
    let UndecidedUpgrade { upgrade, begun, mut behind } = pending;
    let asked = if settings.admission.decide.is_some() {
        Box::pin(ask(&mut guest, &upgrade, &mut behind, begun, settings)).await
    } else {
        Asked::Decided(Ok(Accept::new()))
    };
    let outcome = match asked {
        Asked::Decided(decision) => upgrade.decide(decision, settings.terms(), begun),
        Asked::Late(refusal) => Err(refusal),
        Asked::Over => return None,
    };
    match outcome {
        Ok((response, agreed)) => {
            let Guest { place, transport, .. } = guest;
            let established = agreed.answered_by(&response).attach().read_ahead(behind);
            let mut session = Session::begin(transport, established, place, settings);
            session.start().await;
            Some(session)
        }
        Err(refusal) => {
            Box::pin(dismiss(guest, &encode_refusal(&refusal))).await;
            None
        }
    }
}

/// Waits for the decision of the application's hook.
async fn ask(
    guest: &mut Guest,
    upgrade: &PendingUpgrade,
    behind: &mut Vec<u8>,
    begun: Instant,
    settings: &Settings,
) -> Asked {
    let limit = settings.config.limits.handshake_time.saturating_sub(begun.elapsed());
    let request = upgrade.upgrade();
    let decided = tokio::select! {
        // A decision that is ready at once costs nothing more.
        biased;
        decided = timeout(limit, settings.admission.ask(&request)) => decided,
        why = until_left(guest, behind) => {
            telemetry::refused(why);
            return Asked::Over;
        }
        () = settings.closing.cancelled() => return Asked::Over,
    };
    decided.map_or_else(|_| Asked::Late(refuse_late()), Asked::Decided)
}

/// Reads the bytes behind an undecided request until the client leaves. After [`MAX_BEHIND`] it reads no more,
/// and never returns.
async fn until_left(guest: &mut Guest, behind: &mut Vec<u8>) -> NotLetIn {
    guest.place.show(Phase::Deciding);
    while behind.len() < MAX_BEHIND {
        behind.reserve(1 << 10);
        match guest.transport.read_buf(behind).await {
            Ok(0) => return NotLetIn::Left,
            Ok(_) => {}
            Err(error) => return NotLetIn::of_end(Some(&error)),
        }
    }
    pending().await
}

/// Sends a response that opens no WebSocket, and ends the transport so that the client can read it.
async fn dismiss(mut guest: Guest, answer: &[u8]) {
    guest.place.show(Phase::Refused);
    let linger = async {
        let Guest { place, transport, .. } = &mut guest;
        transport.write_all(answer).await?;
        place.leave();
        transport.shutdown().await?;
        let mut discarded = BytesMut::with_capacity(4 << 10);
        let mut total = 0;
        while total < LINGER_BYTES {
            discarded.clear();
            match transport.read_buf(&mut discarded).await? {
                0 => break,
                count => total += count,
            }
        }
        Ok::<(), std::io::Error>(())
    };
    // A client that does not read the response does not need it.
    let _late_or_gone = timeout(LINGER_TIME, linger).await;
}

impl Host for Settings {
    fn terms(&self) -> ServerTerms<'_> {
        Settings::terms(self)
    }

    fn closing(&self) -> &CancellationToken {
        &self.closing
    }

    fn http(&self) -> Option<&HttpService> {
        self.http.as_ref()
    }

    async fn decide(
        self: Arc<Settings>,
        pending: PendingUpgrade,
        upgraded: OnUpgrade,
        take_place: impl FnOnce() -> Option<Place> + Send,
    ) -> Result<Response<()>, Refusal> {
        let begun = Instant::now();
        let limit = self.config.limits.handshake_time;
        let request = pending.upgrade();
        let decision = decided_in_time(self.admission.ask(&request), limit, &self.closing).await?;
        let (response, agreed) = pending.decide(decision, self.terms(), begun)?;
        let established = agreed.attach();
        let settings = Arc::clone(&self);
        let place = take_place();
        let opening = async move {
            if let (Some(transport), Some(place)) = (http1::transport(upgraded).await, place) {
                let mut session = Session::begin(transport, established, place, &settings);
                session.start().await;
                session.attend(&settings).await;
            }
        };
        let opening = Box::pin(opening);
        let tasks = self.tasks.clone();
        let until_dropped = async move {
            self.or_dropped(opening).await;
        };
        tasks.spawn(until_dropped.in_current_span());
        Ok(response)
    }
}
