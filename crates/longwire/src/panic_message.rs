//! The message of a panic in the application.

use std::any::Any;

/// Extracts the message from the payload of a panic. The location is known only to the panic hook, which prints it.
pub(crate) fn panic_message(payload: &(dyn Any + Send)) -> &str {
    match (payload.downcast_ref::<&'static str>(), payload.downcast_ref::<String>()) {
        (Some(message), _) => message,
        (None, Some(message)) => message,
        (None, None) => "(without a message)",
    }
}

#[cfg(test)]
mod tests {
    use std::panic::{catch_unwind, panic_any};

    use super::*;

    #[test]
    fn both_kinds_of_text_are_found_and_anything_else_is_said() {
        let message = |panic: fn()| panic_message(&*catch_unwind(panic).unwrap_err()).to_owned();
        assert_eq!(message(|| panic!("plain")), "plain");
        assert_eq!(message(|| panic!("with {}", 1 + 1)), "with 2");
        assert_eq!(message(|| panic_any(7_u8)), "(without a message)");
    }
}
