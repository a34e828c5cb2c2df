//! Counts refused clients and logs why they were refused. The log is for the operator: the refused side often
//! cannot see the reason. A page sees only close code 1006.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use http::header::ORIGIN;
use http::{HeaderMap, Request, StatusCode, Uri};
use longwire_proto::handshake::{Refusal, RefusedRequest, requested_host};

use super::census::Full;
use crate::telemetry::{self, NotLetIn};

/// How many lines of one kind may be logged at once.
const AT_ONCE: u32 = 10;

/// After how long one more line of a kind may be logged.
const ONE_MORE_AFTER: Duration = Duration::from_secs(5);

/// How many characters of a client's input are shown.
const SHOWN: usize = 100;

/// A refusal, and what is known about the request.
pub(crate) struct Case<'a> {
    pub(crate) why: NotLetIn,
    /// The status of the response; `None` if the connection just ends.
    pub(crate) status: Option<StatusCode>,
    pub(crate) reason: &'a str,
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) asked: Option<RequestSummary<'a>>,
    /// The setting that would allow it.
    pub(crate) allowed_by: Option<String>,
}

/// The parts of a refused request that are logged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RequestSummary<'a> {
    pub(crate) uri: &'a Uri,
    pub(crate) headers: &'a HeaderMap,
}

impl<'a> Case<'a> {
    /// A request that is answered with a refusal.
    pub(crate) fn answered(why: NotLetIn, refusal: &'a Refusal) -> Case<'a> {
        let (status, reason) = (Some(refusal.status()), refusal.reason());
        Case { why, status, reason, peer: None, asked: None, allowed_by: None }
    }
}

impl<'a> RequestSummary<'a> {
    pub(crate) fn by<B>(request: &'a Request<B>) -> RequestSummary<'a> {
        RequestSummary { uri: request.uri(), headers: request.headers() }
    }

    /// The requested host, if it is text.
    pub(crate) fn host(&self) -> Option<&'a str> {
        requested_host(self.uri, self.headers)
    }
}

/// Logs refusals: a few of each kind at once, then one per interval with the number that were suppressed. Its memory
/// use is constant, whatever clients do.
#[derive(Debug)]
pub(crate) struct Refusals {
    kinds: Mutex<[LogBudget; NotLetIn::COUNT]>,
}

impl Refusals {
    pub(crate) fn new() -> Arc<Refusals> {
        Arc::new(Refusals { kinds: Mutex::new([LogBudget::FRESH; NotLetIn::COUNT]) })
    }

    /// The instance for the whole process, used by endpoints, which belong to no server of this crate.
    pub(crate) fn of_process() -> Arc<Refusals> {
        static SHARED: OnceLock<Arc<Refusals>> = OnceLock::new();
        Arc::clone(SHARED.get_or_init(Refusals::new))
    }

    /// Logs a request head that is malformed or that breaks a rule.
    pub(crate) fn bad_request(&self, refused: &RefusedRequest, peer: Option<SocketAddr>) {
        let refusal = &refused.refusal;
        let is_too_large = refusal.status() == StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE;
        let (why, allowed_by) = if is_too_large {
            (NotLetIn::TooLarge, Some("--max-head, --max-headers or Limits::handshake_*".to_owned()))
        } else {
            (NotLetIn::BadRequest, None)
        };
        let asked = refused.request.as_deref().map(RequestSummary::by);
        self.tell(&Case { peer, asked, allowed_by, ..Case::answered(why, refusal) });
    }

    /// Logs a request that the application refused.
    pub(crate) fn application(&self, refusal: &Refusal, peer: Option<SocketAddr>, asked: RequestSummary<'_>) {
        self.tell(&Case { peer, asked: Some(asked), ..Case::answered(NotLetIn::Application, refusal) });
    }

    /// Logs a client that exceeds a connection limit, and returns the response for it.
    pub(crate) fn turned_away(&self, full: Full, peer: Option<SocketAddr>) -> Refusal {
        let refusal = Refusal::new(StatusCode::SERVICE_UNAVAILABLE, full.to_string());
        let (why, setting) = match full {
            Full::Total => (NotLetIn::Full, "--max-connections or Server::max_connections"),
            Full::PerIp => (
                NotLetIn::FullPerIp,
                "--max-connections-per-ip or Server::max_connections_per_ip; behind a proxy, \
                 --trusted-proxy or Server::trusted_proxies",
            ),
        };
        let allowed_by = Some(setting.to_owned());
        self.tell(&Case { peer, allowed_by, ..Case::answered(why, &refusal) });
        refusal
    }

    /// Logs a trusted proxy whose connection does not begin with a PROXY header.
    pub(crate) fn no_proxy_header(&self, peer: Option<SocketAddr>) {
        let reason = "the connection of a trusted proxy begins with no valid PROXY header";
        let allowed_by = Some("the proxy's own settings, such as send-proxy-v2 of HAProxy".to_owned());
        let why = NotLetIn::ProxyHeader;
        self.tell(&Case { why, status: None, reason, peer, asked: None, allowed_by });
    }

    /// Logs a plain request where only WebSockets are served.
    pub(crate) fn not_websocket(&self, refusal: &Refusal, peer: Option<SocketAddr>, request: &Request<()>) {
        self.tell(&Case {
            peer,
            asked: Some(RequestSummary::by(request)),
            allowed_by: Some("Server::http, which serves pages alongside WebSockets".to_owned()),
            ..Case::answered(NotLetIn::NotWebSocket, refusal)
        });
    }

    /// Counts a refusal, and logs it if its kind has budget left.
    pub(crate) fn tell(&self, case: &Case<'_>) {
        telemetry::refused(case.why);
        tracing::info!(
            target: "longwire::access",
            parent: None,
            peer = case.peer.map(tracing::field::display),
            path = case.asked.map(|asked| shown(asked.uri.path().as_bytes())),
            status = case.status.map(|status| status.as_u16()),
            "refused",
        );
        if !tracing::enabled!(tracing::Level::WARN) {
            return;
        }
        let spent = {
            let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
            let Some(kind) = kinds.get_mut(case.why.index()) else { return };
            kind.spend(Instant::now())
        };
        // The lock is not held while the subscriber runs, which is foreign code.
        let Some(not_told) = spent else { return };
        tracing::warn!(
            status = case.status.map(|status| status.as_u16()),
            peer = case.peer.map(tracing::field::display),
            origin =
                case.asked.and_then(|asked| asked.headers.get(ORIGIN)).map(|origin| shown(origin.as_bytes())),
            host = case.asked.and_then(|asked| asked.host()).map(|host| shown(host.as_bytes())),
            path = case.asked.map(|asked| shown(asked.uri.path().as_bytes())),
            allowed_by = case.allowed_by.as_deref(),
            not_told = (not_told > 0).then_some(not_told),
            "refused: {}",
            shown(case.reason.as_bytes()),
        );
    }
}

/// How many lines of one kind may be logged.
#[derive(Debug, Clone, Copy)]
struct LogBudget {
    left: u32,
    /// When the budget was last refilled. `None`: nothing was logged so far.
    since: Option<Instant>,
    not_told: u64,
}

impl LogBudget {
    const FRESH: LogBudget = LogBudget { left: AT_ONCE, since: None, not_told: 0 };

    /// `Some`: a line may be logged now; the number is how many were suppressed since the last one.
    fn spend(&mut self, now: Instant) -> Option<u64> {
        let since = *self.since.get_or_insert(now);
        let more = now.saturating_duration_since(since).as_secs() / ONE_MORE_AFTER.as_secs();
        if more > 0 {
            self.left = self.left.saturating_add(u32::try_from(more).unwrap_or(u32::MAX)).min(AT_ONCE);
            self.since = Some(now);
        }
        match self.left.checked_sub(1) {
            Some(left) => {
                self.left = left;
                Some(std::mem::take(&mut self.not_told))
            }
            None => {
                self.not_told = self.not_told.saturating_add(1);
                None
            }
        }
    }
}

/// A client's input, truncated, with control characters escaped for terminals.
fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes.get(..4 * SHOWN).unwrap_or(bytes));
    let mut shown = String::new();
    for (index, character) in text.chars().enumerate() {
        if index == SHOWN {
            shown.push('…');
            break;
        }
        if character == '\'' || character == '"' {
            shown.push(character);
        } else {
            // Writing to a string cannot fail.
            let _ = write!(shown, "{}", character.escape_debug());
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::server::endpoint::Endpoint;

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, text: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(text)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// Under another HTTP server, nothing else logs the refusal.
    #[test]
    fn an_endpoint_tells_of_the_page_that_it_refuses() {
        let log = Log::default();
        let told = Arc::clone(&log.0);
        let subscriber = tracing_subscriber::fmt().with_writer(move || log.clone()).with_ansi(false).finish();
        let mut request = Request::builder()
            .uri("/socket?token=secret")
            .header("host", "a.example")
            .header("upgrade", "websocket")
            .header("connection", "Upgrade")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
            .header("origin", "https://a.example")
            .body(())
            .unwrap();
        let upgraded = hyper::upgrade::on(&mut request);
        request.extensions_mut().insert(upgraded);
        let refused =
            tracing::subscriber::with_default(subscriber, || Endpoint::new().upgrade(&mut request).err());
        assert_eq!(refused.unwrap().status(), StatusCode::FORBIDDEN);
        let told = String::from_utf8(told.lock().unwrap().clone()).unwrap();
        assert!(told.contains("WARN") && told.contains("Endpoint::behind_tls_proxy"), "{told}");
        assert!(told.contains("path=\"/socket\"") && !told.contains("secret"), "{told}");
    }

    #[test]
    fn of_each_kind_some_are_told_and_the_others_counted() {
        let start = Instant::now();
        let mut kind = LogBudget::FRESH;
        for _ in 0..AT_ONCE {
            assert_eq!(kind.spend(start), Some(0));
        }
        for _ in 0..1000 {
            assert_eq!(kind.spend(start), None);
        }
        assert_eq!(kind.spend(start + ONE_MORE_AFTER), Some(1000));
        assert_eq!(kind.spend(start + ONE_MORE_AFTER), None);
        // A long silence does not raise the budget above its initial value.
        let later = start + ONE_MORE_AFTER * 1000;
        let told = (0..100).filter(|_| kind.spend(later).is_some()).count();
        assert_eq!(told, usize::try_from(AT_ONCE).unwrap());
    }

    #[test]
    fn what_a_client_sent_is_shown_cut_and_escaped() {
        assert_eq!(shown(b"https://a.example/it's"), "https://a.example/it's");
        assert_eq!(shown("a\r\n\u{1b}[2J\u{202e}é".as_bytes()), "a\\r\\n\\u{1b}[2J\\u{202e}é");
        assert_eq!(shown(b"\xff"), "\u{fffd}");
        let long = shown(&[b'x'; 100_000]);
        assert_eq!((long.chars().count(), long.ends_with("x…")), (SHOWN + 1, true));
    }
}
