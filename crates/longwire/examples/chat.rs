//! An event-driven chat room in which each client has a name: `cargo run -p longwire --example chat`, then
//! `longwire connect "ws://127.0.0.1:8080/?name=Ada"` in several terminals.

use longwire::{Accept, Closed, Engine, Handler, MessageRef, Refusal, Server, Socket, Upgrade};

struct Chat;

impl Handler for Chat {
    type State = String; // the name, one per connection

    async fn on_upgrade(&self, request: &Upgrade<'_>) -> Result<Accept<String>, Refusal> {
        let name = request.query("name").ok_or_else(|| Refusal::bad_request("say who you are: ?name="))?;
        Ok(Accept::with(name.into_owned()))
    }

    fn on_open(&self, socket: &mut Socket<'_, Self>) {
        socket.subscribe("room");
        let line = format!("{} is here", socket.state());
        socket.publish("room", line);
    }

    fn on_message(&self, socket: &mut Socket<'_, Self>, message: MessageRef<'_>) {
        if let MessageRef::Text(text) = message {
            let line = format!("{}: {text}", socket.state());
            socket.publish("room", line);
        }
    }

    fn on_close(&self, socket: &mut Socket<'_, Self>, closed: &Closed) {
        println!("{} has left: {closed}", socket.state());
    }
}

#[tokio::main]
async fn main() -> longwire::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let engine = match arguments.next().as_deref() {
        Some("readiness") => Engine::Readiness,
        Some("uring") => Engine::Uring,
        _ => Engine::Auto,
    };
    let server = Server::bind(address).await?;
    println!("chat: ws://{}/?name=…", server.local_addr());
    server.engine(engine).run(Chat).await
}
