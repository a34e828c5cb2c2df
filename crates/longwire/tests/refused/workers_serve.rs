//~ error[E0277]: `serve` and `on_upgrade` do not go with `engine`, `workers` and `topics`
//~ leave out `engine`, `workers` and `topics`

use longwire::{Server, WebSocket};

pub async fn serve(server: Server) -> longwire::Result<()> {
    server.workers(2).serve(async |_: WebSocket| Ok(())).await
}
