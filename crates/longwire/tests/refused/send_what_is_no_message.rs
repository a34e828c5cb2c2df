//~ error[E0277]: `Point` cannot be sent: a message is text or bytes
//~ convert it to text, for example with `.to_string()` or `serde_json::to_string(&it)?`

use longwire::{Handler, Socket};

pub struct Point {
    pub x: f64,
}

pub fn send(socket: &mut Socket<'_, impl Handler>) {
    socket.send(Point { x: 1.0 });
}
