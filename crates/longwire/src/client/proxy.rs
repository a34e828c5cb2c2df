//! Connecting through a proxy.

mod choice;
mod exceptions;
mod http;
mod server;
#[cfg(feature = "socks")]
mod socks;
mod tunnel;

pub(super) use choice::ProxyChoice;
pub use server::Proxy;
pub(super) use server::ProxyServer;
pub(super) use tunnel::tunnel;
