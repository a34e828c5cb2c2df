//! What the server makes of messages.

use std::io;
use std::time::Duration;

use flate2::{Decompress, FlushDecompress};
use longwire_wire::bits::{BINARY, CLOSE, FIN, PING, PONG, RSV1};
use longwire_wire::{RawFrame, Role};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use crate::server::{Shared, Weakness};

/// The longest message, and the most fragments of one.
const MESSAGE: u64 = 64 << 10;
const FRAGMENTS: u64 = 10_000;

/// How long a server that is slow with fragments does nothing else.
const SLOW: Duration = Duration::from_secs(3);

/// The header of a frame.
struct Header {
    first: u8,
    len: u64,
    key: [u8; 4],
}

/// A message that has begun.
#[derive(Default)]
struct Message {
    first: u8,
    fragments: u64,
    len: u64,
    payload: Vec<u8>,
}

/// Echoes messages, until the connection ends or has to be closed.
pub(crate) async fn exchange(mut io: DuplexStream, shared: &Shared) -> io::Result<()> {
    let outcome = frames(&mut io, shared).await;
    if let Ok(code) = outcome {
        io.write_all(&RawFrame::close(code).encode(Role::Server)).await?;
        return io.shutdown().await;
    }
    if shared.is(Weakness::EndsAfterReset) {
        shared.is_dead.send_replace(true);
    }
    outcome.map(drop)
}

/// The code to close with. An error if the connection ends.
async fn frames(io: &mut DuplexStream, shared: &Shared) -> io::Result<u16> {
    let mut message = Message::default();
    loop {
        let header = header(io).await?;
        let opcode = header.first & 0xf;
        if opcode == CLOSE {
            return Ok(1000);
        }
        if shared.is(Weakness::ReservesWhatIsDeclared) {
            shared.keep(header.len);
        }
        let is_too_long = message.len + header.len > MESSAGE && header.first & RSV1 == 0;
        if is_too_long && !shared.is(Weakness::TakesEndlessMessages) {
            return Ok(1009);
        }
        let payload = payload(io, &header).await?;
        drop(shared.work.lock().await);
        match opcode {
            PING => send(io, shared, FIN | PONG, payload).await?,
            PONG => {}
            _ => {
                message.take(header.first, &payload);
                if message.fragments > FRAGMENTS {
                    hesitate(shared).await;
                    return Ok(1008);
                }
                if header.first & FIN != 0 {
                    let whole = std::mem::take(&mut message);
                    match whole.inflated(shared) {
                        None => return Ok(1009),
                        Some(payload) => send(io, shared, FIN | (whole.first & 0xf), payload).await?,
                    }
                }
            }
        }
    }
}

/// What a server does that is not ready for so many fragments.
async fn hesitate(shared: &Shared) {
    let _work = shared.work.lock().await;
    if shared.is(Weakness::SlowWithFragments) {
        tokio::time::sleep(SLOW).await;
    }
    if shared.is(Weakness::StuckWithFragments) {
        std::future::pending::<()>().await;
    }
}

impl Message {
    fn take(&mut self, first: u8, payload: &[u8]) {
        self.first = if self.fragments == 0 { first } else { self.first };
        self.fragments += 1;
        self.len += payload.len() as u64;
        // What would be memory is not needed to be seen.
        if self.len <= MESSAGE {
            self.payload.extend(payload);
        }
    }

    /// The payload after inflating. `None` if it is too long.
    fn inflated(&self, shared: &Shared) -> Option<Vec<u8>> {
        if self.first & RSV1 == 0 {
            return Some(self.payload.clone());
        }
        let most = if shared.is(Weakness::InflatesEverything) { u64::MAX } else { MESSAGE };
        let mut inflater = Decompress::new(false);
        let (mut rest, mut len) = (self.payload.as_slice(), 0);
        let mut piece = Vec::with_capacity(8 << 10);
        loop {
            piece.clear();
            let before = inflater.total_in();
            inflater.decompress_vec(rest, &mut piece, FlushDecompress::Sync).ok()?;
            let used = usize::try_from(inflater.total_in() - before).ok()?;
            rest = rest.get(used..)?;
            len += piece.len() as u64;
            if len > most {
                return None;
            }
            if piece.is_empty() && rest.is_empty() {
                return Some(Vec::new());
            }
        }
    }
}

/// Sends a frame. A weak server goes on at once, and keeps it.
async fn send(io: &mut DuplexStream, shared: &Shared, first: u8, payload: Vec<u8>) -> io::Result<()> {
    let bytes = RawFrame::new(first, payload).encode(Role::Server);
    if !shared.is(Weakness::KeepsWhatIsUnread) {
        return io.write_all(&bytes).await;
    }
    // The witness reads, and gets its answer.
    if first & 0xf == BINARY || bytes.len() > 100 {
        shared.keep(bytes.len() as u64);
        return Ok(());
    }
    io.write_all(&bytes).await
}

async fn header(io: &mut DuplexStream) -> io::Result<Header> {
    let mut start = [0; 2];
    io.read_exact(&mut start).await?;
    let [first, second] = start;
    let len = match second & 0x7f {
        126 => u64::from(io.read_u16().await?),
        127 => io.read_u64().await?,
        len => u64::from(len),
    };
    let mut key = [0; 4];
    io.read_exact(&mut key).await?;
    Ok(Header { first, len, key })
}

async fn payload(io: &mut DuplexStream, header: &Header) -> io::Result<Vec<u8>> {
    let len = usize::try_from(header.len).map_err(|_| io::ErrorKind::InvalidData)?;
    let mut payload = Vec::new();
    io.take(len as u64).read_to_end(&mut payload).await?;
    if payload.len() < len {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    payload.iter_mut().zip(header.key.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
    Ok(payload)
}
