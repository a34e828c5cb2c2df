//! Events for several clients, which each of them acknowledges.

use std::fmt;
use std::future::IntoFuture;
use std::marker::PhantomData;
use std::pin::Pin;

use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout_at};

use super::acks::AwaitedAck;
use super::broadcast::Broadcast;
use super::emit_with_ack::AckError;
use super::socket::Socket;
use super::socket_id::SocketId;
use crate::protocol::{Arguments, Draft, EncodeError, ToArguments, event};

/// An event for several sockets that is sent when this is awaited; the result is their clients' answers. Made by
/// [`Broadcast::emit_with_ack`].
#[must_use = "the event is sent when this is awaited"]
pub struct BroadcastWithAck<T> {
    broadcast: Broadcast,
    event: Result<Draft, EncodeError>,
    answer: PhantomData<fn() -> T>,
}

/// The answers of several clients.
#[derive(Debug)]
#[non_exhaustive]
pub struct BroadcastAnswers<T> {
    /// Who answered, and what.
    pub answers: Vec<(SocketId, T)>,
    /// Who did not answer, and why.
    pub missing: Vec<(SocketId, AckError)>,
}

impl<T> BroadcastAnswers<T> {
    /// The answers, if every client gave one.
    ///
    /// # Errors
    ///
    /// If one of them did not.
    pub fn all(self) -> Result<Vec<T>, BroadcastAnswers<T>> {
        if self.missing.is_empty() {
            Ok(self.answers.into_iter().map(|(_, answer)| answer).collect())
        } else {
            Err(self)
        }
    }
}

impl Broadcast {
    /// Sends an event to the sockets, and returns the answers of their clients. The type of an answer follows the rules of
    /// [`Data`](crate::Data), as that of [`Socket::emit_with_ack`].
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use longwire_socketio::{EncodeError, SocketIo};
    ///
    /// async fn vote(io: SocketIo) -> Result<(), EncodeError> {
    ///     let votes = io.to("members").timeout(Duration::from_secs(5)).emit_with_ack::<bool>("vote", "cake?").await?;
    ///     for (member, why) in &votes.missing {
    ///         println!("{member} has not voted: {why}");
    ///     }
    ///     println!("{} want cake", votes.answers.iter().filter(|(_, wants)| *wants).count());
    ///     Ok(())
    /// }
    /// ```
    ///
    /// It ends when all have answered, or left, and at the latest after [`timeout`](Broadcast::timeout).
    pub fn emit_with_ack<T: DeserializeOwned>(
        self,
        name: &str,
        data: impl ToArguments,
    ) -> BroadcastWithAck<T> {
        let event = event(self.namespace(), name, data);
        BroadcastWithAck { broadcast: self, event, answer: PhantomData }
    }
}

impl<T: DeserializeOwned> BroadcastWithAck<T> {
    async fn run(self) -> Result<BroadcastAnswers<T>, EncodeError> {
        let BroadcastWithAck { broadcast, event, .. } = self;
        let deadline = Instant::now() + broadcast.ack_time();
        let mut result = BroadcastAnswers { answers: Vec::new(), missing: Vec::new() };
        for asked in ask(&broadcast, event?) {
            let (id, answer) = asked.answer(deadline).await;
            match answer.and_then(|arguments| arguments.parse().map_err(AckError::Arguments)) {
                Ok(answer) => result.answers.push((id, answer)),
                Err(error) => result.missing.push((id, error)),
            }
        }
        Ok(result)
    }
}

/// Sends an event to the sockets.
fn ask(broadcast: &Broadcast, event: Draft) -> Vec<Respondent> {
    let (id, asked) = broadcast.members().ask(event, broadcast.audience());
    asked.into_iter().map(|(socket, answer)| Respondent { socket, id, answer }).collect()
}

/// A socket whose client was asked. Its answer is forgotten if nobody waits for it any more.
struct Respondent {
    socket: Socket,
    id: u64,
    answer: Option<AwaitedAck>,
}

impl Respondent {
    async fn answer(mut self, deadline: Instant) -> (SocketId, Result<Arguments, AckError>) {
        let id = self.socket.id().clone();
        let Some(answer) = self.answer.take() else { return (id, Err(AckError::TooMany)) };
        if !self.socket.is_connected() {
            // Its answers may have been cleared before this one was expected.
            return (id, Err(AckError::Disconnected));
        }
        let answer = match timeout_at(deadline, answer).await {
            Ok(answer) => answer.map_err(|_| AckError::Disconnected),
            Err(_) => Err(AckError::Timeout),
        };
        (id, answer)
    }
}

impl Drop for Respondent {
    fn drop(&mut self) {
        self.socket.acks().forget(self.id);
    }
}

impl<T: DeserializeOwned + Send + 'static> IntoFuture for BroadcastWithAck<T> {
    type Output = Result<BroadcastAnswers<T>, EncodeError>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

impl<T> fmt::Debug for BroadcastWithAck<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BroadcastWithAck").field("broadcast", &self.broadcast).finish_non_exhaustive()
    }
}
