//! Callbacks of the application whose type only its handler knows.

use std::any::Any;

/// A callback of the application for a connection. Code that stores it need not know the handler: the callback is
/// converted back to the handler's own type.
#[derive(Debug)]
pub(crate) struct Resumption(Box<dyn Any + Send>);

impl Resumption {
    pub(super) fn new<T: Send + 'static>(call: T) -> Resumption {
        Resumption(Box::new(call))
    }

    /// The original callback; `None` if it has another type.
    pub(super) fn into_call<T: 'static>(self) -> Option<T> {
        self.0.downcast().ok().map(|call| *call)
    }
}
