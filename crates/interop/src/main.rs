//! Longwire's client and servers for the tests with other programs (`cargo xtask test autobahn interop`).
//!
//!     longwire-interop autobahn ws://127.0.0.1:9001 [--in-pieces]
//!     longwire-interop client ws://127.0.0.1:9001/ [--proxy URL] [--authority FILE]
//!     longwire-interop server events|async 127.0.0.1:9001 [CERTIFICATE KEY]

mod autobahn;
mod client;
mod server;

use longwire::{Error, Result};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let part = arguments.next();
    match part.as_deref() {
        Some("autobahn") => autobahn::run(arguments).await,
        Some("client") => client::run(arguments).await,
        Some("server") => server::run(arguments).await,
        _ => Err(Error::other("choose a part: autobahn, client or server")),
    }
}
