//! Who is let in, and on which terms.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use http::header::{CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING, UPGRADE};
use http::{Extensions, HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Uri};
use longwire_proto::deflate::{Agreement, Deflate};
use longwire_proto::handshake::{Offer, Refusal, negotiate};

use super::origin::{InvalidOrigin, Origin, Origins, OwnPages};
use super::refusals::{Case, Refusals, RequestSummary};
use crate::error::{Error, InvalidSetting, Result, header, without_effect};
use crate::opening::{Negotiated, extensions_header};
use crate::panic_message::panic_message;
use crate::telemetry::NotLetIn;

/// The hook of [`Server::on_upgrade`](crate::Server::on_upgrade).
pub(crate) type Decide = dyn Fn(&Upgrade<'_>) -> Result<Accept<Attached>, Refusal> + Send + Sync;

/// Who is let in, and on which terms.
#[derive(Clone)]
pub(crate) struct Admission {
    origins: Origins,
    own_pages: OwnPages,
    refusals: Arc<Refusals>,
    /// What was to be allowed and is no origin; it is told when the server starts.
    invalid_origin: Option<InvalidOrigin>,
    /// Whether origins were named, which is all for nothing where any is allowed.
    names_origins: bool,
    pub(crate) subprotocols: Vec<String>,
    /// Who decides about the connections of [`Server::serve`](crate::Server::serve).
    pub(crate) decide: Option<Arc<Decide>>,
}

/// A request for a WebSocket, checked against RFC 6455 and the allowed origins.
///
/// ```
/// use longwire::{Accept, Refusal, Upgrade};
///
/// /// Lets in who has a cookie of a session.
/// fn decide(request: &Upgrade<'_>) -> Result<Accept<String>, Refusal> {
///     let cookies = request.header("cookie").unwrap_or_default();
///     let session = cookies.split("; ").find_map(|cookie| cookie.strip_prefix("session="));
///     let session = session.ok_or_else(|| Refusal::unauthorized("log in first"))?;
///     Ok(Accept::with(session.to_owned()))
/// }
/// ```
#[derive(Debug)]
pub struct Upgrade<'a> {
    request: &'a Request<()>,
    offer: &'a Offer,
    peer_addr: SocketAddr,
}

/// The terms on which a request is accepted. `S` is what is kept of the connection: the `State` of a
/// [`Handler`](crate::Handler), or for [`Server::on_upgrade`](crate::Server::on_upgrade) what was [`Attached`].
///
/// ```
/// use longwire::Accept;
///
/// let accept: Accept<String> = Accept::with("Ann".to_owned()).subprotocol("chat.v2");
/// ```
#[derive(Debug, Default)]
pub struct Accept<S = ()> {
    subprotocol: Option<String>,
    headers: HeaderMap,
    /// A header that cannot be sent.
    invalid: Option<InvalidSetting>,
    state: S,
}

/// What [`Accept::attach`] attached, for [`WebSocket::attached`](crate::WebSocket::attached).
///
/// A hook that is a function of its own names it; one that is a closure need not:
///
/// ```no_run
/// use longwire::{Accept, Attached, Refusal, Server, Upgrade};
///
/// fn admit(request: &Upgrade<'_>) -> Result<Accept<Attached>, Refusal> {
///     let name = request.query("name").ok_or_else(|| Refusal::bad_request("say who you are: ?name="))?;
///     Ok(Accept::new().attach(name.into_owned()))
/// }
///
/// # async fn serve() -> longwire::Result<()> {
/// let server = Server::bind("127.0.0.1:8080").await?.on_upgrade(admit);
/// # Ok(())
/// # }
/// ```
///
/// A [`Handler`](crate::Handler) keeps a `State` instead, and what is attached there does not compile:
///
/// ```compile_fail,E0308
/// # use longwire::{Accept, Refusal};
/// fn on_upgrade() -> Result<Accept<()>, Refusal> {
///     Ok(Accept::new().attach("a name"))
/// }
/// ```
#[derive(Debug, Default)]
pub struct Attached(Extensions);

/// A request that is accepted: the response, and what it settles.
pub(crate) struct Admitted<S> {
    pub(crate) response: Response<()>,
    pub(crate) opening: Negotiated,
    /// How messages are compressed, if the client offered it.
    pub(crate) deflate: Option<Agreement>,
    pub(crate) state: S,
}

/// Where the server does not know who serves: what it tells of refusals is bounded for the whole process.
impl Default for Admission {
    fn default() -> Admission {
        Admission {
            origins: Origins::default(),
            own_pages: OwnPages::Plain,
            refusals: Refusals::of_process(),
            invalid_origin: None,
            names_origins: false,
            subprotocols: Vec::new(),
            decide: None,
        }
    }
}

/// What the application decides; if it panics, it has refused.
pub(crate) fn unless_it_panics<S>(
    decide: impl FnOnce() -> Result<Accept<S>, Refusal>,
) -> Result<Accept<S>, Refusal> {
    catch_unwind(AssertUnwindSafe(decide)).unwrap_or_else(|payload| {
        tracing::error!(
            panic = panic_message(&*payload),
            "the hook for upgrades panicked; the panic hook has written where"
        );
        Err(Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the server cannot accept this request"))
    })
}

impl Admission {
    /// That of one server.
    pub(crate) fn of_server() -> Admission {
        Admission { refusals: Refusals::new(), ..Admission::default() }
    }

    /// Clients speak TLS, to the server or to a proxy before it.
    pub(crate) fn serve_over_tls(&mut self) {
        self.own_pages = OwnPages::Secure;
    }

    /// Tells of who is not let in.
    pub(crate) fn refusals(&self) -> &Refusals {
        &self.refusals
    }

    pub(crate) fn allow_origin(&mut self, origin: Result<Origin, InvalidOrigin>) {
        self.names_origins = true;
        match (origin, &mut self.origins) {
            (Ok(origin), Origins::Own { and }) => and.push(origin),
            (Ok(_), Origins::Any) => {}
            (Err(invalid), _) => self.invalid_origin = Some(invalid),
        }
    }

    pub(crate) fn allow_any_origin(&mut self) {
        self.origins = Origins::Any;
    }

    /// Whether the settings make sense.
    pub(crate) fn check(&self) -> Result<()> {
        if let Some(invalid) = &self.invalid_origin {
            return Err(Error::other(invalid.clone()));
        }
        if self.names_origins && matches!(self.origins, Origins::Any) {
            return Err(without_effect("origins", "any_origin", "pages of any origin may connect").into());
        }
        Ok(())
    }

    /// Answers a request for a WebSocket, by the hook of [`Server::on_upgrade`](crate::Server::on_upgrade) if there is
    /// one.
    pub(crate) fn admit(
        &self,
        request: &Request<()>,
        peer_addr: SocketAddr,
        deflate: Option<&Deflate>,
    ) -> Result<Admitted<()>, Refusal> {
        let admitted = self.admit_by(request, peer_addr, deflate, |upgrade| match &self.decide {
            Some(decide) => unless_it_panics(|| decide(upgrade)),
            None => Ok(Accept::new()),
        })?;
        Ok(admitted.attach())
    }

    /// Answers a request for a WebSocket, and counts whom it refuses; `decide` has the last word, if all else is well.
    pub(crate) fn admit_by<S>(
        &self,
        request: &Request<()>,
        peer_addr: SocketAddr,
        deflate: Option<&Deflate>,
        decide: impl FnOnce(&Upgrade<'_>) -> Result<Accept<S>, Refusal>,
    ) -> Result<Admitted<S>, Refusal> {
        let asked = RequestSummary::by(request);
        let peer = Some(peer_addr);
        let offer = self.offer(request, peer)?;
        self.check_origin(asked, peer)?;
        let accept = decide(&Upgrade { request, offer: &offer, peer_addr }).inspect_err(|refusal| {
            self.refusals.tell(&Case {
                why: NotLetIn::Application,
                refusal,
                peer,
                asked: Some(asked),
                allowed_by: None,
            });
        })?;
        self.settle(offer, accept, asked, peer, deflate)
    }

    /// What the client offers, if its request is what RFC 6455 wants.
    pub(crate) fn offer<B>(&self, request: &Request<B>, peer: Option<SocketAddr>) -> Result<Offer, Refusal> {
        Offer::read(request).inspect_err(|refusal| {
            let asked = Some(RequestSummary::by(request));
            self.refusals.tell(&Case { why: NotLetIn::BadRequest, refusal, peer, asked, allowed_by: None });
        })
    }

    /// Whether the page that the request comes from may connect.
    pub(crate) fn check_origin(
        &self,
        asked: RequestSummary<'_>,
        peer: Option<SocketAddr>,
    ) -> Result<(), Refusal> {
        let host = asked.host();
        self.origins.check(self.own_pages, asked.headers, host).map_err(|foreign| {
            let refusal = Refusal::forbidden(foreign.reason());
            let (why, allowed_by) = (NotLetIn::Origin, foreign.allowed_by());
            self.refusals.tell(&Case { why, refusal: &refusal, peer, asked: Some(asked), allowed_by });
            refusal
        })
    }

    /// Accepts what the client offers.
    pub(crate) fn settle<S>(
        &self,
        offer: Offer,
        accept: Accept<S>,
        asked: RequestSummary<'_>,
        peer_addr: Option<SocketAddr>,
        deflate: Option<&Deflate>,
    ) -> Result<Admitted<S>, Refusal> {
        let chosen = match accept.subprotocol {
            Some(subprotocol) => Some(subprotocol),
            None => offer.choose_subprotocol(&self.subprotocols).map(str::to_owned),
        };
        let mut agreement = None;
        let extensions = negotiate(offer.extensions(), |offered| {
            let (answer, agreed) = deflate?.answer(offered)?;
            agreement = Some(agreed);
            Some(answer)
        });
        let cannot_have = |error: &dyn fmt::Display| {
            tracing::error!(%error, "the server's application accepted on terms that it cannot have");
            let refusal =
                Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the server cannot accept this request");
            let (why, asked) = (NotLetIn::Application, Some(asked));
            self.refusals.tell(&Case { why, refusal: &refusal, peer: peer_addr, asked, allowed_by: None });
            refusal
        };
        if let Some(invalid) = &accept.invalid {
            return Err(cannot_have(invalid));
        }
        let (mut response, agreed) =
            offer.accept(chosen.as_deref(), &extensions).map_err(|error| cannot_have(&error))?;
        for (name, value) in &accept.headers {
            response.headers_mut().append(name, value.clone());
        }
        let opening = Negotiated {
            uri: asked.uri.clone(),
            subprotocol: agreed.subprotocol,
            agreed: extensions_header(response.headers()),
            peer_addr,
            response_headers: None,
            attached: Extensions::new(),
        };
        Ok(Admitted { response, opening, deflate: agreement, state: accept.state })
    }
}

impl Admitted<Attached> {
    /// Hands on what was attached, to the connection that opens.
    pub(crate) fn attach(mut self) -> Admitted<()> {
        let Attached(attached) = self.state;
        self.opening.attached = attached;
        Admitted { response: self.response, opening: self.opening, deflate: self.deflate, state: () }
    }
}

impl Upgrade<'_> {
    /// The path, such as `/chat`.
    #[must_use]
    pub fn path(&self) -> &str {
        self.request.uri().path()
    }

    /// The first value of a parameter in the query (`?name=value`), decoded as forms are: `+` is a space, `%41` is an
    /// `A`, and what is not UTF-8 is replaced.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<Cow<'_, str>> {
        let query = self.request.uri().query()?;
        query.split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decoded(key) == name).then(|| decoded(value))
        })
    }

    /// Path and query.
    #[must_use]
    pub fn uri(&self) -> &Uri {
        self.request.uri()
    }

    /// All headers of the request.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        self.request.headers()
    }

    /// A header of the request, if it is there and text.
    #[must_use]
    pub fn header(&self, name: impl http::header::AsHeaderName) -> Option<&str> {
        self.request.headers().get(name)?.to_str().ok()
    }

    /// The subprotocols that the client offers, the preferred one first.
    #[must_use]
    pub fn subprotocols(&self) -> &[String] {
        self.offer.subprotocols()
    }

    /// The address of the client, or of the proxy before it.
    #[must_use]
    pub fn peer_addr(&self) -> SocketAddr {
        self.peer_addr
    }
}

impl<S: Default> Accept<S> {
    /// Accepts, with the subprotocol that the server's settings give.
    #[must_use]
    pub fn new() -> Accept<S> {
        Accept::with(S::default())
    }
}

impl<S> Accept<S> {
    /// Accepts as [`new`](Accept::new) does, with what a [`Handler`](crate::Handler) keeps of the connection.
    #[must_use]
    pub fn with(state: S) -> Accept<S> {
        Accept { subprotocol: None, headers: HeaderMap::new(), invalid: None, state }
    }

    /// Chooses a subprotocol, which has to be among those that the client offers.
    #[must_use]
    pub fn subprotocol(mut self, subprotocol: impl Into<String>) -> Accept<S> {
        self.subprotocol = Some(subprotocol.into());
        self
    }

    /// Adds a header to the response. Name and value are text, or what the `http` crate has for them. What cannot be sent,
    /// or is the handshake's own (such as `Sec-WebSocket-Accept`), makes the answer a 500, and the log says why.
    ///
    /// ```
    /// use longwire::Accept;
    ///
    /// let accept: Accept = Accept::new().header("set-cookie", "seen=1");
    /// ```
    #[must_use]
    pub fn header(mut self, name: impl AsRef<str>, value: impl TryInto<HeaderValue>) -> Accept<S> {
        match header("Accept::header", name.as_ref(), value) {
            Ok((name, _)) if is_of_handshake(&name) => {
                let possible = "any header that is not the handshake's own".into();
                self.invalid = Some(InvalidSetting {
                    setting: "Accept::header",
                    given: format!("\"{name}\""),
                    possible,
                });
            }
            Ok((name, value)) => drop(self.headers.append(name, value)),
            Err(invalid) => self.invalid = Some(invalid),
        }
        self
    }
}

impl Accept<Attached> {
    /// Attaches a value of any type, such as who the user is; the handler finds it in
    /// [`WebSocket::attached`](crate::WebSocket::attached).
    #[must_use]
    pub fn attach<T: Any + Clone + Send + Sync>(mut self, value: T) -> Accept<Attached> {
        self.state.0.insert(value);
        self
    }
}

/// Whether a header makes a response the answer to an opening handshake (RFC 6455 §4.2.2), or frames it.
fn is_of_handshake(name: &HeaderName) -> bool {
    name.as_str().starts_with("sec-websocket-")
        || [UPGRADE, CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING].contains(name)
}

/// A name or value of a query, decoded as `application/x-www-form-urlencoded`.
fn decoded(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        let escaped = behind.split_at_checked(2).and_then(|(digits, behind)| {
            let digits = std::str::from_utf8(digits).ok().filter(|_| byte == b'%')?;
            Some((u8::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'))?, behind))
        });
        let (byte, behind) = match escaped {
            Some(escaped) => escaped,
            None if byte == b'+' => (b' ', behind),
            None => (byte, behind),
        };
        bytes.push(byte);
        rest = behind;
    }
    Cow::Owned(String::from_utf8_lossy(&bytes).into_owned())
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admission")
            .field("origins", &self.origins)
            .field("subprotocols", &self.subprotocols)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
