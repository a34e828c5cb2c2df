//! A back end that answers as the test says.

use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::program::PATIENCE;

/// A request that the back end got.
#[derive(Debug, Clone)]
pub(crate) struct Question {
    pub(crate) path: String,
    /// The request line and the headers, in lower case.
    pub(crate) head: String,
    pub(crate) body: Value,
}

/// What the back end does.
pub(crate) enum Reaction {
    Answer(Value),
    Status(&'static str),
    /// Answers once [`Backend::release`] is called.
    Held(Value),
    Never,
    HangUp,
}

pub(crate) struct Backend {
    pub(crate) address: SocketAddr,
    questions: UnboundedReceiver<Question>,
    released: watch::Sender<bool>,
}

type Answers = dyn Fn(&Question) -> Reaction + Send + Sync;

/// What the connections share.
#[derive(Clone)]
struct Service {
    answers: Arc<Answers>,
    asked: UnboundedSender<Question>,
    released: watch::Receiver<bool>,
}

impl Backend {
    pub(crate) async fn start(answers: impl Fn(&Question) -> Reaction + Send + Sync + 'static) -> Backend {
        Backend::listen(answers, None).await
    }

    /// With TLS.
    pub(crate) async fn secure(
        answers: impl Fn(&Question) -> Reaction + Send + Sync + 'static,
        tls: TlsAcceptor,
    ) -> Backend {
        Backend::listen(answers, Some(tls)).await
    }

    async fn listen(
        answers: impl Fn(&Question) -> Reaction + Send + Sync + 'static,
        tls: Option<TlsAcceptor>,
    ) -> Backend {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (asked, questions) = unbounded_channel();
        let (released, held) = watch::channel(false);
        let service = Service { answers: Arc::new(answers), asked, released: held };
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (service, tls) = (service.clone(), tls.clone());
                tokio::spawn(async move {
                    match tls {
                        None => service.serve(stream).await,
                        Some(tls) => match tls.accept(stream).await {
                            Ok(stream) => service.serve(stream).await,
                            Err(_) => None,
                        },
                    }
                });
            }
        });
        Backend { address, questions, released }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}/{path}", self.address)
    }

    /// The next request.
    pub(crate) async fn asked(&mut self) -> Question {
        tokio::time::timeout(PATIENCE, self.questions.recv()).await.unwrap().unwrap()
    }

    /// The requests that came and were not looked at.
    pub(crate) fn others(&mut self) -> Vec<Question> {
        std::iter::from_fn(|| self.questions.try_recv().ok()).collect()
    }

    /// Answers what is held.
    pub(crate) fn release(&self) {
        self.released.send_replace(true);
    }
}

impl Service {
    /// `None` at the end of the connection.
    async fn serve(mut self, mut stream: impl AsyncRead + AsyncWrite + Unpin) -> Option<()> {
        loop {
            let question = read(&mut stream).await?;
            let reaction = (self.answers)(&question);
            let _test_has_ended = self.asked.send(question);
            let (status, body) = match reaction {
                Reaction::Answer(body) => ("200 OK", body.to_string()),
                Reaction::Status(status) => (status, String::new()),
                Reaction::Held(body) => {
                    self.released.wait_for(|released| *released).await.ok()?;
                    ("200 OK", body.to_string())
                }
                Reaction::Never => std::future::pending().await,
                Reaction::HangUp => return None,
            };
            let length = body.len();
            let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\n\r\n{body}");
            stream.write_all(answer.as_bytes()).await.ok()?;
            stream.flush().await.ok()?;
        }
    }
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Question> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).unwrap();
    let path = head.split(' ').nth(1).unwrap().trim_start_matches('/').to_owned();
    let head = head.to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).await.ok()?;
    Some(Question { path, head, body: serde_json::from_slice(&body).unwrap_or_default() })
}
