//~ error[E0277]: `run`, `route`, `engine`, `workers`, `topics` and `on_topic` do not go with `Server::on_upgrade`
//~ `Server::run` asks `Handler::on_upgrade` whom to let in: move what `Server::on_upgrade` decides into there

use longwire::{Accept, Handler, Server};

pub async fn run(server: Server, handler: impl Handler) -> longwire::Result<()> {
    server.on_upgrade(async |_| Ok(Accept::new())).run(handler).await
}
