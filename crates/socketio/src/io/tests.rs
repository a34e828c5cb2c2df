//! Transcripts of clients, without transports and with the clock of the test.

mod acks;
mod client;
mod connecting;
mod dynamic;
mod events;
mod hostile;
mod listeners;
mod nodes;
mod recovery;
mod rooms;
