//~ error[E0277]: `serve` and `on_upgrade` do not go with `route`, `engine`, `workers`, `topics` and `on_topic`
//~ leave out `route`, `engine`, `workers`, `topics` and `on_topic`

use longwire::{Accept, Server};

pub fn set(server: Server) {
    let (server, _topics) = server.topics();
    let _ = server.on_upgrade(async |_| Ok(Accept::new()));
}
