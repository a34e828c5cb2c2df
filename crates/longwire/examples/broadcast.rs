//! A server that sends the time to all clients once a second, and skips clients that are too slow: `cargo run -p
//! longwire --example broadcast`, then `longwire connect ws://127.0.0.1:8080`.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use longwire::{Message, Sender, Server, TrySendError, WebSocket};

type Audience = Arc<Mutex<Vec<Sender>>>;

/// Sends a message to all clients, and removes those that have left.
fn tell(audience: &Audience, message: &Message) {
    let mut audience = audience.lock().unwrap_or_else(PoisonError::into_inner);
    audience.retain(|listener| match listener.try_send(message.clone()) {
        Ok(()) => true,
        Err(TrySendError::Full(_)) => true, // this client misses the message
        Err(TrySendError::Closed(_)) => false,
    });
}

#[tokio::main]
async fn main() -> longwire::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let server = Server::bind(address).await?;
    println!("the time: ws://{}", server.local_addr());

    let audience = Audience::default();
    let listeners = Arc::clone(&audience);
    tokio::spawn(async move {
        let mut second = tokio::time::interval(Duration::from_secs(1));
        loop {
            second.tick().await;
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
            tell(&listeners, &format!("{} s since 1970", now.as_secs()).into());
        }
    });
    server
        .serve(move |mut socket: WebSocket| {
            audience.lock().unwrap_or_else(PoisonError::into_inner).push(socket.sender());
            async move {
                while socket.recv().await?.is_some() {}
                Ok(())
            }
        })
        .await
}
