//! Calls whose answer may come at once or later.

use std::fmt;
use std::pin::Pin;

/// A future that a session waits for, which the program runs.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The answer to a call. In memory, answers are ready; across a network, they come later. A ready answer costs no
/// allocation and no task.
///
/// ```
/// use longwire_hub::Call;
///
/// let call: Call<u32> = Call::Ready(7);
/// assert!(matches!(call.map(|answer| answer + 1), Call::Ready(8)));
/// ```
#[must_use]
pub enum Call<T> {
    /// The answer.
    Ready(T),
    /// The answer is the output of this future, which does nothing until it is polled.
    Later(BoxFuture<T>),
}

impl<T: Send + 'static> Call<T> {
    /// Applies a function to the answer.
    pub fn map<U: Send + 'static>(self, change: impl FnOnce(T) -> U + Send + 'static) -> Call<U> {
        match self {
            Call::Ready(answer) => Call::Ready(change(answer)),
            Call::Later(future) => Call::Later(Box::pin(async move { change(future.await) })),
        }
    }

    /// The answer, as soon as it is there.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the call: what it was for may or may not be done.
    pub async fn answer(self) -> T {
        match self {
            Call::Ready(answer) => answer,
            Call::Later(future) => future.await,
        }
    }
}

impl Call<()> {
    /// Both calls, one after the other.
    pub(crate) fn and(self, other: Call<()>) -> Call<()> {
        match (self, other) {
            (Call::Ready(()), other) => other,
            (first, Call::Ready(())) => first,
            (Call::Later(first), Call::Later(second)) => Call::Later(Box::pin(async move {
                first.await;
                second.await;
            })),
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Call<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Call::Ready(answer) => f.debug_tuple("Ready").field(answer).finish(),
            Call::Later(_) => f.write_str("Later"),
        }
    }
}
