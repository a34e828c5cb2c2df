//! The Autobahn client: asks a fuzzing server for its cases, echoes messages in each, and requests the report. With
//! `--in-pieces`, it sends each message back while the rest is still arriving.

use longwire::{Client, ClientTls, Error, Limits, Message, Result, WebSocket};

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

pub(crate) async fn run(mut arguments: impl Iterator<Item = String>) -> Result<()> {
    let server = arguments.next().ok_or_else(|| Error::other("give the fuzzing server's URL: ws://…"))?;
    let server = server.trim_end_matches('/');
    let mut in_pieces = false;
    let mut client = Client::new();
    while let Some(option) = arguments.next() {
        match &*option {
            "--in-pieces" => in_pieces = true,
            "--authority" => {
                let file = arguments.next().ok_or_else(|| Error::other("--authority needs a file"))?;
                client = client.tls(ClientTls::default().add_pem_file(&file)?);
            }
            _ => return Err(Error::other(format!("unknown option {option}"))),
        }
    }
    let limits =
        if in_pieces { Limits::default().streamed(32 << 20) } else { Limits::default().message(32 << 20) };
    let client = client.limits(limits);
    let cases_client = client.clone().subprotocols(["chat", "feed"]);

    let mut counting = client.connect(format!("{server}/getCaseCount")).await?;
    let answer =
        counting.recv().await?.ok_or_else(|| Error::other("the server did not say how many cases it has"))?;
    let cases: u32 = answer.to_string().parse().map_err(Error::other)?;
    while counting.recv().await?.is_some() {}

    for case in 1..=cases {
        println!("case {case} of {cases}");
        // Many cases violate the protocol, some of them in the opening handshake. The server judges the reaction.
        let url = format!("{server}/runCase?case={case}&agent=longwire");
        let Ok(mut socket) = cases_client.connect(url).await.inspect_err(|error| println!("{error}")) else {
            continue;
        };
        while let Ok(true) = if in_pieces { echo_pieces(&mut socket).await } else { echo(&mut socket).await }
        {
        }
        while let Ok(Some(_)) | Err(_) = socket.recv().await {}
    }

    let mut reporting = client.connect(format!("{server}/updateReports?agent=longwire")).await?;
    while reporting.recv().await?.is_some() {}
    Ok(())
}
