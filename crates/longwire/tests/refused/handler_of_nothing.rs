//~ error[E0277]: an async handler returns `longwire::HandlerResult`, not `()`
//~ and the end is `Ok(())`

use longwire::{Server, WebSocket};

pub async fn serve(server: Server) -> longwire::Result<()> {
    server.serve(async |mut socket: WebSocket| { let _ = socket.recv().await; }).await
}
