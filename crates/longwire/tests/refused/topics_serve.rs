//~ error[E0277]: `serve` and `on_upgrade` do not go with `route`, `engine`, `workers`, `topics` and `on_topic`
//~ leave out `route`, `engine`, `workers`, `topics` and `on_topic`

use longwire::{Server, WebSocket};

pub async fn serve(server: Server) -> longwire::Result<()> {
    let (server, topics) = server.topics();
    topics.publish("news", "to nobody");
    server.serve(async |_: WebSocket| Ok(())).await
}
