//! The steps that wait for what the endpoint does.

use std::collections::BTreeSet;

use longwire_wire::RawFrame;

use super::{Conversation, EVERYBODY_TAKES, PAUSE, Strays};
use crate::inbox::{Incoming, Missing};
use crate::step::Reply;
use crate::verdict::{Finding, Stop};

/// The code of a Close frame without a code (RFC 6455 §7.1.5).
const NO_CODE: u16 = 1005;

/// The code of an endpoint that takes no messages of this length (§7.4.1).
const TOO_BIG: u16 = 1009;

/// What came, or nothing in time.
enum Came {
    This(Incoming),
    Nothing,
}

impl Conversation {
    /// The next thing that a step has to judge. Answers pings, and leaves out what may come at any time.
    async fn next(&mut self, expected: &str) -> Result<Came, Stop> {
        loop {
            match self.inbox.next(&mut self.peer).await {
                Ok(Incoming::Ping(payload)) => {
                    let _ended = self.peer.send(RawFrame::pong(payload)).await;
                }
                Ok(Incoming::Reply(reply)) if self.is_stray(&reply) => {}
                Ok(incoming) => return Ok(Came::This(incoming)),
                Err(Missing::Late) => return Ok(Came::Nothing),
                Err(Missing::Invalid(why)) => return Err(Stop::Broke(Finding::new(expected, why))),
                Err(Missing::Broken(why)) => return Err(Stop::Unclear(why)),
            }
        }
    }

    /// Whether a reply may come here without being expected.
    fn is_stray(&mut self, reply: &Reply) -> bool {
        if let Some(place) = self.allowed.iter().position(|allowed| allowed.is_met_by(reply)) {
            self.allowed.swap_remove(place);
            return true;
        }
        match (reply, &mut self.strays) {
            (Reply::Pong(payload), _) => !self.sent.is_answered_by(payload),
            (_, Strays::Greetings(0)) => false,
            (_, Strays::Greetings(left)) => {
                *left -= 1;
                true
            }
            (_, Strays::Any) => true,
        }
    }

    /// Waits for all of these replies, in any order.
    pub(super) async fn expect(&mut self, replies: &[Reply]) -> Result<(), Stop> {
        let mut missing: Vec<&Reply> = replies.iter().collect();
        while !missing.is_empty() {
            let expected = missing.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and ");
            let got = match self.expected(&missing).await? {
                Came::This(Incoming::Reply(reply)) => {
                    match missing.iter().position(|missing| missing.is_met_by(&reply)) {
                        Some(place) => {
                            missing.swap_remove(place);
                            continue;
                        }
                        None => reply.to_string(),
                    }
                }
                Came::This(Incoming::Close(Some(TOO_BIG))) if self.may_be_too_long() => {
                    let len = self.sent.longest_message();
                    return Err(Stop::NotOffered(format!(
                        "it takes no message of {len} bytes: CLOSE {TOO_BIG}"
                    )));
                }
                Came::This(other) => described(&other),
                Came::Nothing => "nothing in time".to_owned(),
            };
            return Err(Stop::Broke(Finding::new(expected, got)));
        }
        Ok(())
    }

    /// Whether a message was sent that is longer than an endpoint has to take.
    fn may_be_too_long(&self) -> bool {
        self.sent.longest_message() > EVERYBODY_TAKES
    }

    /// The next thing, which may be one of these, even if it would be a stray otherwise.
    async fn expected(&mut self, missing: &[&Reply]) -> Result<Came, Stop> {
        loop {
            match self.inbox.next(&mut self.peer).await {
                Ok(Incoming::Reply(reply)) if missing.iter().any(|missing| missing.is_met_by(&reply)) => {
                    return Ok(Came::This(Incoming::Reply(reply)));
                }
                Ok(Incoming::Ping(payload)) => {
                    let _ended = self.peer.send(RawFrame::pong(payload)).await;
                }
                Ok(Incoming::Reply(reply)) if self.is_stray(&reply) => {}
                Ok(incoming) => return Ok(Came::This(incoming)),
                Err(Missing::Late) => return Ok(Came::Nothing),
                Err(Missing::Invalid(why)) => return Err(Stop::Broke(Finding::new("valid frames", why))),
                Err(Missing::Broken(why)) => return Err(Stop::Unclear(why)),
            }
        }
    }

    /// _Fail the WebSocket Connection_ (RFC 6455 §7.1.7): best with a Close frame, but the end of the connection will do.
    pub(super) async fn fails(&mut self, codes: &[u16]) -> Result<(), Stop> {
        self.is_closing = true;
        let close = one_of(codes);
        let expected = format!("{close}, or the end of the connection");
        let broke = |got: String| Err(Stop::Broke(Finding::new(&expected, got)));
        match self.next(&expected).await? {
            Came::This(Incoming::Close(code)) if !matches!(code, Some(1000 | 1001)) => {
                self.prefers(codes, code);
                self.end_after_close(code).await
            }
            Came::This(Incoming::End) => {
                self.weaknesses.push(Finding::new(close, "the end of the connection without a Close frame"));
                Ok(())
            }
            Came::This(other) => broke(described(&other)),
            Came::Nothing => {
                let got = self.still_there(&expected).await?;
                broke(got.to_owned())
            }
        }
    }

    /// Why an endpoint that should have ended the connection has not.
    async fn still_there(&mut self, expected: &str) -> Result<&'static str, Stop> {
        let _ended = self.ping_still_open().await;
        Ok(match self.next(expected).await? {
            Came::This(Incoming::End | Incoming::Close(_)) => "nothing, until the next frame was sent",
            Came::This(_) => "nothing: the connection is still used",
            Came::Nothing => "nothing: the connection is open, and silent",
        })
    }

    /// Notes if a Close frame has none of the codes that are recommended.
    fn prefers(&mut self, codes: &[u16], code: Option<u16>) {
        if !codes.contains(&code.unwrap_or(NO_CODE)) {
            self.weaknesses.push(Finding::new(one_of(codes), described(&Incoming::Close(code))));
        }
    }

    /// Waits for a Close frame, best with one of these codes, and for the end. An endpoint "typically echoes" the code
    /// (RFC 6455 §5.5.1), so any that may be sent will do.
    pub(super) async fn closes(&mut self, codes: &[u16]) -> Result<(), Stop> {
        self.is_closing = true;
        let expected = one_of(codes);
        let got = match self.next(&expected).await? {
            Came::This(Incoming::Close(code)) => {
                self.prefers(codes, code);
                return self.end_after_close(code).await;
            }
            Came::This(other) => described(&other),
            Came::Nothing => "nothing in time".to_owned(),
        };
        Err(Stop::Broke(Finding::new(expected, got)))
    }

    /// After a Close frame nothing may come (RFC 6455 §5.5.1), and the server ends the connection (§7.1.1).
    async fn end_after_close(&mut self, code: Option<u16>) -> Result<(), Stop> {
        if !self.sent.has_close() {
            let answer = code.map_or_else(|| RawFrame::new(0x88, ""), RawFrame::close);
            let _ended = self.peer.send(answer).await;
        }
        self.end_as_server().await;
        self.ends().await
    }

    /// A client should wait for the server to end the connection (RFC 6455 §7.1.1).
    pub(super) async fn leaves_the_end(&mut self) -> Result<(), Stop> {
        self.is_closing = true;
        let expected = "CLOSE, and a connection that stays until the server ends it";
        let got = match self.next(expected).await? {
            Came::This(Incoming::Close(_)) => {
                match tokio::time::timeout(PAUSE, self.inbox.next(&mut self.peer)).await {
                    Err(_) => {
                        self.end_as_server().await;
                        return self.ends().await;
                    }
                    Ok(Ok(incoming)) => described(&incoming),
                    Ok(Err(_)) => "something else than frames".to_owned(),
                }
            }
            Came::This(other) => described(&other),
            Came::Nothing => "nothing in time".to_owned(),
        };
        Err(Stop::Broke(Finding::new(expected, got)))
    }

    /// A client that fails the opening handshake ends the connection, and sends at most a Close frame that says why
    /// (RFC 6455 §4.1, §7.1.7).
    pub(super) async fn refuses(&mut self) -> Result<(), Stop> {
        self.is_closing = true;
        let expected = "the end of the connection, which the client does not use";
        self.ping_still_open().await?;
        let got = match self.next(expected).await? {
            Came::This(Incoming::End) => return Ok(()),
            Came::This(Incoming::Close(code)) if !matches!(code, Some(1000 | 1001)) => {
                return self.end_after_close(code).await;
            }
            Came::This(other) => described(&other),
            Came::Nothing => "nothing: the connection is open".to_owned(),
        };
        Err(Stop::Broke(Finding::new(expected, got)))
    }

    /// Judges the masking keys of the frames that came (RFC 6455 §5.3).
    pub(super) fn keys_differ(&self) -> Result<(), Stop> {
        let keys = self.inbox.keys();
        let got = match keys {
            [] | [_] => return Err(Stop::Unclear("fewer than two frames came".into())),
            [first, rest @ ..] if rest.iter().all(|key| key == first) => "the same key for each frame",
            _ if has_repetition(keys) => "a key that comes again",
            _ if is_a_counter(keys) => "keys that a counter makes",
            _ => return Ok(()),
        };
        Err(Stop::Broke(Finding::new("another key for each frame, which cannot be foreseen", got)))
    }

    /// Waits for the end of the connection, with or without a Close frame before it.
    pub(super) async fn gone(&mut self) -> Result<(), Stop> {
        self.is_closing = true;
        let expected = "the end of the connection";
        let got = match self.next(expected).await? {
            Came::This(Incoming::End) => return Ok(()),
            Came::This(Incoming::Close(code)) => return self.end_after_close(code).await,
            Came::This(other) => described(&other),
            Came::Nothing => self.still_there(expected).await?.to_owned(),
        };
        Err(Stop::Broke(Finding::new(expected, got)))
    }

    /// Waits for the end of the connection, after which nothing may come.
    async fn ends(&mut self) -> Result<(), Stop> {
        self.is_closing = true;
        let expected = "the end of the connection";
        let finding = |got: String| Finding::new(expected, got);
        match self.inbox.next(&mut self.peer).await {
            Ok(Incoming::End) => Ok(()),
            Ok(other) => Err(Stop::Broke(finding(described(&other)))),
            Err(Missing::Late) => {
                self.weaknesses.push(finding("the connection stays open".into()));
                Ok(())
            }
            Err(Missing::Invalid(why)) => Err(Stop::Broke(finding(why))),
            Err(Missing::Broken(why)) => Err(Stop::Unclear(why)),
        }
    }
}

fn has_repetition(keys: &[u32]) -> bool {
    let different: BTreeSet<&u32> = keys.iter().collect();
    different.len() < keys.len()
}

/// Whether each key is the one before and the same number.
fn is_a_counter(keys: &[u32]) -> bool {
    let mut steps = keys.iter().zip(keys.iter().skip(1)).map(|(key, next)| next.wrapping_sub(*key));
    let first = steps.next();
    let mut others = steps.peekable();
    others.peek().is_some() && others.all(|step| Some(step) == first)
}

fn described(incoming: &Incoming) -> String {
    match incoming {
        Incoming::Reply(reply) => reply.to_string(),
        Incoming::Ping(payload) => RawFrame::ping(payload.as_slice()).to_string(),
        Incoming::Close(Some(code)) => format!("CLOSE {code}"),
        Incoming::Close(None) => "CLOSE without a code".to_owned(),
        Incoming::End => "the end of the connection".to_owned(),
    }
}

fn one_of(codes: &[u16]) -> String {
    let name = |code: &u16| if *code == NO_CODE { "no code".to_owned() } else { code.to_string() };
    format!("CLOSE {}", codes.iter().map(name).collect::<Vec<_>>().join(" or "))
}
