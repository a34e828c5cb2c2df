//! Events for several clients, which each of them acknowledges.

use std::fmt;
use std::future::IntoFuture;
use std::marker::PhantomData;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use tokio::time::{Instant, timeout_at};

use super::acks::AwaitedAck;
use super::broadcast::Broadcast;
use super::cluster::message::{AnswerOutcome, AnswerRecord, Order, ReplyPart};
use super::emit_with_ack::AckError;
use super::socket::Socket;
use super::socket_id::SocketId;
use crate::protocol::{Arguments, Draft, EncodeError, ToArguments, event};

/// How long the answers of another node, which keeps the time itself, may be on their way.
const TRANSIT: Duration = Duration::from_secs(1);

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
    /// How many other nodes did not answer in time, so that their clients are missing.
    pub silent_nodes: usize,
}

impl<T> BroadcastAnswers<T> {
    /// The answers, if every client gave one.
    ///
    /// # Errors
    ///
    /// If one of them did not, or a node did not.
    pub fn all(self) -> Result<Vec<T>, BroadcastAnswers<T>> {
        if self.missing.is_empty() && self.silent_nodes == 0 {
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
    /// It ends when all have answered, or left, and at the latest after [`timeout`](Broadcast::timeout), or a second later if
    /// another node is silent.
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
        let (event, time) = (event?, broadcast.ack_time());
        let deadline = Instant::now() + time;
        let (elements, attachments) = event.parts();
        let milliseconds = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let order = |question| Order::Ask { question, elements, milliseconds };
        let replies = broadcast.ask_others(order, attachments);
        let mut result = BroadcastAnswers { answers: Vec::new(), missing: Vec::new(), silent_nodes: 0 };
        for respondent in respondents(&broadcast, event) {
            let (id, answer) = respondent.answer(deadline).await;
            result.add(id, answer);
        }
        let Some(mut replies) = replies else { return Ok(result) };
        while let Some((part, attachments)) = replies.next(deadline + TRANSIT).await {
            if let ReplyPart::Answers(records) = part {
                read_answers(records, attachments).for_each(|(id, answer)| result.add(id, answer));
            }
        }
        result.silent_nodes = replies.silent();
        Ok(result)
    }
}

impl<T: DeserializeOwned> BroadcastAnswers<T> {
    fn add(&mut self, id: SocketId, answer: Result<Arguments, AckError>) {
        match answer.and_then(|arguments| arguments.parse().map_err(AckError::Arguments)) {
            Ok(answer) => self.answers.push((id, answer)),
            Err(error) => self.missing.push((id, error)),
        }
    }
}

/// Sends an event to the sockets of this node.
pub(super) fn respondents(broadcast: &Broadcast, event: Draft) -> Vec<Respondent> {
    let (id, asked) = broadcast.members().ask(event, broadcast.audience());
    asked.into_iter().map(|(socket, answer)| Respondent { socket, id, answer }).collect()
}

/// The arguments of answers, each with its attachments.
fn read_answers(
    records: Vec<AnswerRecord>,
    attachments: Vec<Bytes>,
) -> impl Iterator<Item = (SocketId, Result<Arguments, AckError>)> {
    let mut attachments = attachments.into_iter();
    records.into_iter().map(move |AnswerRecord { id, outcome }| {
        let answer = match outcome {
            AnswerOutcome::Arguments { elements, attachments: count } => {
                let of_this = attachments.by_ref().take(count).collect();
                Ok(Arguments::from_elements(&elements, of_this))
            }
            AnswerOutcome::Timeout => Err(AckError::Timeout),
            AnswerOutcome::Disconnected => Err(AckError::Disconnected),
            AnswerOutcome::TooMany => Err(AckError::TooMany),
        };
        (id, answer)
    })
}

/// A socket whose client was asked. Its answer is forgotten if nobody waits for it any more.
pub(super) struct Respondent {
    socket: Socket,
    id: u64,
    answer: Option<AwaitedAck>,
}

impl Respondent {
    pub(super) async fn answer(mut self, deadline: Instant) -> (SocketId, Result<Arguments, AckError>) {
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
