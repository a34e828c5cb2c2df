//! permessage-deflate, the compression of messages (RFC 7692).
//!
//! [`Deflate`] holds the settings of this end and negotiates them in the opening handshake. The result is an
//! [`Agreement`], from which each end makes a [`Compressor`] for what it sends and an [`Inflater`] for what it
//! receives:
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
//! The working state of zlib is large: at [`Deflate::default`], 161 KiB to compress and 47 KiB to inflate. A connection
//! borrows it from a small per-thread pool for one message at a time, beginning with the first compressed message.
//! Between messages a connection keeps at most the two windows that the next messages may refer to; [`Deflate`] lists
//! their sizes.
//!
//! The state comes from `zlib-rs` directly, because `flate2` cannot set a memory level.

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
