//! The Autobahn client: asks a fuzzing server for its cases, echoes messages in each, and requests the report. With
//! `--in-pieces`, it sends each message back while the rest is still arriving; with `--blocking`, it is the client for
//! threads.

use std::thread;

use longwire::{Client, ClientTls, Error, Limits, Message, Result, WebSocket, blocking};

/// How messages are sent back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Echo {
    Whole,
    InPieces,
    /// By a thread without async.
    Blocking,
}

/// Sends the next message back once it is complete. Returns `false` if the connection has ended.
async fn echo(socket: &mut WebSocket) -> Result<bool> {
    let Some(message) = socket.recv().await? else { return Ok(false) };
    socket.send(message).await?;
    Ok(true)
}

/// Sends each piece of the next message back as it arrives.
async fn echo_pieces(socket: &mut WebSocket) -> Result<bool> {
    let sender = socket.sender();
    let Some(mut message) = socket.recv_stream().await? else { return Ok(false) };
    if message.is_text() {
        let mut answer = sender.stream_text().await?;
        while let Some(Message::Text(piece)) = message.next_piece().await? {
            answer.write(&*piece).await?;
        }
        answer.finish().await?;
    } else {
        let mut answer = sender.stream_binary().await?;
        while let Some(piece) = message.next_piece().await? {
            answer.write(piece.as_bytes()).await?;
        }
        answer.finish().await?;
    }
    Ok(true)
}

/// Echoes messages until the connection has ended. Many cases violate the protocol; the server judges the reaction.
async fn serve(mut socket: WebSocket, echoes: Echo) {
    while let Ok(true) =
        if echoes == Echo::InPieces { echo_pieces(&mut socket).await } else { echo(&mut socket).await }
    {}
    while let Ok(Some(_)) | Err(_) = socket.recv().await {}
}

/// The same in a thread, where the client for threads works.
fn serve_blocking(client: &Client, url: &str) -> Result<()> {
    let mut socket = blocking::connect_with(client, url)?;
    while let Ok(Some(message)) = socket.recv() {
        if socket.send(message).is_err() {
            break;
        }
    }
    while let Ok(Some(_)) | Err(_) = socket.recv() {}
    Ok(())
}

/// Runs one case.
async fn run_case(client: &Client, url: String, echoes: Echo) -> Result<()> {
    if echoes == Echo::Blocking {
        let client = client.clone();
        let serving = thread::spawn(move || serve_blocking(&client, &url));
        return serving.join().map_err(|_| Error::other("the thread panicked"))?;
    }
    serve(client.connect(url).await?, echoes).await;
    Ok(())
}

pub(crate) async fn run(mut arguments: impl Iterator<Item = String>) -> Result<()> {
    let server = arguments.next().ok_or_else(|| Error::other("give the fuzzing server's URL: ws://…"))?;
    let server = server.trim_end_matches('/');
    let mut echoes = Echo::Whole;
    let mut client = Client::new();
    while let Some(option) = arguments.next() {
        match &*option {
            "--in-pieces" => echoes = Echo::InPieces,
            "--blocking" => echoes = Echo::Blocking,
            "--authority" => {
                let file = arguments.next().ok_or_else(|| Error::other("--authority needs a file"))?;
                client = client.tls(ClientTls::default().add_pem_file(&file)?);
            }
            _ => return Err(Error::other(format!("unknown option {option}"))),
        }
    }
    let limits = match echoes {
        Echo::InPieces => Limits::default().streamed(32 << 20),
        Echo::Whole | Echo::Blocking => Limits::default().message(32 << 20),
    };
    let client = client.limits(limits);
    let cases_client = client.clone().subprotocols(["chat", "feed"]);

    let mut counting = client.connect(format!("{server}/getCaseCount")).await?;
    let answer =
        counting.recv().await?.ok_or_else(|| Error::other("the server did not say how many cases it has"))?;
    let cases: u32 = answer.to_string().parse().map_err(Error::other)?;
    while counting.recv().await?.is_some() {}

    for case in 1..=cases {
        println!("case {case} of {cases}");
        // Some cases violate the protocol in the opening handshake.
        let url = format!("{server}/runCase?case={case}&agent=longwire");
        if let Err(error) = run_case(&cases_client, url, echoes).await {
            println!("{error}");
        }
    }

    let mut reporting = client.connect(format!("{server}/updateReports?agent=longwire")).await?;
    while reporting.recv().await?.is_some() {}
    Ok(())
}
