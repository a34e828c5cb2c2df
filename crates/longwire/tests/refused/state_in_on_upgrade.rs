//~ error[E0308]: mismatched types
//~ expected `Attached`, found `&str`

use longwire::{Accept, Server};

pub fn set(server: Server) {
    let _ = server.on_upgrade(async |_| Ok(Accept::with("a name")));
}
