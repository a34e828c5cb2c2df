//~ error[E0277]: `serve` and `on_upgrade` do not go with `route`, `engine`, `workers`, `topics` and `on_topic`
//~ leave out `route`, `engine`, `workers`, `topics` and `on_topic`

use longwire::{Accept, Server};

pub fn set(server: Server) {
    let _ = server.engine(longwire::Engine::Auto).on_upgrade(async |_| Ok(Accept::new()));
}
