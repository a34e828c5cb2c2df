//! What an async handler returns.

use std::error::Error as StdError;
use std::future::Future;
use std::pin::Pin;

/// The result of an async handler: `Ok(())`, or an error of any type, which `?` converts. An error is logged, and the
/// connection is closed with 1011.
///
/// ```no_run
/// use longwire::{HandlerResult, Server, WebSocket};
///
/// async fn add(mut socket: WebSocket) -> HandlerResult {
///     let mut sum: i64 = 0;
///     while let Some(message) = socket.recv().await? {
///         let text = message.as_text().ok_or("send numbers as text")?;
///         sum += text.parse::<i64>()?;
///         socket.send(sum.to_string()).await?;
///     }
///     Ok(())
/// }
///
/// # async fn serve() -> longwire::Result<()> {
/// Server::bind("127.0.0.1:8080").await?.serve(add).await
/// # }
/// ```
pub type HandlerResult = Result<(), Box<dyn StdError + Send + Sync>>;

/// Implemented by [`HandlerResult`] only. As a bound on a handler, it lets `?` work in a closure without annotations,
/// and it makes the compiler say what to write if the handler returns something else.
///
/// ```no_run
/// use longwire::{HandlerOutcome, HandlerResult, Server, WebSocket};
///
/// async fn serve<F, Fut>(server: Server, handler: F) -> longwire::Result<()>
/// where
///     F: FnOnce(WebSocket) -> Fut + Clone + Send + Sync + 'static,
///     Fut: Future<Output: HandlerOutcome> + Future<Output = HandlerResult> + Send + 'static,
/// {
///     server.serve(handler).await
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "an async handler returns `longwire::HandlerResult`, not `{Self}`",
    label = "this handler returns `{Self}`",
    note = "let it return `longwire::HandlerResult`: `?` works there on errors of any type, and the end is `Ok(())`",
    note = "what returns `longwire::Result<()>` is called with `?`: `async |socket| Ok(handle(socket).await?)`"
)]
pub trait HandlerOutcome: sealed::Outcome {}

impl HandlerOutcome for HandlerResult {}

mod sealed {
    pub trait Outcome {}

    impl Outcome for super::HandlerResult {}
}

/// The future of a handler for one connection.
pub(crate) type Handling = Pin<Box<dyn Future<Output = HandlerResult> + Send>>;
