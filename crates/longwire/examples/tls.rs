//! A `wss://` server with a freshly generated certificate, and a client that trusts it: `cargo run -p longwire
//! --example tls`.

use longwire::{Client, ClientTls, Error, Roots, Server, Tls, WebSocket};

#[tokio::main]
async fn main() -> longwire::Result<()> {
    // A real server loads its certificate from files: `Tls::pem_files("cert.pem", "key.pem")`.
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).map_err(Error::other)?;
    let certificate = made.cert.pem();
    let tls = Tls::pem(&certificate, made.signing_key.serialize_pem())?;

    let server = Server::bind("localhost:0").await?.tls(tls);
    let url = format!("wss://localhost:{}", server.local_addr().port());
    tokio::spawn(server.serve(async |mut socket: WebSocket| {
        while let Some(message) = socket.recv().await? {
            socket.send(message).await?;
        }
        Ok(())
    }));

    // Without `tls(…)`, a client trusts the certificates that the system trusts.
    let client = Client::new().tls(ClientTls::new(Roots::None).add_pem(certificate)?);
    let mut socket = client.connect(&url).await?;
    socket.send("nobody else can read this").await?;
    if let Some(message) = socket.recv().await? {
        println!("{url}: {message}");
    }
    println!("{}", socket.close(1000, "").await?);
    Ok(())
}
