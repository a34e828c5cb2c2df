//~ error[E0277]: `run`, `route`, `engine`, `workers`, `topics` and `on_topic` do not go with `Server::on_upgrade`
//~ `Server::run` asks `Handler::on_upgrade` whom to let in: move what `Server::on_upgrade` decides into there

use longwire::{Accept, Server};

pub fn set(server: Server) {
    let _ = server.on_upgrade(async |_| Ok(Accept::new())).topics();
}
