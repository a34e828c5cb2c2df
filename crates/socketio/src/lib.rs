//! Socket.IO on Longwire: servers for the official clients, unchanged.
//!
//! [`engine`] is Engine.IO 4, the transport below Socket.IO: sessions over HTTP long-polling and WebSocket, and the
//! upgrade from one to the other.

pub mod engine;
mod serve;
