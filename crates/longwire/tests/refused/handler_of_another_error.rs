//~ error[E0277]: an async handler returns `longwire::HandlerResult`, not `Result<(), longwire::Error>`
//~ note: let it return `longwire::HandlerResult`: `?` works there on errors of any type, and the end is `Ok(())`
//~ note: what returns `longwire::Result<()>` is called with `?`: `async |socket| Ok(handle(socket).await?)`

use longwire::{Server, WebSocket};

async fn echo(_socket: WebSocket) -> longwire::Result<()> {
    Ok(())
}

pub async fn serve(server: Server) -> longwire::Result<()> {
    server.serve(echo).await
}
