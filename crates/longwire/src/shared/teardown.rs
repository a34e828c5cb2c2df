//! The progress of a connection towards its end.

use crate::connection::Connection;

/// The progress of a connection towards its end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Teardown {
    is_closing: bool,
    is_closed: bool,
    is_settled: bool,
    pub(super) has_ended: bool,
    is_over: bool,
}

impl Teardown {
    pub(super) fn of(connection: &Connection) -> Teardown {
        Teardown {
            is_closing: !connection.is_open(),
            is_closed: connection.protocol.closed().is_some(),
            is_settled: connection.is_settled(),
            has_ended: connection.has_ended(),
            is_over: connection.protocol.is_over(),
        }
    }
}
