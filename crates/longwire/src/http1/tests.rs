use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::Full;
use longwire_proto::Config;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::yield_now;

use super::*;
use crate::admission::census::Census;
use crate::admission::policy::AdmissionPolicy;

const PLAIN: &str = "GET /page HTTP/1.1\r\nHost: a\r\n\r\n";

const UPGRADE: &str = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                       Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

/// Answers every plain request with a page, and every upgrade with 101, without reading any body.
struct Pages {
    policy: AdmissionPolicy,
    config: Arc<Config>,
    closing: CancellationToken,
    service: HttpService,
}

impl Pages {
    fn new() -> Arc<Pages> {
        let service: HttpService = Box::new(|_request| {
            let page = Full::new(Bytes::from(vec![b'x'; 5_000])).map_err(|never| match never {});
            Box::pin(async { Response::new(page.boxed_unsync()) })
        });
        Arc::new(Pages {
            policy: AdmissionPolicy::default(),
            config: Arc::default(),
            closing: CancellationToken::new(),
            service,
        })
    }
}

impl Host for Pages {
    fn terms(&self) -> ServerTerms<'_> {
        ServerTerms { policy: &self.policy, config: &self.config, serves_http: true }
    }

    fn closing(&self) -> &CancellationToken {
        &self.closing
    }

    fn http(&self) -> Option<&HttpService> {
        Some(&self.service)
    }

    async fn decide(
        self: Arc<Self>,
        _pending: PendingUpgrade,
        _upgraded: OnUpgrade,
        _take_place: impl FnOnce() -> Option<Place> + Send,
    ) -> Result<Response<()>, Refusal> {
        let mut response = Response::new(());
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        Ok(response)
    }
}

/// A transport that blocks its first writes, and never yields any bytes.
struct Reluctant {
    /// How many more writes it blocks.
    refusals: usize,
    taken: Arc<Mutex<Vec<u8>>>,
}

impl AsyncRead for Reluctant {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Pending
    }
}

impl AsyncWrite for Reluctant {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.refusals > 0 {
            self.refusals -= 1;
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        slices.iter().for_each(|slice| taken.extend_from_slice(slice));
        Poll::Ready(Ok(slices.iter().map(|slice| slice.len()).sum()))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// How many responses are sent to requests that arrive together, over a transport that blocks the first `refusals`
/// writes.
async fn answers(requests: &str, refusals: usize) -> usize {
    let taken = Arc::new(Mutex::new(Vec::new()));
    let transport = Transport::Other(Box::new(Reluctant { refusals, taken: Arc::clone(&taken) }));
    let peer_addr = None;
    let place = Arc::new(Census::new(1, 1)).enter(None).unwrap();
    let serving = tokio::spawn(serve(transport, BytesMut::from(requests), peer_addr, place, Pages::new()));
    for _ in 0..200 {
        yield_now().await;
    }
    serving.abort();
    let taken = taken.lock().unwrap_or_else(PoisonError::into_inner);
    String::from_utf8_lossy(&taken).matches("HTTP/1.1 ").count()
}

#[tokio::test(start_paused = true)]
async fn a_request_behind_a_body_that_nobody_reads_is_answered_however_late_the_first_answer_leaves() {
    let body = "x".repeat(5_000);
    let chunked =
        "GET /page HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
            .to_owned();
    let counted = format!("GET /page HTTP/1.1\r\nHost: a\r\nContent-Length: 5000\r\n\r\n{body}");
    for first in [chunked, counted, PLAIN.to_owned()] {
        for second in [PLAIN, UPGRADE] {
            for refusals in 0..8 {
                let answers = answers(&[&first, second].concat(), refusals).await;
                assert_eq!(answers, 2, "{refusals} refusals: {first}{second}");
            }
        }
    }
}
