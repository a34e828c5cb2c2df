//! The places of connections in an event loop.

slotmap::new_key_type! {
    /// The place of a connection in its event loop. A place that is used again has another key.
    pub(crate) struct Key;
}
