//! A client that keeps all rules, or does one thing wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use longwire_check::ClientRun;
use longwire_wire::{Head, RawFrame, Role, accept_key};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::deflate::Agreement;
use crate::engine::{Engine, State};
use crate::fault::Fault;
use crate::opening::{SUBPROTOCOL, grammar, list, values};
use crate::server::BUFFER;

static CONNECTIONS: AtomicU64 = AtomicU64::new(0);

/// Connects to the run with this path, and serves the connection to its end.
pub(crate) async fn connect(run: &Arc<ClientRun>, path: &str, fault: Option<Fault>) {
    let (ours, theirs) = tokio::io::duplex(BUFFER);
    let client = tokio::spawn(attend(ours, path.to_owned(), fault));
    run.connection(Box::new(theirs)).await;
    client.abort();
}

fn request(path: &str, fault: Option<Fault>) -> Head {
    if fault == Some(Fault::WrongRequest) {
        return Head::new(format!("POST {path} HTTP/1.0"))
            .with("Upgrade", "h2c")
            .with("X Y", "z")
            .with("Content-Length", "5")
            .with("Sec-WebSocket-Key", "AAAA")
            .with("Sec-WebSocket-Protocol", "x-a, x-a")
            .with("Sec-WebSocket-Extensions", "permessage-deflate; server_max_window_bits");
    }
    let number = CONNECTIONS.fetch_add(1, Ordering::Relaxed);
    let key = STANDARD.encode([number.to_be_bytes(), [7; 8]].concat());
    let head = Head::upgrade(path, "localhost").replacing("Sec-WebSocket-Key", &key);
    let head = head.with("Sec-WebSocket-Protocol", format!("{SUBPROTOCOL}, feed"));
    match fault {
        Some(Fault::OffersNoCompression | Fault::TakesAnyExtension) => head,
        Some(Fault::OffersNoWindow) => head.with("Sec-WebSocket-Extensions", "permessage-deflate"),
        _ => head.with("Sec-WebSocket-Extensions", "permessage-deflate; client_max_window_bits"),
    }
}

/// Sends the request for this path and serves the connection to its end.
pub(crate) async fn attend<T>(mut io: T, path: String, fault: Option<Fault>) -> std::io::Result<()>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let request = request(&path, fault);
    io.write_all(&request.encode()).await?;
    io.flush().await?;
    if fault == Some(Fault::SendsEarly) {
        io.write_all(&RawFrame::ping("early").encode(Role::Client)).await?;
    }
    let mut bytes = Vec::new();
    let response = loop {
        let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
            if io.read_buf(&mut bytes).await? == 0 {
                return end(&mut io, fault).await;
            }
            continue;
        };
        let rest = bytes.split_off(end + 4);
        let response = std::mem::replace(&mut bytes, rest);
        if !response.starts_with(b"HTTP/1.1 103 ") {
            break response;
        }
    };
    let head = Head::parse(&response).map(|(head, _)| head).unwrap_or_else(|| Head::new(""));
    let agreement = match fault {
        Some(Fault::TakesNoResponse) => return end(&mut io, fault).await,
        Some(Fault::TakesAnyResponse | Fault::WrongRequest) => Ok(None),
        _ => judge(&request, &head, &response, fault),
    };
    let Ok(agreement) = agreement else { return end(&mut io, fault).await };
    let mut engine = Engine::new(Role::Client, agreement, fault);
    engine.receive(&bytes);
    exchange(&mut io, &mut engine, fault).await
}

/// Ends a connection, unless nothing makes this client do it.
async fn end<T: AsyncWrite + Unpin>(io: &mut T, fault: Option<Fault>) -> std::io::Result<()> {
    if matches!(fault, Some(Fault::Silent | Fault::NeverEnds)) {
        std::future::pending::<()>().await;
    }
    io.shutdown().await
}

async fn exchange<T>(io: &mut T, engine: &mut Engine, fault: Option<Fault>) -> std::io::Result<()>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let mut bytes = Vec::with_capacity(engine.longest_read());
    loop {
        io.write_all(&std::mem::take(&mut engine.out)).await?;
        io.flush().await?;
        if engine.state == State::Gone || (engine.state == State::Closed && fault == Some(Fault::EndsFirst)) {
            return Ok(());
        }
        bytes.clear();
        if io.read_buf(&mut bytes).await? == 0 {
            return end(io, fault).await;
        }
        // After the closing handshake, it only waits for the end.
        if engine.state == State::Open {
            engine.receive(&bytes);
        }
    }
}

/// All rules for a response.
fn judge(
    request: &Head,
    response: &Head,
    bytes: &[u8],
    fault: Option<Fault>,
) -> Result<Option<Agreement>, &'static str> {
    grammar(bytes)?;
    if !response.start.starts_with("HTTP/1.1 101 ") {
        return Err("status");
    }
    let has = |field: &str, token: &str| {
        list(response, field).iter().any(|other| other.eq_ignore_ascii_case(token))
    };
    if !has("Upgrade", "websocket") || !has("Connection", "upgrade") {
        return Err("upgrade");
    }
    let accept = accept_key(request.field("Sec-WebSocket-Key").unwrap_or_default());
    if values(response, "Sec-WebSocket-Accept") != [accept] && fault != Some(Fault::TakesAnyAccept) {
        return Err("accept");
    }
    let offered = list(request, "Sec-WebSocket-Protocol");
    let is_offered = match values(response, "Sec-WebSocket-Protocol").as_slice() {
        [] => true,
        [one] => offered.iter().any(|offer| offer == one),
        _ => false,
    };
    if !is_offered && fault != Some(Fault::TakesAnySubprotocol) {
        return Err("subprotocol");
    }
    if fault == Some(Fault::TakesAnyExtension) {
        return Ok(None);
    }
    agreement(request, response)
}

fn agreement(request: &Head, response: &Head) -> Result<Option<Agreement>, &'static str> {
    let offer = request.field("Sec-WebSocket-Extensions");
    match *values(response, "Sec-WebSocket-Extensions").as_slice() {
        [] => Ok(None),
        [one] => {
            let offer = offer.ok_or("unasked")?;
            if one.contains("client_max_window_bits") && !offer.contains("client_max_window_bits") {
                return Err("window");
            }
            let names = one.split(';').map(|part| part.split('=').next().unwrap_or_default().trim());
            let different: std::collections::BTreeSet<&str> = names.clone().collect();
            if different.len() < names.count() {
                return Err("twice");
            }
            Agreement::parse(one).map(Some).ok_or("agreement")
        }
        _ => Err("two agreements"),
    }
}
