//~ error[E0277]: the trait bound `std::sync::Mutex<i32>: Clone` is not satisfied

use std::sync::Mutex;

use longwire::{Server, WebSocket};

pub async fn serve(server: Server) -> longwire::Result<()> {
    let count = Mutex::new(0);
    let handler = async move |_socket: WebSocket| {
        *count.lock().map_err(|_| "poisoned")? += 1;
        Ok(())
    };
    server.serve(handler).await
}
