//! Listens to a channel, sends a line to it now and then, and reconnects when the server comes back: `cargo run
//! --example reconnecting -- ws://127.0.0.1:8080/channel/news`, while `longwire serve` runs.

use std::time::Duration;

use longwire::reconnect::{Sender, States};
use longwire::{Client, Reconnect, Result, WebSocket};

#[tokio::main]
async fn main() -> Result<()> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "ws://127.0.0.1:8080/channel/news".to_owned());
    let socket = Client::new()
        .reconnecting(Reconnect::default().tries(20).queue(64 << 10))
        .on_open(introduce)
        .connect(url)?;

    tokio::spawn(show(socket.states()));
    let (sender, mut receiver) = socket.split();
    tokio::spawn(chat(sender));
    while let Some(message) = receiver.recv().await? {
        println!("{message}");
    }
    println!("{}", receiver.closed());
    Ok(())
}

/// Runs on every new connection, before anything else is sent on it.
async fn introduce(mut socket: WebSocket) -> Result<WebSocket> {
    socket.send("Hello, it is me (again)!").await?;
    Ok(socket)
}

async fn show(mut states: States) {
    while let Some(state) = states.next().await {
        println!("[{state}]");
    }
}

async fn chat(sender: Sender) {
    for number in 1_u64.. {
        tokio::time::sleep(Duration::from_secs(5)).await;
        // While disconnected, this waits for the next connection. It fails if the queue is full or the client has
        // ended.
        if let Err(error) = sender.send(format!("line {number}")).await {
            println!("[line {number} is not sent: {error}]");
        }
        if sender.state().is_ended() {
            break;
        }
    }
}
