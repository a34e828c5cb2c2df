//~ error[E0277]: `run`, `route`, `engine`, `workers`, `topics` and `on_topic` do not go with `Server::on_upgrade`
//~ `Server::run` asks `Handler::on_upgrade` whom to let in: move what `Server::on_upgrade` decides into there

use longwire::mode::Routed;
use longwire::{Accept, Handler, Server};

pub fn with_route(server: Server, chat: impl Handler) -> Server<Routed> {
    server.on_upgrade(async |_| Ok(Accept::new())).route("/chat", chat)
}
