#![doc = include_str!("../README.md")]

pub mod bits;
#[cfg(feature = "tokio")]
mod failure;
mod frame;
mod head;
mod len;
mod parse;
#[cfg(feature = "tokio")]
mod peer;
mod role;
mod show;
#[cfg(feature = "tokio")]
mod transcript;

#[cfg(feature = "tokio")]
pub use failure::{Failure, Problem};
pub use frame::{Mask, RawFrame};
pub use head::{Head, accept_key};
pub use len::DeclaredLen;
pub use parse::Incomplete;
#[cfg(feature = "tokio")]
pub use peer::{Peer, Pieces};
pub use role::Role;
#[cfg(feature = "tokio")]
pub use transcript::Transcript;
