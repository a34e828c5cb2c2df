//! The client of the interoperation matrix (`cargo xtask interop`): runs one check after another against a server, and
//! prints a line of JSON for each.

use std::fmt::Debug;
use std::time::Duration;

use http::header::ORIGIN;
use longwire::{
    Client, ClientTls, ControlOpcode, Deflate, Direction, Error, FrameKind, FrameObserver, Message, Proxy,
    Result, SeenFrame, WebSocket,
};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// Characters of one, two, three and four bytes in UTF-8.
const TEXT: &str = "text, κόσμε, 世界, 🦀";

struct Peer {
    client: Client,
    url: String,
}

/// How much of a check works.
enum Works {
    Wholly,
    /// Only this client's part of it, with the reason.
    InPart(String),
}

/// An event that the WebSocket's messages do not show.
#[derive(Debug, PartialEq)]
enum Seen {
    Pong(Vec<u8>),
    /// A frame that is not the last of its message.
    Fragment,
}

pub(crate) async fn run(arguments: impl Iterator<Item = String>) -> Result<()> {
    let peer = Peer::new(arguments)?;
    let long: String = "all work and no play makes a dull test. ".repeat(500);
    peer.cell("text", peer.echoes(TEXT)).await;
    peer.cell("binary", peer.echoes(octets(256))).await;
    peer.cell("megabyte", peer.echoes(octets(1 << 20))).await;
    peer.cell("fragments", peer.fragments()).await;
    peer.cell("deflate", peer.compresses(Some(Deflate::default()), &long)).await;
    peer.cell("plain", peer.compresses(None, &long)).await;
    peer.cell("subprotocol", peer.agrees_on_a_subprotocol()).await;
    peer.cell("closes", peer.closes()).await;
    peer.cell("closed", peer.is_closed()).await;
    peer.cell("ping", peer.pings()).await;
    Ok(())
}

impl Peer {
    fn new(mut arguments: impl Iterator<Item = String>) -> Result<Peer> {
        let url = arguments.next().ok_or_else(|| Error::other("give the server's URL: ws://…"))?;
        let mut peer = Peer { client: Client::new().proxy(None), url };
        while let (Some(option), Some(value)) = (arguments.next(), arguments.next()) {
            match &*option {
                "--proxy" => peer.client = peer.client.proxy(Proxy::new(&value)?),
                "--origin" => peer.client = peer.client.header(ORIGIN, value),
                "--authority" => peer.client = peer.client.tls(ClientTls::default().add_pem_file(&value)?),
                _ => return Err(Error::other(format!("unknown option {option}"))),
            }
        }
        Ok(peer)
    }

    async fn cell<W: Into<Works>>(&self, name: &str, check: impl Future<Output = Result<W>>) {
        const PATIENCE: Duration = Duration::from_secs(30);

        let checked = tokio::time::timeout(PATIENCE, check).await;
        let outcome = match checked.map(|checked| checked.map(Into::into)) {
            Ok(Ok(Works::Wholly)) => r#""ok":true"#.to_owned(),
            Ok(Ok(Works::InPart(why))) => format!(r#""ok":true,"why":{why:?}"#),
            Ok(Err(error)) => format!(r#""ok":false,"why":{:?}"#, error.to_string()),
            Err(_) => r#""ok":false,"why":"not within 10 s""#.to_owned(),
        };
        println!(r#"{{"cell":"{name}",{outcome}}}"#);
    }

    async fn open(&self) -> Result<WebSocket> {
        self.client.connect(&self.url).await
    }

    /// A connection, and the events that its observer sees.
    async fn open_watched(&self) -> Result<(WebSocket, UnboundedReceiver<Seen>)> {
        let (tell, seen) = unbounded_channel();
        let observer = FrameObserver::new(move |frame| {
            if let Some(what) = Seen::in_frame(frame) {
                // The check may be over, with nobody receiving any more.
                let _ = tell.send(what);
            }
        });
        Ok((self.client.clone().observer(observer).connect(&self.url).await?, seen))
    }

    async fn echoes(&self, message: impl Into<Message>) -> Result<()> {
        let message = message.into();
        let mut socket = self.open().await?;
        socket.send(message.clone()).await?;
        expect(&next(&mut socket).await?, &message)?;
        socket.close(1000, "").await?;
        Ok(())
    }

    /// Sends a message in fragments with a ping between them, and then asks the server for one.
    async fn fragments(&self) -> Result<Works> {
        let (mut socket, mut seen) = self.open_watched().await?;
        let mut message = socket.stream_text().await?;
        message.write("one ").await?;
        socket.send_ping("between").await?;
        message.write("message").await?;
        message.finish().await?;
        expect(&next(&mut socket).await?, &"one message".into())?;
        expect(&seen.recv().await, &Some(Seen::Pong(b"between".into())))?;

        let works = asks(&mut socket, "fragments", "in fragments").await?;
        if let Works::Wholly = works {
            expect(&seen.recv().await, &Some(Seen::Fragment))?;
        }
        socket.close(1000, "").await?;
        Ok(works)
    }

    /// Sends a ping, and then asks the server for one.
    async fn pings(&self) -> Result<Works> {
        let (mut socket, mut seen) = self.open_watched().await?;
        socket.send_ping("here").await?;
        tokio::select! {
            seen = seen.recv() => expect(&seen, &Some(Seen::Pong(b"here".into())))?,
            message = next(&mut socket) => return Err(Error::other(format!("unexpected message: {:?}", message?))),
        }
        let works = asks(&mut socket, "ping", "ponged").await?;
        socket.close(1000, "").await?;
        Ok(works)
    }

    async fn compresses(&self, deflate: Option<Deflate>, text: &str) -> Result<()> {
        let is_wanted = deflate.is_some();
        let mut socket = self.client.clone().deflate(deflate).connect(&self.url).await?;
        expect(&socket.extensions().starts_with("permessage-deflate"), &is_wanted)?;
        for _ in 0..2 {
            socket.send(text).await?;
            expect(&next(&mut socket).await?, &text.into())?;
        }
        socket.close(1000, "").await?;
        Ok(())
    }

    async fn agrees_on_a_subprotocol(&self) -> Result<()> {
        let client = self.client.clone().subprotocols(["interop.v0", "interop.v1"]);
        let mut socket = client.connect(&self.url).await?;
        expect(&socket.subprotocol(), &Some("interop.v1"))?;
        socket.close(1000, "").await?;
        Ok(())
    }

    async fn closes(&self) -> Result<()> {
        let closed = self.open().await?.close(4000, "bye").await?;
        expect(&closed.to_string().contains("4000"), &true)?;
        expect(&closed.clean, &true)
    }

    async fn is_closed(&self) -> Result<()> {
        let mut socket = self.open().await?;
        socket.send("close 4321 see you").await?;
        while socket.recv().await?.is_some() {}
        expect(&socket.closed().to_string(), &"closed by peer: 4321: see you".to_owned())
    }
}

impl Seen {
    fn in_frame(frame: &SeenFrame<'_>) -> Option<Seen> {
        match (frame.direction, frame.header.kind) {
            (Direction::Received, FrameKind::Control { opcode: ControlOpcode::Pong, .. }) => {
                Some(Seen::Pong(frame.control_payload.into()))
            }
            (Direction::Received, FrameKind::Data { fin: false, .. }) => Some(Seen::Fragment),
            _ => None,
        }
    }
}

impl From<()> for Works {
    fn from((): ()) -> Works {
        Works::Wholly
    }
}

/// Asks the server to do something. The server does it or says why it cannot.
async fn asks(socket: &mut WebSocket, what: &str, answer: &str) -> Result<Works> {
    socket.send(what).await?;
    let message = next(socket).await?;
    if let Some(why) = message.as_text().and_then(|text| text.strip_prefix("cannot: ")) {
        return Ok(Works::InPart(why.to_owned()));
    }
    expect(&message, &answer.into())?;
    Ok(Works::Wholly)
}

async fn next(socket: &mut WebSocket) -> Result<Message> {
    let message = socket.recv().await?;
    message.ok_or_else(|| Error::other(format!("no message: {}", socket.closed())))
}

/// Bytes without two equal neighbours.
fn octets(count: u32) -> Vec<u8> {
    (0..count).map(|place| (place * 31 + (place >> 8)).to_le_bytes()[0]).collect()
}

fn expect<T: PartialEq + Debug>(found: &T, wanted: &T) -> Result<()> {
    if found == wanted {
        return Ok(());
    }
    let shown = |value: &T| format!("{value:?}").chars().take(80).collect::<String>();
    Err(Error::other(format!("found {}, wanted {}", shown(found), shown(wanted))))
}
