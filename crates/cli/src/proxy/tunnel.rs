//! Moves the bytes of an open connection in both directions.

use std::io;
use std::time::Duration;

use longwire::Direction;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until};

use super::journal::Journal;
use super::tap::{Tap, Verdict};

/// The most bytes that are read at a time.
const PIECE: usize = 16 << 10;

/// How many pieces may wait to be written: with a delay, they bound the throughput instead of the memory's growth.
const WAITING: usize = 256;

/// How a tunnel has ended.
#[derive(Debug)]
pub(super) enum TunnelEnd {
    /// Both ends have ended their direction.
    Closed,
    /// A fault has cut it.
    Cut,
    /// One end is gone.
    Broken(Direction, io::Error),
}

/// Moves bytes between `client` and `server` until both have ended. `cut`: after this time both are dropped.
pub(super) async fn run<C, S>(
    client: C,
    server: S,
    taps: [Tap; 2],
    delays: [Duration; 2],
    cut: Option<Duration>,
    journal: &Journal,
) -> TunnelEnd
where
    C: AsyncRead + AsyncWrite,
    S: AsyncRead + AsyncWrite,
{
    let (from_client, to_client) = split(client);
    let (from_server, to_server) = split(server);
    let [client_tap, server_tap] = taps;
    let [client_delay, server_delay] = delays;
    let up = pump(from_client, to_server, client_tap, client_delay, Direction::Sent, journal);
    let down = pump(from_server, to_client, server_tap, server_delay, Direction::Received, journal);
    let both = async {
        match tokio::try_join!(up, down) {
            Ok(((), ())) => TunnelEnd::Closed,
            Err(end) => end,
        }
    };
    match cut {
        None => both.await,
        Some(time) => tokio::select! {
            end = both => end,
            () = sleep(time) => TunnelEnd::Cut,
        },
    }
}

/// A piece to write, and when.
struct Piece {
    due: Instant,
    bytes: Vec<u8>,
}

async fn pump<R: AsyncRead, W: AsyncWrite>(
    from: ReadHalf<R>,
    to: WriteHalf<W>,
    tap: Tap,
    delay: Duration,
    direction: Direction,
    journal: &Journal,
) -> Result<(), TunnelEnd> {
    let (pieces, waiting) = mpsc::channel(WAITING);
    let reading = read(from, tap, delay, direction, pieces, journal);
    let writing = write(to, waiting, direction);
    let (verdict, ()) = tokio::try_join!(reading, writing)?;
    match verdict {
        Verdict::GoOn => Ok(()),
        // What precedes the cut has been written.
        Verdict::Cut => Err(TunnelEnd::Cut),
    }
}

async fn read<R: AsyncRead>(
    mut from: ReadHalf<R>,
    mut tap: Tap,
    delay: Duration,
    direction: Direction,
    pieces: mpsc::Sender<Piece>,
    journal: &Journal,
) -> Result<Verdict, TunnelEnd> {
    let mut buffer = vec![0; PIECE];
    let mut seen = Vec::new();
    loop {
        let count = from.read(&mut buffer).await.map_err(|error| TunnelEnd::Broken(direction, error))?;
        if count == 0 {
            return Ok(Verdict::GoOn);
        }
        let mut bytes = Vec::with_capacity(count);
        let verdict = tap.take(buffer.get(..count).unwrap_or_default(), &mut bytes, &mut seen);
        for seen in seen.drain(..) {
            journal.seen(direction, seen);
        }
        // The writer ends only with an error, which ends this, too.
        let _written = pieces.send(Piece { due: Instant::now() + delay, bytes }).await;
        if verdict == Verdict::Cut {
            return Ok(verdict);
        }
    }
}

async fn write<W: AsyncWrite>(
    mut to: WriteHalf<W>,
    mut waiting: mpsc::Receiver<Piece>,
    direction: Direction,
) -> Result<(), TunnelEnd> {
    let receiver = match direction {
        Direction::Sent => Direction::Received,
        Direction::Received => Direction::Sent,
    };
    let broken = |error| TunnelEnd::Broken(receiver, error);
    while let Some(piece) = waiting.recv().await {
        sleep_until(piece.due).await;
        to.write_all(&piece.bytes).await.map_err(broken)?;
        if waiting.is_empty() {
            to.flush().await.map_err(broken)?;
        }
    }
    // The end of a direction is passed on, too. An end that is gone already has nothing to learn.
    let _gone = to.shutdown().await;
    Ok(())
}
