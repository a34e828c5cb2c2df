//! Connects through a proxy.
//!
//!     cargo run --example proxy -- wss://example.com/socket http://user:password@127.0.0.1:3128
//!
//! `https://`, `socks5://` and `socks5h://` work as well. Without a second argument, the proxy comes from the environment.

use longwire::{Client, Error, Proxy, ProxyError, Result};

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let url =
        arguments.next().ok_or_else(|| Error::other("give the URL to connect to: ws://… or wss://…"))?;
    let mut client = Client::new();
    if let Some(proxy) = arguments.next() {
        client = client.proxy(Proxy::new(&proxy)?);
    }

    let mut socket = match client.connect(url).await {
        Ok(socket) => socket,
        Err(Error::Proxy(error)) => return Err(explained(*error)),
        Err(error) => return Err(error),
    };
    println!("connected to {}", socket.uri());
    socket.send("Hello from behind the proxy!").await?;
    while let Some(message) = socket.recv().await? {
        println!("{message}");
    }
    println!("{}", socket.closed());
    Ok(())
}

/// A proxy that refuses gives the reason in the status and text of its response.
fn explained(error: ProxyError) -> Error {
    match &error {
        ProxyError::Refused { proxy, response, .. } if response.status() == 407 => {
            Error::other(format!("{proxy} requires a user name and password: http://user:password@{proxy}"))
        }
        _ => Error::Proxy(Box::new(error)),
    }
}
