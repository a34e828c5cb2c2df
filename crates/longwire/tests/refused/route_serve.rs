//~ error[E0277]: `serve` and `on_upgrade` do not go with `route`, `engine`, `workers`, `topics` and `on_topic`
//~ leave out `route`, `engine`, `workers`, `topics` and `on_topic`

use longwire::{Handler, Server, WebSocket};

pub async fn serve(server: Server, chat: impl Handler) -> longwire::Result<()> {
    server.route("/chat", chat).serve(async |_: WebSocket| Ok(())).await
}
