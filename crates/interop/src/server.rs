//! The servers of the interoperation matrix (`cargo xtask interop`). They send every message back, except commands:
//! `close 4321 reason` closes, `ping` pings and replies `ponged` after the pong, and `fragments` is answered in
//! fragments. A server that cannot carry out a command replies with the reason.

use longwire::{
    Accept, ControlOpcode, Direction, Error, FrameKind, FrameObserver, Handler, HandlerResult, MessageRef,
    Refusal, Result, Server, Socket, Tls, Upgrade, WebSocket,
};
use tokio::sync::broadcast;

/// The command in a text message.
enum Asked<'t> {
    Close(u16, &'t str),
    Ping,
    Fragments,
    Echo,
}

impl Asked<'_> {
    fn by(text: Option<&str>) -> Asked<'_> {
        match text.map(|text| text.splitn(3, ' ').collect::<Vec<_>>()).as_deref() {
            Some(["close", code, reason]) => {
                code.parse().map_or(Asked::Echo, |code| Asked::Close(code, reason))
            }
            Some(["ping"]) => Asked::Ping,
            Some(["fragments"]) => Asked::Fragments,
            _ => Asked::Echo,
        }
    }
}

/// The event-driven server.
struct Events;

impl Handler for Events {
    type State = ();

    async fn on_upgrade(&self, _request: &Upgrade<'_>) -> Result<Accept, Refusal> {
        Ok(Accept::new())
    }

    fn on_message(&self, socket: &mut Socket<'_, Self>, message: MessageRef<'_>) {
        match Asked::by(message.as_text()) {
            Asked::Close(code, reason) => {
                if socket.close(code, reason).is_err() {
                    socket.send("cannot: invalid close code").or_drop();
                }
            }
            Asked::Ping => {
                if socket.ping(b"interop").is_err() {
                    socket.send("cannot: the ping could not be sent").or_drop();
                }
            }
            Asked::Fragments => drop(socket.send("cannot: the server's interface sends no fragments")),
            Asked::Echo => drop(socket.send(message)),
        }
    }

    fn on_pong(&self, socket: &mut Socket<'_, Self>, payload: &[u8]) {
        if payload == b"interop" {
            socket.send("ponged").or_drop();
        }
    }
}

/// The async server. `pongs` receives the pongs of all connections.
async fn attend(mut socket: WebSocket, mut pongs: broadcast::Receiver<Vec<u8>>) -> HandlerResult {
    let name = format!("{:?}", socket.peer_addr()).into_bytes();
    loop {
        let message = tokio::select! {
            message = socket.recv() => message?,
            Ok(pong) = pongs.recv() => {
                if pong == name {
                    socket.send("ponged").await?;
                }
                continue;
            }
        };
        let Some(message) = message else { return Ok(()) };
        match Asked::by(message.as_text()) {
            Asked::Close(code, reason) => drop(socket.close(code, reason).await?),
            Asked::Ping => socket.send_ping(&name).await?,
            Asked::Fragments => send_in_fragments(&mut socket).await?,
            Asked::Echo => socket.send(message).await?,
        }
    }
}

async fn send_in_fragments(socket: &mut WebSocket) -> Result<()> {
    let mut message = socket.stream_text().await?;
    message.write("in frag").await?;
    message.write("ments").await?;
    message.finish().await
}

pub(crate) async fn run(mut arguments: impl Iterator<Item = String>) -> Result<()> {
    let (Some(which), Some(address)) = (arguments.next(), arguments.next()) else {
        return Err(Error::other("give the server and its address: events 127.0.0.1:9001"));
    };
    let server = Server::bind(address).await?.subprotocols(["interop.v1"]);
    let server = match (arguments.next(), arguments.next()) {
        // Accept only pages of this server. The proxy must pass on the Host header.
        (Some(flag), None) if flag == "--behind-tls-proxy" => server.behind_tls_proxy(),
        (Some(certificate), Some(key)) => server.any_origin().tls(Tls::pem_files(certificate, key)?),
        _ => server.any_origin(),
    };
    if which == "events" {
        return server.run(Events).await;
    }
    let pongs = broadcast::Sender::new(16);
    let seen = pongs.clone();
    let observer = FrameObserver::new(move |frame| {
        if let (Direction::Received, FrameKind::Control { opcode: ControlOpcode::Pong, .. }) =
            (frame.direction, frame.header.kind)
        {
            // The receiver is gone if the connection has just ended.
            let _ = seen.send(frame.control_payload.to_vec());
        }
    });
    server.observer(observer).serve(move |socket| attend(socket, pongs.subscribe())).await
}
