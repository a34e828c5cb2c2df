//~ error[E0277]: `Result<Accept<_>, _>` is not a future

use longwire::{Accept, Server};

pub fn set(server: Server) {
    let _ = server.on_upgrade(|_| Ok(Accept::new()));
}
