//! Longwire's client and servers for the tests with other programs (`cargo xtask test autobahn node browser python interop`).
//!
//! ```text
//! longwire-interop autobahn ws://127.0.0.1:9001 [--in-pieces|--blocking] [--authority FILE]
//! longwire-interop client ws://127.0.0.1:9001/ [--proxy URL] [--authority FILE]
//! longwire-interop server events|async 127.0.0.1:9001 [CERTIFICATE KEY]
//! longwire-interop socketio 127.0.0.1:0 [NAME=VALUE…]
//! ```

mod autobahn;
mod client;
mod server;
mod socketio;

use longwire::{Error, Result};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let part = arguments.next();
    match part.as_deref() {
        Some("autobahn") => autobahn::run(arguments).await,
        Some("client") => client::run(arguments).await,
        Some("server") => server::run(arguments).await,
        Some("socketio") => socketio::run(arguments).await,
        _ => Err(Error::other("choose a part: autobahn, client, server or socketio")),
    }
}
