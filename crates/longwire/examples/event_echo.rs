//! A server on event loops that sends every message back: `cargo run --example event_echo -- 127.0.0.1:8080`.

use longwire::{Accept, Engine, Handler, MessageRef, Refusal, Server, Socket, Upgrade};

struct Echo;

impl Handler for Echo {
    type State = ();

    async fn on_upgrade(&self, _request: &Upgrade<'_>) -> Result<Accept, Refusal> {
        Ok(Accept::new())
    }

    fn on_message(&self, socket: &mut Socket<'_, Self>, message: MessageRef<'_>) {
        socket.send(message).or_drop();
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> longwire::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let engine = match arguments.next().as_deref() {
        Some("readiness") => Engine::Readiness,
        Some("uring") => Engine::Uring,
        _ => Engine::Auto,
    };
    let server = Server::bind(address).await?;
    println!("echo: ws://{}/", server.local_addr());
    server.engine(engine).workers(1).run(Echo).await
}
