//! What an endpoint sends, judged as it arrives: every case demands valid frames.

use longwire_wire::bits::{CLOSE, CONTINUATION, PING, PONG, RSV1, TEXT};
use longwire_wire::{DeclaredLen, Failure, Mask, Peer, Problem, RawFrame, Role};

use crate::deflate::{Agreement, Inflater};
use crate::step::Reply;
use crate::transport::Transport;

/// The longest frame and the longest message that are read.
pub(crate) const LIMIT: usize = 64 << 20;

/// How many masking keys are kept.
const KEYS: usize = 64;

/// What arrived.
#[derive(Debug)]
pub(crate) enum Incoming {
    Reply(Reply),
    Ping(Vec<u8>),
    /// A Close frame, with its code.
    Close(Option<u16>),
    End,
}

/// Why nothing arrived.
#[derive(Debug)]
pub(crate) enum Missing {
    /// Nothing complete came in time.
    Late,
    /// It breaks a rule that holds in every case.
    Invalid(String),
    /// The transport failed, which says nothing about the endpoint.
    Broken(String),
}

/// Puts frames together to messages.
#[derive(Debug)]
pub(crate) struct Inbox {
    /// Which end the endpoint is.
    from: Role,
    inflater: Option<Inflater>,
    /// The opcode, whether it is compressed, and the payload so far.
    begun: Option<(u8, bool, Vec<u8>)>,
    /// The masking keys of the first frames.
    keys: Vec<u32>,
}

impl Inbox {
    /// For what this end of the connection sends, with this agreement on compression.
    pub(crate) fn of(from: Role, agreement: Option<Agreement>) -> Inbox {
        let inflater = agreement.map(|agreement| Inflater::of(from, agreement));
        Inbox { from, inflater, begun: None, keys: Vec::new() }
    }

    pub(crate) async fn next(&mut self, peer: &mut Peer<Transport>) -> Result<Incoming, Missing> {
        loop {
            let frame = match peer.frame_or_end().await {
                Ok(Some(frame)) => frame,
                Ok(None) => return Ok(Incoming::End),
                Err(failure) => return missing(&failure),
            };
            if let Some(incoming) = self.take(frame).map_err(Missing::Invalid)? {
                return Ok(incoming);
            }
        }
    }

    /// The masking keys of the first frames, in their order.
    pub(crate) fn keys(&self) -> &[u32] {
        &self.keys
    }

    fn take(&mut self, frame: RawFrame) -> Result<Option<Incoming>, String> {
        self.judge(&frame)?;
        if let Mask::Key(key) = frame.mask
            && self.keys.len() < KEYS
        {
            self.keys.push(u32::from_be_bytes(key));
        }
        match frame.opcode {
            PING => Ok(Some(Incoming::Ping(frame.payload))),
            PONG => Ok(Some(Incoming::Reply(Reply::Pong(frame.payload)))),
            CLOSE => close(&frame).map(Some),
            _ => self.data(frame),
        }
    }

    /// Rules of RFC 6455 §5.1 to §5.5 for each frame.
    fn judge(&self, frame: &RawFrame) -> Result<(), String> {
        let is_control = frame.opcode & 0x8 != 0;
        let may_be_compressed = self.inflater.is_some() && !is_control && frame.opcode != CONTINUATION;
        let allowed = if may_be_compressed { RSV1 } else { 0 };
        let is_masked = frame.mask != Mask::Absent;
        let broken = if is_masked && self.from == Role::Server {
            "a server must not mask its frames (RFC 6455 §5.1)"
        } else if !is_masked && self.from == Role::Client {
            "a client must mask its frames (RFC 6455 §5.1)"
        } else if frame.rsv & !allowed != 0 {
            "a reserved bit is set that no extension defines (RFC 6455 §5.2)"
        } else if frame.declared_len != DeclaredLen::OfPayload {
            "the length is not in its shortest form (RFC 6455 §5.2)"
        } else if matches!(frame.opcode, 3..=7 | 11..=15) {
            "the opcode is reserved (RFC 6455 §5.2)"
        } else if is_control && (!frame.fin || frame.payload.len() > 125) {
            "a control frame has at most 125 bytes and is not fragmented (RFC 6455 §5.5)"
        } else if !is_control && self.begun.is_some() != (frame.opcode == CONTINUATION) {
            "the fragments of a message follow each other (RFC 6455 §5.4)"
        } else {
            return Ok(());
        };
        Err(format!("{frame}: {broken}"))
    }

    fn data(&mut self, frame: RawFrame) -> Result<Option<Incoming>, String> {
        let is_last = frame.fin;
        let is_compressed = frame.rsv & RSV1 != 0;
        let (opcode, is_compressed, payload) = match self.begun.take() {
            Some((opcode, is_compressed, mut payload)) => {
                if payload.len().saturating_add(frame.payload.len()) > LIMIT {
                    return Err(format!("a message of more than {LIMIT} bytes"));
                }
                payload.extend(frame.payload);
                (opcode, is_compressed, payload)
            }
            None => (frame.opcode, is_compressed, frame.payload),
        };
        if !is_last {
            self.begun = Some((opcode, is_compressed, payload));
            return Ok(None);
        }
        let reply = match self.inflater.as_mut().filter(|_| is_compressed) {
            None => Reply::Message(opcode, payload),
            Some(inflater) => match inflater.inflate(&payload) {
                Some(message) => Reply::Compressed(opcode, message),
                None => {
                    return Err(
                        "a compressed message cannot be inflated as was agreed (RFC 7692 §7.2.2)".into()
                    );
                }
            },
        };
        match &reply {
            Reply::Message(TEXT, text) | Reply::Compressed(TEXT, text)
                if std::str::from_utf8(text).is_err() =>
            {
                Err(format!("{reply}: a text message must be UTF-8 (RFC 6455 §8.1)"))
            }
            _ => Ok(Some(Incoming::Reply(reply))),
        }
    }
}

/// Whether a code may stand in a Close frame (RFC 6455 §7.4).
pub(crate) fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

fn close(frame: &RawFrame) -> Result<Incoming, String> {
    let code = frame.close_code();
    let reason = frame.payload.get(2..).unwrap_or_default();
    match code {
        None if !frame.payload.is_empty() => Err(format!("{frame}: a code has two bytes (RFC 6455 §5.5.1)")),
        Some(code) if !may_be_sent(code) => {
            Err(format!("{frame}: this code must not be sent (RFC 6455 §7.4)"))
        }
        Some(_) if std::str::from_utf8(reason).is_err() => {
            Err(format!("{frame}: the reason must be UTF-8 (RFC 6455 §5.5.1)"))
        }
        code => Ok(Incoming::Close(code)),
    }
}

fn missing(failure: &Failure) -> Result<Incoming, Missing> {
    match failure.problem() {
        Problem::Late(_) => Err(Missing::Late),
        // A frame that is cut off by the end.
        Problem::Ended => Ok(Incoming::End),
        Problem::TooLong(limit) => Err(Missing::Invalid(format!("a frame of more than {limit} bytes"))),
        problem => Err(Missing::Broken(problem.to_string())),
    }
}
