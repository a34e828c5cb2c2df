//! The client under the Autobahn test suite: asks a fuzzing server for its cases, echoes through each, and has the report
//! written.
//!
//!     cargo run --release -p longwire --example autobahn_client -- ws://127.0.0.1:9001

use longwire::{Client, Error, Limits, Result};

#[tokio::main]
async fn main() -> Result<()> {
    let server =
        std::env::args().nth(1).ok_or_else(|| Error::other("say where the fuzzing server is: ws://…"))?;
    let server = server.trim_end_matches('/');
    let client = Client::new().limits(Limits::default().message(32 << 20));

    let mut counting = client.connect(format!("{server}/getCaseCount")).await?;
    let answer =
        counting.recv().await?.ok_or_else(|| Error::other("the server did not say how many cases it has"))?;
    let cases: u32 = answer.to_string().parse().map_err(Error::other)?;
    while counting.recv().await?.is_some() {}

    for case in 1..=cases {
        println!("case {case} of {cases}");
        let mut socket = client.connect(format!("{server}/runCase?case={case}&agent=longwire")).await?;
        // Breaking the protocol is what many cases do; the server judges how that was taken.
        while let Ok(Some(message)) = socket.recv().await {
            if socket.send(message).await.is_err() {
                break;
            }
        }
        while let Ok(Some(_)) | Err(_) = socket.recv().await {}
    }

    let mut reporting = client.connect(format!("{server}/updateReports?agent=longwire")).await?;
    while reporting.recv().await?.is_some() {}
    Ok(())
}
