//! Transcripts of clients, without transports and with the clock of the test.

mod acks;
mod client;
mod connecting;
mod dynamic;
mod events;
mod hostile;
mod listeners;
mod recovery;
mod rooms;
