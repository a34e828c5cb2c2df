//! `longwire proxy`.

mod admission;
mod exchange;
mod faults;
mod journal;
mod local_name;
mod page;
mod recordings;
mod stopping;
mod tap;
mod tunnel;

use std::io;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use http::Uri;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

use crate::args::ProxyArgs;
use crate::args::listen::{Addresses, PortAddr};
use crate::failure::Failure;
use crate::signals::Ending;
use crate::terminal::{self, escape};
use admission::{Admission, ForeignPages};
use exchange::Proxying;
use journal::Book;

/// The most clients at a time; others wait.
const MAX_CLIENTS: usize = 1000;

/// The wait after the system could not accept a connection, for lack of file descriptors for example.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

pub(crate) async fn run(args: ProxyArgs) -> Result<ExitCode, Failure> {
    let mut ending = Ending::of_client();
    let client = args.endpoint.client()?;
    let shown = args.endpoint.url.shown();
    if shown != args.endpoint.url() {
        return Err(Failure::Usage("give user name and password with --user instead of in the URL".into()));
    }
    let grep = args.grep.pattern()?;
    let uri = http_uri(&shown)?;
    let listeners = listen(&args.listen).await?;
    let book = Book::new(&args, grep).map_err(|error| Failure::Other(escape(&error)))?;
    args.endpoint.say_assumption();
    let addresses: Vec<SocketAddr> =
        listeners.iter().filter_map(|listener| listener.local_addr().ok()).collect();
    for address in &addresses {
        terminal::complain(&escape(&format!("proxy  ws://{address}/ → {shown}")));
    }
    if let Some(at) = &args.page {
        let address = page::serve(listen(at).await?, at, &book)?;
        terminal::complain(&format!("page   http://{address}/"));
    }
    let admission = Admission::new(args.listen.clone(), &addresses, foreign_pages(&args));
    let drops = faults::drop_messages(&args.fault);
    let proxying = Arc::new(Proxying {
        client,
        url: args.endpoint.url().to_owned(),
        uri,
        headers: args.endpoint.headers(),
        faults: args.fault,
        offers_compression: !args.no_compression && !drops,
        admission,
        book,
        connections: AtomicU64::new(0),
    });
    let book = Arc::clone(&proxying.book);
    let room = Arc::new(Semaphore::new(MAX_CLIENTS));
    for listener in listeners {
        tokio::spawn(accept(listener, Arc::clone(&proxying), Arc::clone(&room)));
    }
    let mut stop = book.stopping.stop();
    tokio::select! {
        () = ending.next() => book.stopping.ask(),
        () = stop.asked() => {}
    }
    drop(stop);
    tokio::select! {
        () = book.stopping.all_ended() => {}
        () = ending.next() => {}
    }
    Ok(ExitCode::SUCCESS)
}

/// Whatever is added may be a credential; only the user knows.
fn foreign_pages(args: &ProxyArgs) -> ForeignPages {
    let adds_credentials = !args.endpoint.headers().is_empty() || args.endpoint.route.has_identity();
    if adds_credentials { ForeignPages::Only(args.allow_origin.clone()) } else { ForeignPages::Any }
}

async fn accept(listener: TcpListener, proxying: Arc<Proxying>, room: Arc<Semaphore>) {
    while let Ok(place) = Arc::clone(&room).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, from)) => {
                let _latency_only = stream.set_nodelay(true);
                let proxying = Arc::clone(&proxying);
                tokio::spawn(async move {
                    exchange::serve(proxying, stream, from).await;
                    drop(place);
                });
            }
            Err(error) => {
                terminal::complain(&format!("longwire: cannot accept a connection: {error}"));
                tokio::time::sleep(AFTER_FAILURE).await;
            }
        }
    }
}

/// Listens on every address that is meant.
async fn listen(at: &PortAddr) -> Result<Vec<TcpListener>, Failure> {
    let failed =
        |error: &io::Error| Failure::Other(format!("cannot listen on {}: {error}", escape(&at.to_string())));
    let (candidates, is_enough) = match at.resolve().await.map_err(|error| failed(&error))? {
        Addresses::All(all) => (all, false),
        Addresses::First(candidates) => (candidates, true),
    };
    let (mut listeners, mut last) = (Vec::<TcpListener>::new(), None);
    for mut candidate in candidates {
        // All addresses of a name have one port, even if it is any free one.
        if let Some(port) =
            listeners.first().and_then(|first| first.local_addr().ok()).map(|first| first.port())
        {
            candidate.set_port(port);
        }
        match TcpListener::bind(candidate).await {
            Ok(listener) => listeners.push(listener),
            Err(error) => last = Some(error),
        }
        if is_enough && !listeners.is_empty() {
            break;
        }
    }
    match last {
        Some(error) if listeners.is_empty() => Err(failed(&error)),
        _ => Ok(listeners),
    }
}

/// The URL of the endpoint with the scheme of HTTP.
fn http_uri(url: &str) -> Result<Uri, Failure> {
    let wrong = |why: &str| Failure::Usage(format!("{} is not the URL of an endpoint: {why}", escape(url)));
    let (scheme, rest) = url.split_once("://").ok_or_else(|| wrong("it has no scheme"))?;
    let scheme = match scheme.to_ascii_lowercase().as_str() {
        "ws" | "http" => "http",
        "wss" | "https" => "https",
        _ => return Err(wrong("it must begin with ws:// or wss://")),
    };
    let uri: Uri = format!("{scheme}://{rest}")
        .parse()
        .map_err(|error: http::uri::InvalidUri| wrong(&error.to_string()))?;
    if uri.host().is_none_or(str::is_empty) { Err(wrong("it has no host")) } else { Ok(uri) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_of_http_stands_for_that_of_an_endpoint() {
        let uri = |url: &str| http_uri(url).map(|uri| uri.to_string());
        assert_eq!(uri("wss://a.example:8443/feed?x").unwrap(), "https://a.example:8443/feed?x");
        assert_eq!(uri("WS://[::1]").unwrap(), "http://[::1]/");
        for url in ["ftp://a.example", "ws://", "a.example", "ws:///x", "ws://a b"] {
            assert!(uri(url).is_err(), "{url}");
        }
    }
}
