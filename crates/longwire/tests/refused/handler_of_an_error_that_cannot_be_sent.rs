//~ error[E0277]: an async handler returns `longwire::HandlerResult`, not `Result<(), Box<
//~ note: let it return `longwire::HandlerResult`: `?` works there on errors of any type, and the end is `Ok(())`

use longwire::{Server, WebSocket};

async fn handle(_socket: WebSocket) -> Result<(), Box<dyn std::error::Error>> {
    Ok(())
}

pub async fn serve(server: Server) -> longwire::Result<()> {
    server.serve(handle).await
}
