//! Requests and responses in JSON, with serde, between a client and a server: `cargo run -p longwire --example
//! json`.

use longwire::{Error, Message, Server, WebSocket, connect};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Request {
    Add { numbers: Vec<i64> },
    Greet { name: String },
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Answer {
    Sum { sum: i64 },
    Greeting { text: String },
}

fn encode(value: &impl Serialize) -> longwire::Result<Message> {
    serde_json::to_string(value).map(Message::from).map_err(Error::other)
}

fn decode<T: DeserializeOwned>(message: &Message) -> longwire::Result<T> {
    serde_json::from_slice(message.as_bytes()).map_err(Error::other)
}

async fn serve(mut socket: WebSocket) -> longwire::HandlerResult {
    while let Some(message) = socket.recv().await? {
        let answer = match decode(&message)? {
            Request::Add { numbers } => Answer::Sum { sum: numbers.iter().sum() },
            Request::Greet { name } => Answer::Greeting { text: format!("Hello, {name}!") },
        };
        socket.send(encode(&answer)?).await?;
    }
    Ok(())
}

#[tokio::main]
async fn main() -> longwire::Result<()> {
    let server = Server::bind("127.0.0.1:0").await?;
    let url = format!("ws://{}", server.local_addr());
    tokio::spawn(server.serve(serve));

    let mut socket = connect(&url).await?;
    for request in [Request::Add { numbers: vec![1, 2, 3] }, Request::Greet { name: "Ada".to_owned() }] {
        socket.send(encode(&request)?).await?;
        if let Some(message) = socket.recv().await? {
            println!("{message} is {:?}", decode::<Answer>(&message)?);
        }
    }
    socket.close(1000, "").await?;
    Ok(())
}
