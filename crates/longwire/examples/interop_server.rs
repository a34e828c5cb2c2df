//! The server of the interoperation matrix (`cargo xtask interop`): sends every message back, and does what a text asks
//! for: `close 4321 reason` closes, `ping` pings and says `ponged` when the pong has come.
//!
//!     cargo run -p longwire --example interop_server -- 127.0.0.1:9001 [CERTIFICATE KEY]

use longwire::{Accept, Error, Handler, MessageRef, Refusal, Result, Server, Socket, Tls, Upgrade};

struct Interop;

impl Handler for Interop {
    type State = ();

    fn on_upgrade(&self, _request: &Upgrade<'_>) -> Result<Accept, Refusal> {
        Ok(Accept::new())
    }

    fn on_message(&self, socket: &mut Socket<'_, ()>, message: MessageRef<'_>) {
        match message.as_text().map(|text| text.splitn(3, ' ').collect::<Vec<_>>()).as_deref() {
            Some(["close", code, reason]) => {
                let closed = code.parse().is_ok_and(|code: u16| socket.close(code, reason).is_ok());
                if !closed {
                    socket.send("that is no close code");
                }
            }
            Some(["ping"]) => {
                if socket.ping(b"interop").is_err() {
                    socket.send("no ping can be sent");
                }
            }
            _ => drop(socket.send(message)),
        }
    }

    fn on_pong(&self, socket: &mut Socket<'_, ()>, payload: &[u8]) {
        if payload == b"interop" {
            socket.send("ponged");
        }
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().ok_or_else(|| Error::other("say where to listen: 127.0.0.1:9001"))?;
    let mut server = Server::bind(address).await?.any_origin().subprotocols(["interop.v1"]);
    if let (Some(certificate), Some(key)) = (arguments.next(), arguments.next()) {
        server = server.tls(Tls::pem_files(certificate, key)?);
    }
    server.run(Interop).await
}
