//~ error[E0277]: `Point` is not text or bytes, which is what a message is made of
//~ make text of it, as by `.to_string()` or `serde_json::to_string(&it)?`

use longwire::{Handler, Socket};

pub struct Point {
    pub x: f64,
}

pub fn send(socket: &mut Socket<'_, impl Handler>) {
    socket.send(Point { x: 1.0 });
}
