//! The client of the interoperation matrix (`cargo xtask interop`): asks a server for one thing after the other, and
//! prints a line of JSON for each.
//!
//!     cargo run -p longwire --example interop_client -- ws://127.0.0.1:9001/ [--proxy URL] [--authority FILE] [--without CELL]…

use std::fmt::Display;
use std::time::Duration;

use longwire::{Client, ClientTls, Deflate, Error, Message, Proxy, Result, WebSocket};

/// One, two, three and four bytes of UTF-8 a character.
const TEXT: &str = "text, κόσμε, 世界, 🦀";

struct Peer {
    client: Client,
    url: String,
    /// Cells that the server cannot do.
    without: Vec<String>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let peer = Peer::from_arguments()?;
    let long: String = "all work and no play makes a dull test. ".repeat(500);
    peer.cell("text", peer.echoes(TEXT)).await;
    peer.cell("binary", peer.echoes(octets(256))).await;
    peer.cell("megabyte", peer.echoes(octets(1 << 20))).await;
    peer.cell("fragments", peer.answers("fragments", "fragments")).await;
    peer.cell("deflate", peer.compresses(Some(Deflate::default()), &long)).await;
    peer.cell("plain", peer.compresses(None, &long)).await;
    peer.cell("subprotocol", peer.agrees_on_a_subprotocol()).await;
    peer.cell("closes", peer.closes()).await;
    peer.cell("closed", peer.is_closed()).await;
    peer.cell("ping", peer.answers("ping", "ponged")).await;
    Ok(())
}

impl Peer {
    fn from_arguments() -> Result<Peer> {
        let mut arguments = std::env::args().skip(1);
        let url = arguments.next().ok_or_else(|| Error::other("say where the server is: ws://…"))?;
        let mut peer = Peer { client: Client::new().proxy(None), url, without: Vec::new() };
        while let (Some(option), Some(value)) = (arguments.next(), arguments.next()) {
            match &*option {
                "--proxy" => peer.client = peer.client.proxy(Proxy::new(&value)?),
                "--authority" => peer.client = peer.client.tls(ClientTls::default().add_pem_file(&value)?),
                "--without" => peer.without.push(value),
                _ => return Err(Error::other(format!("there is no {option}"))),
            }
        }
        Ok(peer)
    }

    async fn cell(&self, name: &str, check: impl Future<Output = Result<()>>) {
        const PATIENCE: Duration = Duration::from_secs(10);

        let outcome = if self.without.iter().any(|without| without == name) {
            r#""ok":null,"why":"the server's interface does not have it""#.to_owned()
        } else {
            match tokio::time::timeout(PATIENCE, check).await {
                Ok(Ok(())) => r#""ok":true"#.to_owned(),
                Ok(Err(error)) => format!(r#""ok":false,"why":{:?}"#, error.to_string()),
                Err(_) => r#""ok":false,"why":"not within 10 s""#.to_owned(),
            }
        };
        println!(r#"{{"cell":"{name}",{outcome}}}"#);
    }

    async fn open(&self) -> Result<WebSocket> {
        self.client.connect(&self.url).await
    }

    async fn echoes(&self, message: impl Into<Message>) -> Result<()> {
        let message = message.into();
        self.answers(message.clone(), message).await
    }

    async fn answers(&self, message: impl Into<Message>, answer: impl Into<Message>) -> Result<()> {
        let mut socket = self.open().await?;
        socket.send(message).await?;
        expect(&next(&mut socket).await?, &answer.into())?;
        socket.close(1000, "").await?;
        Ok(())
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
        expect(&format!("{:?}", socket.subprotocol()), &format!("{:?}", Some("interop.v1")))?;
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

async fn next(socket: &mut WebSocket) -> Result<Message> {
    let message = socket.recv().await?;
    message.ok_or_else(|| Error::other(format!("no message: {}", socket.closed())))
}

/// Bytes of which no two neighbours are equal.
fn octets(count: u32) -> Vec<u8> {
    (0..count).map(|place| (place * 31 + (place >> 8)).to_le_bytes()[0]).collect()
}

fn expect<T: PartialEq + Display>(found: &T, wanted: &T) -> Result<()> {
    if found == wanted {
        return Ok(());
    }
    Err(Error::other(format!("found {found:.80}, wanted {wanted:.80}")))
}
