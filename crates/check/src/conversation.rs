//! A connection of a case: opens it, and runs steps on it.

mod expecting;
pub(crate) mod probe;
mod sent;

use std::num::NonZeroUsize;
use std::time::Duration;

use longwire_wire::bits::{BINARY, CLOSE, FIN, RSV1};
use longwire_wire::{Failure, Head, Peer, Pieces, Problem, RawFrame, Role};

use self::sent::Sent;
use crate::answer;
use crate::deflate::{Agreement, Deflater};
use crate::inbox::{Inbox, Incoming, LIMIT};
use crate::step::{Reply, SHOWN, Step, joined};
use crate::transport::{Dial, Transport};
use crate::verdict::{Finding, Stop};

/// The payload of pings that only find out whether a connection is open.
const STILL_OPEN: &[u8] = b"still open?";

/// How long `Step::Pause` takes.
pub(crate) const PAUSE: Duration = Duration::from_secs(1);

/// Messages up to this length are expected of every endpoint. It may refuse longer ones with 1009 (RFC 6455 §7.4.1, §10.4).
const EVERYBODY_TAKES: usize = 16 << 10;

/// A connection with the dialogue on it.
pub(crate) struct Conversation {
    peer: Peer<Transport>,
    inbox: Inbox,
    deflater: Option<Deflater>,
    /// Messages that may come without being expected.
    allowed: Vec<Reply>,
    strays: Strays,
    sent: Sent,
    /// Recommendations that the endpoint did not follow.
    pub(crate) weaknesses: Vec<Finding>,
    is_closing: bool,
}

/// What to make of messages that no step expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Strays {
    /// The endpoint is an echo with this many greetings: others are an error.
    Greetings(usize),
    /// The endpoint sends what it likes.
    Any,
}

/// Connects and waits for at most `patience` for each thing.
pub(crate) async fn dial(dialer: &dyn Dial, patience: Duration) -> Result<Peer<Transport>, Stop> {
    match tokio::time::timeout(patience, dialer.dial()).await {
        Ok(Ok(transport)) => Ok(Peer::client(transport).deadline(patience).limit(LIMIT).showing(SHOWN)),
        Ok(Err(error)) => Err(Stop::Unclear(format!("no connection can be opened: {error}"))),
        Err(_) => Err(Stop::Unclear(format!("no connection could be opened within {patience:?}"))),
    }
}

/// Sends a valid request, and returns the response, which must be valid.
pub(crate) async fn open(peer: &mut Peer<Transport>, request: &Head) -> Result<Head, Stop> {
    let unclear = |why: String| Stop::Unclear(format!("the opening handshake failed: {why}"));
    peer.send_head(request).await.map_err(|failure| unclear(failure.problem().to_string()))?;
    let response = peer.head().await.map_err(|failure| unclear(failure.problem().to_string()))?;
    answer::judge(request, &response).map_err(unclear)?;
    Ok(response)
}

impl Conversation {
    /// After the opening handshake, in which the server said this about extensions.
    pub(crate) fn new(peer: Peer<Transport>, extensions: Option<&str>, strays: Strays) -> Conversation {
        let agreement = extensions.and_then(Agreement::parse);
        let role = peer.role();
        Conversation {
            peer,
            inbox: Inbox::of(role.other(), agreement),
            deflater: agreement.map(|agreement| Deflater::of(role, agreement)),
            allowed: Vec::new(),
            strays,
            sent: Sent::default(),
            weaknesses: Vec::new(),
            is_closing: false,
        }
    }

    /// Which end of the connection the cases are.
    fn role(&self) -> Role {
        self.peer.role()
    }

    /// The dialogue until now.
    pub(crate) fn dialogue(&self) -> String {
        self.peer.transcript().to_string()
    }

    /// Runs steps, and then closes the connection if it is open.
    pub(crate) async fn run(&mut self, steps: &[Step]) -> Result<(), Stop> {
        for step in steps {
            self.step(step).await?;
        }
        if !self.is_closing {
            self.leave().await;
        }
        Ok(())
    }

    /// Closes politely. What comes of it is judged by the cases about closing only.
    pub(crate) async fn leave(&mut self) {
        if self.peer.send(RawFrame::close(1000)).await.is_ok() {
            while let Ok(Incoming::Reply(_) | Incoming::Ping(_)) = self.inbox.next(&mut self.peer).await {}
        }
        self.end_as_server().await;
    }

    /// Ends the connection after the closing handshake, if these cases are the server (RFC 6455 §7.1.1).
    async fn end_as_server(&mut self) {
        if self.role() == Role::Server {
            let _ended = self.peer.finish().await;
        }
    }

    async fn step(&mut self, step: &Step) -> Result<(), Stop> {
        self.sent.note(step);
        match step {
            Step::Send(frame) => {
                self.is_closing |= frame.opcode == CLOSE;
                let sent = self.peer.send(frame.clone()).await;
                sent_or_ended(sent)
            }
            Step::SendTogether(frames) => self.send_bytes(&joined(frames, self.role()), Pieces::Whole).await,
            Step::SendCut(frames, len) => {
                let pieces = NonZeroUsize::new(*len).map_or(Pieces::Whole, Pieces::Of);
                self.send_bytes(&joined(frames, self.role()), pieces).await
            }
            Step::SendInHalves(frame) => self.send_in_halves(frame).await,
            Step::SendCompressed(messages) => self.send_compressed(messages).await,
            Step::EndWriting => sent_or_ended(self.peer.finish().await),
            Step::Allow(reply) => {
                self.allowed.push(reply.clone());
                Ok(())
            }
            Step::Expect(replies) => self.expect(replies).await,
            Step::StaysOpen => {
                self.ping_still_open().await?;
                self.expect(&[Reply::pong(STILL_OPEN)]).await
            }
            Step::Fails(codes) => self.fails(codes).await,
            Step::Closes(codes) => self.closes(codes).await,
            Step::Gone => self.gone().await,
            Step::LeavesTheEnd => self.leaves_the_end().await,
            Step::KeysDiffer => self.keys_differ(),
            Step::Refuses => self.refuses().await,
            Step::Pause => {
                tokio::time::sleep(PAUSE).await;
                Ok(())
            }
        }
    }

    async fn ping_still_open(&mut self) -> Result<(), Stop> {
        let ping = RawFrame::ping(STILL_OPEN);
        self.sent.note_frame(&ping);
        sent_or_ended(self.peer.send(ping).await)
    }

    async fn send_compressed(&mut self, messages: &[Vec<u8>]) -> Result<(), Stop> {
        for message in messages {
            let Some(deflater) = &mut self.deflater else {
                return Err(Stop::Unclear("this connection agreed on no compression".into()));
            };
            let frame = RawFrame::new(FIN | RSV1 | BINARY, deflater.compress(message));
            sent_or_ended(self.peer.send(frame).await)?;
        }
        Ok(())
    }

    async fn send_in_halves(&mut self, frame: &RawFrame) -> Result<(), Stop> {
        let bytes = frame.encode(self.role());
        let second_half = frame.payload.len().div_ceil(2);
        let (first, second) = bytes.split_at(bytes.len().saturating_sub(second_half));
        self.send_bytes(first, Pieces::Whole).await?;
        tokio::time::sleep(PAUSE).await;
        self.send_bytes(second, Pieces::Whole).await
    }

    async fn send_bytes(&mut self, bytes: &[u8], pieces: Pieces) -> Result<(), Stop> {
        self.peer.cut_into(pieces);
        let sent = self.peer.send_bytes(bytes).await;
        self.peer.cut_into(Pieces::Whole);
        sent_or_ended(sent)
    }
}

/// A peer that has ended the connection takes nothing more. The next step reads why.
fn sent_or_ended(outcome: Result<(), Failure>) -> Result<(), Stop> {
    match outcome {
        Ok(()) => Ok(()),
        Err(failure) => match failure.problem() {
            Problem::Ended => Ok(()),
            Problem::Late(time) => {
                let got = format!("it did not read for {time:?}");
                Err(Stop::Broke(Finding::new("the endpoint reads what it is sent", got)))
            }
            problem => Err(Stop::Unclear(problem.to_string())),
        },
    }
}
