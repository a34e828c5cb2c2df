//! Packets, by the document "Socket.IO Protocol", version 5.

mod decoding;
mod encoding;
mod typed;
