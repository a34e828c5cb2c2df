//! A connection from its first byte to the application.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use http::{Request, Response};
use hyper::upgrade::OnUpgrade;
use longwire_proto::handshake::{
    HeadLimits, HeadReader, HeadStatus, Refusal, encode_response_head, is_upgrade,
};
use longwire_proto::{Limits, Role};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::session::{Accepted, Session, Settings};
use crate::admission::answer::{Rejected, encode_answer, judge, without_service};
use crate::admission::census::{Place, TurnedAway};
use crate::admission::refusals::Refusals;
#[cfg(feature = "tls")]
use crate::admission::tls_handshake::shake_hands;
use crate::http1::service::HttpService;
use crate::http1::{self, Host};
use crate::telemetry::phase::Phase;
use crate::telemetry::{self, NotLetIn};
use crate::transport::Transport;

/// After a refusal, what the client still sends is read for this long and this far, so that it gets the answer and not
/// a reset.
const LINGER_TIME: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 1 << 20;

/// A connection that is not open. Its place is dropped before its transport: the client may come again at once.
struct Guest {
    place: Place,
    transport: Transport,
}

/// What a connection begins with.
enum Beginning {
    Request(Box<FirstRequest>),
    /// What cannot be a request, or breaks a rule.
    Malformed(Guest, Rejected),
    /// There is to be no whole request.
    Nothing(NotLetIn),
}

/// The first request of a connection.
struct FirstRequest {
    /// When the connection was accepted.
    begun: Instant,
    guest: Guest,
    request: Request<()>,
    head: HeadReader,
    /// What came behind the head.
    behind: BytesMut,
}

/// Serves a connection from its first byte to its end.
pub(super) fn serve(
    stream: TcpStream,
    peer_addr: SocketAddr,
    place: Place,
    settings: Arc<Settings>,
) -> impl Future<Output = ()> + Send {
    // Boxed, because it takes several times the memory of the session, which lives much longer.
    let admitting = Box::pin(admit(stream, peer_addr, place, Arc::clone(&settings)));
    async move {
        if let Some(mut session) = settings.or_dropped(admitting).await.flatten() {
            session.attend(&settings).await;
        }
    }
}

/// Everything up to the session of a WebSocket. `None`: it does not come to that, and nothing is left to be done.
async fn admit(
    stream: TcpStream,
    peer_addr: SocketAddr,
    place: Place,
    settings: Arc<Settings>,
) -> Option<Session> {
    let limit = settings.config.limits.handshake_time;
    let beginning = tokio::select! {
        beginning = timeout(limit, begin(stream, place, &settings)) => beginning,
        () = settings.closing.cancelled() => return None,
    };
    match beginning {
        Ok(Beginning::Request(first)) => return route(*first, peer_addr, settings).await,
        Ok(Beginning::Malformed(guest, Rejected { refusal, request })) => {
            settings.admission.refusals().bad_request(&refusal, peer_addr, request.as_deref());
            dismiss(guest, &refusal.response(), request.as_deref()).await;
        }
        Ok(Beginning::Nothing(why)) => telemetry::refused(why),
        Err(_) => {
            tracing::debug!(?limit, "the opening handshake took too long");
            telemetry::refused(NotLetIn::HandshakeTimeout);
        }
    }
    None
}

/// Reads the first request.
async fn begin(stream: TcpStream, place: Place, settings: &Settings) -> Beginning {
    let begun = Instant::now();
    // Messages are gathered here already; Nagle's algorithm would only delay them.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "cannot set up a connection");
        return Beginning::Nothing(NotLetIn::Left);
    }
    let mut guest = match secure(stream, place, settings).await {
        Ok(guest) => guest,
        Err(why) => return Beginning::Nothing(why),
    };
    let limits = &settings.config.limits;
    let mut head =
        HeadReader::new(HeadLimits { bytes: limits.handshake_bytes, headers: limits.handshake_headers });
    let mut buffer = BytesMut::with_capacity(4 << 10);
    loop {
        buffer.clear();
        match guest.transport.read_buf(&mut buffer).await {
            Ok(0) => return Beginning::Nothing(NotLetIn::Left),
            Ok(_) => {}
            Err(error) => return Beginning::Nothing(NotLetIn::of_end(Some(&error))),
        }
        let request = match head.feed(&buffer) {
            Ok(HeadStatus::Partial) => continue,
            Ok(HeadStatus::Complete { consumed }) => {
                let behind = buffer.split_off(consumed);
                judge(&head).map(|(request, _body)| (request, behind))
            }
            Err(error) => Err(Rejected { refusal: error.into(), request: None }),
        };
        return match request {
            Ok((request, behind)) => {
                Beginning::Request(Box::new(FirstRequest { begun, guest, request, head, behind }))
            }
            Err(rejected) => Beginning::Malformed(guest, rejected),
        };
    }
}

#[cfg(feature = "tls")]
async fn secure(stream: TcpStream, place: Place, settings: &Settings) -> Result<Guest, NotLetIn> {
    let Some(tls) = &settings.tls else { return Ok(Guest { place, transport: Transport::Tcp(stream) }) };
    let (place, transport) = shake_hands(tls, stream, place).await?;
    Ok(Guest { place, transport })
}

#[cfg(not(feature = "tls"))]
async fn secure(stream: TcpStream, place: Place, _settings: &Settings) -> Result<Guest, NotLetIn> {
    Ok(Guest { place, transport: Transport::Tcp(stream) })
}

/// Tells a client that there is no place for it; a few at a time, since this is no place to spend much in.
pub(super) fn turn_away(
    stream: TcpStream,
    peer: SocketAddr,
    turned_away: TurnedAway,
    settings: &Arc<Settings>,
) {
    let refusal = settings.admission.refusals().turned_away(turned_away.why, peer);
    let Ok(permit) = Arc::clone(&settings.turning_away).try_acquire_owned() else { return };
    if settings.is_secure() {
        return;
    }
    let guest = Guest { place: turned_away.place, transport: Transport::Tcp(stream) };
    settings.tasks.spawn(async move {
        dismiss(guest, &refusal.response(), None).await;
        drop(permit);
    });
}

async fn route(first: FirstRequest, peer_addr: SocketAddr, settings: Arc<Settings>) -> Option<Session> {
    if is_upgrade(&first.request) {
        return open(first, peer_addr, &settings).await;
    }
    if settings.http.is_some() {
        let mut read_ahead = BytesMut::from(first.head.as_bytes());
        read_ahead.unsplit(first.behind);
        let Guest { place, transport } = first.guest;
        http1::serve(transport, read_ahead, peer_addr, place, settings).await;
        return None;
    }
    let response = without_service(&first.request).unwrap_or_else(|refusal| {
        settings.admission.refusals().not_websocket(&refusal, peer_addr, &first.request);
        refusal.response()
    });
    dismiss(first.guest, &response, Some(&first.request)).await;
    None
}

/// Answers a request for a WebSocket, and opens the connection if it is accepted.
async fn open(first: FirstRequest, peer_addr: SocketAddr, settings: &Settings) -> Option<Session> {
    let FirstRequest { begun, guest, request, head, behind } = first;
    let admitted = match settings.admission.admit(&request, peer_addr, settings.config.deflate.as_ref()) {
        Ok(admitted) => admitted,
        Err(refusal) => {
            dismiss(guest, &refusal.response(), Some(&request)).await;
            return None;
        }
    };
    telemetry::shook_hands(Role::Server, begun);
    // A connection lives long; what only its handshake needed goes first.
    drop((request, head));
    let mut response = Vec::new();
    encode_response_head(&admitted.response, &mut response);
    let Guest { place, transport } = guest;
    let accepted = Accepted {
        place,
        transport,
        read_ahead: behind.into(),
        response,
        opening: admitted.opening,
        deflate: admitted.deflate,
    };
    Some(Session::begin(accepted, settings).await)
}

/// Answers with what is not a WebSocket, and ends the transport so that the client gets to see it.
async fn dismiss(mut guest: Guest, response: &Response<String>, request: Option<&Request<()>>) {
    guest.place.show(Phase::Refused);
    let bytes = encode_answer(response, request);
    let linger = async {
        let Guest { place, transport } = &mut guest;
        transport.write_all(&bytes).await?;
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
    // A client that does not take the answer has no use for it.
    let _late_or_gone = timeout(LINGER_TIME, linger).await;
}

impl Host for Settings {
    fn limits(&self) -> &Limits {
        &self.config.limits
    }

    fn closing(&self) -> &CancellationToken {
        &self.closing
    }

    fn http(&self) -> Option<&HttpService> {
        self.http.as_ref()
    }

    fn refusals(&self) -> &Refusals {
        self.admission.refusals()
    }

    fn upgrade(
        self: Arc<Settings>,
        request: &Request<()>,
        peer_addr: SocketAddr,
        upgraded: OnUpgrade,
        place: &mut Option<Place>,
    ) -> Result<Response<()>, Refusal> {
        let admitted = self.admission.admit(request, peer_addr, self.config.deflate.as_ref())?;
        let (opening, deflate) = (admitted.opening, admitted.deflate);
        let settings = Arc::clone(&self);
        let place = place.take();
        let opening = async move {
            if let (Some(transport), Some(place)) = (http1::transport(upgraded).await, place) {
                let (read_ahead, response) = (Vec::new(), Vec::new());
                let accepted = Accepted { place, transport, read_ahead, response, opening, deflate };
                Session::begin(accepted, &settings).await.attend(&settings).await;
            }
        };
        let opening = Box::pin(opening);
        let tasks = self.tasks.clone();
        let until_dropped = async move {
            self.or_dropped(opening).await;
        };
        tasks.spawn(until_dropped.in_current_span());
        Ok(admitted.response)
    }
}
