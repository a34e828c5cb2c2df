//! A back end, or a server of keys, that does harm.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::process::KIB;

/// What it does with each request.
#[derive(Debug, Clone, Copy)]
pub(super) enum Conduct {
    NeverAnswers,
    /// A head, and a body without an end.
    AnswersWithoutEnd,
    /// Declares 10 GB, and sends as much as is read.
    AnswersTenGigabytes,
    /// To itself.
    Redirects,
    /// A JWK set of 100,000 keys.
    HundredThousandKeys,
}

pub(super) struct Backend {
    pub(super) url: String,
    requests: Arc<AtomicUsize>,
}

impl Backend {
    pub(super) fn start(conduct: Conduct) -> Backend {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let requests = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&requests);
        // It ends with the test's process.
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let counted = Arc::clone(&counted);
                thread::spawn(move || serve(stream, conduct, &counted));
            }
        });
        Backend { url, requests }
    }

    pub(super) fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}

/// `None` once the connection has ended.
fn serve(mut stream: TcpStream, conduct: Conduct, requests: &AtomicUsize) -> Option<()> {
    let mut piece = [0; 64 * KIB];
    while stream.read(&mut piece).ok()? > 0 {
        requests.fetch_add(1, Ordering::Relaxed);
        let head = match conduct {
            Conduct::NeverAnswers => continue,
            Conduct::Redirects => {
                "HTTP/1.1 302 Found\r\nLocation: /\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
                    .to_owned()
            }
            Conduct::AnswersWithoutEnd => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(),
            Conduct::AnswersTenGigabytes => {
                "HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n".to_owned()
            }
            Conduct::HundredThousandKeys => {
                let keys = vec![r#"{"kty":"OKP"}"#; 100_000].join(",");
                let body = format!(r#"{{"keys":[{keys}]}}"#);
                format!(
                    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
                    body.len()
                )
            }
        };
        stream.write_all(head.as_bytes()).ok()?;
        let chunk: Vec<u8> = match conduct {
            Conduct::AnswersWithoutEnd => [b"2000\r\n", &[b' '; 0x2000][..], b"\r\n"].concat(),
            Conduct::AnswersTenGigabytes => vec![b' '; 64 * KIB],
            _ => return None,
        };
        loop {
            stream.write_all(&chunk).ok()?;
        }
    }
    Some(())
}
