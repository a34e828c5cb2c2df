//! A client without async. It sends each argument after the URL, and prints the answers.
//!
//!     cargo run --example blocking --features blocking -- ws://127.0.0.1:8080/echo hello world

use std::time::Duration;

use longwire::{Client, Keepalive, blocking};

fn main() -> longwire::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().unwrap_or_else(|| "ws://127.0.0.1:8080/echo".to_owned());

    let client = Client::new().keepalive(Keepalive::every(Duration::from_secs(20)));
    let mut socket = blocking::connect_with(&client, url)?;
    for message in arguments {
        socket.send(message)?;
        match socket.recv_timeout(Duration::from_secs(5))? {
            Some(answer) => println!("{answer}"),
            None => break,
        }
    }
    println!("{}", socket.close(1000, "")?);
    Ok(())
}
