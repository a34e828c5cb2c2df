//! The connections of an attack.

use std::sync::Arc;
use std::time::Duration;

use longwire_wire::Head;
use tokio::io::{AsyncReadExt, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use super::effort::Effort;
use super::skimmer::{Awaits, Skimmer};
use crate::conversation::{dial, open};
use crate::setting::Setting;
use crate::transport::Transport;

/// How much to read at a time.
const READ: usize = 16 << 10;

/// How long to wait for the reason after a write has failed.
const LAST_WORDS: Duration = Duration::from_millis(200);

/// How long to wait before the next connection after one was refused.
const AFTER_REFUSAL: Duration = Duration::from_millis(20);

/// Makes the connections of an attack.
#[derive(Debug, Clone)]
pub(crate) struct Attacker {
    pub(crate) setting: Arc<Setting>,
    pub(crate) effort: Arc<Effort>,
}

/// A connection of an attack.
pub(crate) struct AttackConnection {
    effort: Arc<Effort>,
    reader: ReadHalf<Transport>,
    writer: WriteHalf<Transport>,
    buffer: Vec<u8>,
    pub(crate) skimmer: Skimmer,
    /// How many bytes were sent.
    pub(crate) sent: u64,
}

/// Whether to read while bytes are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reads {
    Everything,
    Nothing,
}

/// What became of bytes to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    All,
    /// The endpoint ended the connection.
    Ended,
    /// The endpoint did not take them until the attack was over.
    Late,
}

/// What came of listening.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    This,
    End,
    Nothing,
}

impl Attacker {
    /// A connection before the opening handshake. `None` if there is none, which is counted.
    pub(crate) async fn dial(&self) -> Option<AttackConnection> {
        match timeout_at(self.effort.deadline, self.setting.dialer.dial()).await {
            Ok(Ok(transport)) => Some(AttackConnection::new(&self.effort, transport, Awaits::Head)),
            Ok(Err(_)) => {
                self.refused("no connection".to_owned()).await;
                None
            }
            Err(_) => None,
        }
    }

    /// A connection after the opening handshake, and the response. `None` if there is none, which is counted.
    pub(crate) async fn open(&self, offer: Option<&str>) -> Option<(AttackConnection, Head)> {
        let mut request = self.setting.target.request();
        if let Some(offer) = offer {
            request = request.with("Sec-WebSocket-Extensions", offer);
        }
        let opening = async {
            let mut peer = dial(&*self.setting.dialer, self.setting.patience).await.ok()?;
            let response = open(&mut peer, &request).await.ok()?;
            Some((peer.into_inner(), response))
        };
        match timeout_at(self.effort.deadline, opening).await {
            Ok(Some((transport, response))) => {
                let connection = AttackConnection::new(&self.effort, transport, Awaits::Frames);
                Some((connection, response))
            }
            Ok(None) => {
                self.refused("no opening handshake".to_owned()).await;
                None
            }
            Err(_) => None,
        }
    }

    async fn refused(&self, answer: String) {
        self.effort.count_answer(answer);
        sleep(AFTER_REFUSAL).await;
    }
}

impl AttackConnection {
    fn new(effort: &Arc<Effort>, transport: Transport, awaits: Awaits) -> AttackConnection {
        effort.count_connection();
        let (reader, writer) = tokio::io::split(transport);
        AttackConnection {
            effort: Arc::clone(effort),
            reader,
            writer,
            buffer: vec![0; READ],
            skimmer: Skimmer::new(awaits),
            sent: 0,
        }
    }

    /// Sends these bytes. If the endpoint ends the connection, its answer is counted.
    pub(crate) async fn send(&mut self, bytes: &[u8], reads: Reads) -> Written {
        let sent = self.write(bytes, reads).await;
        if sent == Written::Ended {
            self.hear_last_words().await;
        }
        sent
    }

    async fn write(&mut self, bytes: &[u8], reads: Reads) -> Written {
        let mut rest = bytes;
        while !rest.is_empty() {
            tokio::select! {
                written = self.writer.write(rest) => match written {
                    Ok(len) if len > 0 => {
                        self.sent += len as u64;
                        self.effort.count_sent(len);
                        rest = rest.get(len..).unwrap_or_default();
                    }
                    _ => return Written::Ended,
                },
                read = self.reader.read(&mut self.buffer), if reads == Reads::Everything => match read {
                    Ok(len) if len > 0 => self.skimmer.read(self.buffer.get(..len).unwrap_or_default()),
                    _ => return Written::Ended,
                },
                () = sleep_until(self.effort.deadline) => return Written::Late,
            }
        }
        match timeout_at(self.effort.deadline, self.writer.flush()).await {
            Ok(Ok(())) => Written::All,
            Ok(Err(_)) => Written::Ended,
            Err(_) => Written::Late,
        }
    }

    /// Reads until the endpoint ends the connection, which is counted, the attack is over, or `until` of what was read.
    pub(crate) async fn hear(&mut self, until: impl Fn(&Skimmer) -> bool) -> Heard {
        while !until(&self.skimmer) {
            match timeout_at(self.effort.deadline, self.reader.read(&mut self.buffer)).await {
                Ok(Ok(len)) if len > 0 => {
                    self.skimmer.read(self.buffer.get(..len).unwrap_or_default());
                }
                Ok(_) => {
                    self.count_end();
                    return Heard::End;
                }
                Err(_) => return Heard::Nothing,
            }
        }
        Heard::This
    }

    /// Reads one byte, so that others stay unread.
    pub(crate) async fn hear_a_byte(&mut self) {
        let _read = timeout_at(self.effort.deadline, self.reader.read_u8()).await;
    }

    async fn hear_last_words(&mut self) {
        let until = Instant::now() + LAST_WORDS;
        while let Ok(Ok(len)) = timeout_at(until, self.reader.read(&mut self.buffer)).await
            && len > 0
        {
            self.skimmer.read(self.buffer.get(..len).unwrap_or_default());
        }
        self.count_end();
    }

    fn count_end(&mut self) {
        let answer = self.skimmer.answer.take();
        self.effort.count_answer(answer.unwrap_or_else(|| "the end of the connection".to_owned()));
    }
}
