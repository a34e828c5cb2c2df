//! This compiles, if the library has all features that the others need.

use longwire::mode::{Run, Serve};
use longwire::{Accept, Attached, Client, Engine, Handler, HandlerResult, Server, WebSocket};

pub async fn serve(server: Server) -> longwire::Result<()> {
    let server: Server<Serve> = server.on_upgrade(async |_| Ok(Accept::<Attached>::new().attach(1)));
    server.serve(async |_: WebSocket| -> HandlerResult { Ok(()) }).await
}

pub async fn run(server: Server, handler: impl Handler) -> longwire::Result<()> {
    let (server, _topics): (Server<Run>, _) = server.engine(Engine::Auto).workers(2).topics();
    server.run(handler).await
}

pub async fn connect(client: Client) -> longwire::Result<WebSocket> {
    client.connect("wss://example.com").await
}
