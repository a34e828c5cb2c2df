//! What an application has asked to be called with later, whose types only its handler knows.

use std::any::Any;

/// A closure of the application that goes on with a connection. What keeps it until then need not know the handler: it is
/// given back to the handler's own type.
#[derive(Debug)]
pub(crate) struct Resumption(Box<dyn Any + Send>);

impl Resumption {
    pub(super) fn new<T: Send + 'static>(call: T) -> Resumption {
        Resumption(Box::new(call))
    }

    /// What it was made of; `None`: it was made of another type.
    pub(super) fn into_call<T: 'static>(self) -> Option<T> {
        self.0.downcast().ok().map(|call| *call)
    }
}
