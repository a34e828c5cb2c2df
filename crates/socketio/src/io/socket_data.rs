//! The application's data of a socket.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

type Values = HashMap<TypeId, Arc<dyn Any + Send + Sync>>;

/// One value of each type. It survives an interruption with the socket's other state.
#[derive(Default)]
pub(super) struct SocketData(Mutex<Values>);

impl SocketData {
    pub(super) fn insert<T: Send + Sync + 'static>(&self, value: T) {
        let previous = self.with(|values| values.insert(TypeId::of::<T>(), Arc::new(value)));
        drop(previous);
    }

    pub(super) fn get<T: Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        let value = self.with(|values| values.get(&TypeId::of::<T>()).cloned());
        value.and_then(|value| value.downcast().ok())
    }

    fn with<R>(&self, use_values: impl FnOnce(&mut Values) -> R) -> R {
        use_values(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl fmt::Debug for SocketData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SocketData({})", self.with(|values| values.len()))
    }
}
