//! permessage-deflate, the compression of messages (RFC 7692).
//!
//! [`Deflate`] says what this end wants and negotiates it in the opening handshake. What comes of that is an
//! [`Agreement`], from which each end makes a [`Compressor`] for what it sends and an [`Inflater`] for what it receives:
//!
//! ```
//! use longwire_proto::deflate::{Compression, Compressor, Deflate, Inflater};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let config = Deflate::default().threshold(0);
//! let offers = config.offers();
//! let (answer, of_server) = config.answer(&offers[0]).ok_or("declined")?;
//! let of_client = config.confirm(&answer)?;
//!
//! let mut payload = Vec::new();
//! let mut compressor = Compressor::new(&of_client, &config);
//! assert_eq!(compressor.compress(b"Hello", &mut payload), Compression::Applied);
//! assert_eq!(payload, b"\xf2\x48\xcd\xc9\xc9\x07\x00"); // RFC 7692 §7.2.3.1
//!
//! let mut message = Vec::new();
//! let mut inflater = Inflater::new(&of_server);
//! inflater.push(&payload, 1024, |bytes| Ok::<_, ()>(message.extend_from_slice(bytes))).unwrap();
//! inflater.finish()?;
//! assert_eq!(message, b"Hello");
//! # Ok(())
//! # }
//! ```
//!
//! # Memory
//!
//! The working state of zlib is large, at [`Deflate::default`] 161 KiB to compress and 47 KiB to inflate. It is taken
//! with the first compressed message, not with the connection, and lent by a small pool of the thread for the time of
//! one message. Between messages a connection keeps no more than the two windows that the next messages refer to; see
//! [`Deflate`] for what that comes to.
//!
//! The state comes from `zlib-rs` itself and not through `flate2`, which cannot set a memory level.

mod agreement;
mod compressor;
mod config;
mod inflater;
mod offer;
mod once;
mod params;
mod pool;
mod window;
mod zlib;

#[cfg(test)]
mod round_trip;

pub use agreement::{Agreement, Context, Takeover, WindowBits};
pub use compressor::{Compression, Compressor};
pub use config::{Deflate, Retain};
pub use inflater::{Corrupt, InflateFailure, Inflater};
pub(crate) use once::OncePerWindow;
pub use params::DeflateError;
