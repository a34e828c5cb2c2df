//! A server that supports two versions of a subprotocol, with one client for each version and one without: `cargo
//! run -p longwire --example subprotocol`.

use longwire::{Accept, Attached, Client, Refusal, Server, Upgrade, WebSocket};

/// The server prefers the new version.
const SPOKEN: [&str; 2] = ["numbers.v2", "numbers.v1"];

/// Refuses clients that support neither version. Without this, they would be accepted without a subprotocol.
async fn check(request: &Upgrade<'_>) -> Result<Accept<Attached>, Refusal> {
    if request.subprotocols().iter().any(|offered| SPOKEN.contains(&offered.as_str())) {
        Ok(Accept::new())
    } else {
        Err(Refusal::bad_request("this server speaks numbers.v2 and numbers.v1"))
    }
}

async fn serve(mut socket: WebSocket) -> longwire::HandlerResult {
    let answer = match socket.subprotocol() {
        Some("numbers.v2") => r#"{"number":42}"#,
        _ => "42",
    };
    socket.send(answer).await?;
    Ok(())
}

#[tokio::main]
async fn main() -> longwire::Result<()> {
    let server = Server::bind("127.0.0.1:0").await?.subprotocols(SPOKEN).on_upgrade(check);
    let url = format!("ws://{}", server.local_addr());
    tokio::spawn(server.serve(serve));

    for offered in [&["numbers.v1", "numbers.v2"][..], &["numbers.v1"], &[]] {
        match Client::new().subprotocols(offered.iter().copied()).connect(&url).await {
            Ok(mut socket) => {
                let message = socket.recv().await?;
                println!("{offered:?}: {:?}, {message:?}", socket.subprotocol());
            }
            Err(error) => println!("{offered:?}: {error}"),
        }
    }
    Ok(())
}
