//! A client with the API of the browser's `WebSocket`. It sends the lines of standard input, and prints what it
//! receives.
//!
//!     cargo run --example browser_shaped -- ws://127.0.0.1:8080/echo

use std::io::BufRead;

use longwire::EventSocket;

#[tokio::main]
async fn main() -> longwire::Result<()> {
    let url = std::env::args().nth(1).unwrap_or_else(|| "ws://127.0.0.1:8080/echo".to_owned());

    let socket = EventSocket::new(url, |socket| {
        socket.on_open(|socket| {
            println!("connected to {}; an empty line closes", socket.url());
            let socket = socket.clone();
            // Reading from the terminal blocks, which listeners must not do.
            std::thread::spawn(move || {
                for line in std::io::stdin().lock().lines().map_while(Result::ok) {
                    if line.is_empty() {
                        break;
                    }
                    socket.send(line).or_drop();
                }
                socket.close(1000, "done")
            });
        });
        socket.on_message(|_, event| println!("message from server: {}", event.data()));
        socket.on_close(|_, event| println!("closed: {} {}", event.code(), event.reason()));
        socket.on_error(|_, error| eprintln!("error: {error}"));
    })?;

    socket.ended().await;
    Ok(())
}
