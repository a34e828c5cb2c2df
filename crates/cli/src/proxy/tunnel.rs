//! Moves the bytes of an open connection in both directions.

use std::io;
use std::pin::{Pin, pin};
use std::time::Duration;

use longwire::Direction;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf, split};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::journal::Journal;
use super::tap::{Tap, Verdict};

/// The most bytes that are read at a time.
const PIECE: usize = 16 << 10;

/// How many pieces may wait to be written: with a delay, they bound the throughput instead of the memory's growth.
const WAITING: usize = 256;

/// How long an end may take to accept what waits for it when the other one is gone, after the delay.
const LAST_WRITE: Duration = Duration::from_secs(10);

/// How a tunnel has ended.
#[derive(Debug)]
pub(super) enum TunnelEnd {
    /// Both ends have ended their direction, this one first.
    Closed(Direction),
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
    let mut up = pin!(pump(from_client, to_server, client_tap, client_delay, Direction::Sent, journal));
    let mut down = pin!(pump(from_server, to_client, server_tap, server_delay, Direction::Received, journal));
    let both = async {
        tokio::select! {
            end = &mut up => finish(end, Direction::Sent, down, server_delay).await,
            end = &mut down => finish(end, Direction::Received, up, client_delay).await,
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

/// Waits for the direction that is left after the first one, `first`, has ended.
async fn finish(
    ended: Result<(), TunnelEnd>,
    first: Direction,
    rest: Pin<&mut impl Future<Output = Result<(), TunnelEnd>>>,
    delay: Duration,
) -> TunnelEnd {
    match ended {
        Ok(()) => match rest.await {
            Ok(()) => TunnelEnd::Closed(first),
            Err(end) => end,
        },
        // The other sender is gone, but what it has sent may still wait for its time.
        Err(TunnelEnd::Broken(gone, error)) if gone != first => {
            let _in_time = timeout(delay.saturating_add(LAST_WRITE), rest).await;
            TunnelEnd::Broken(gone, error)
        }
        Err(end) => end,
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
    let mut reading = pin!(read(from, tap, delay, direction, pieces, journal));
    let mut writing = pin!(write(to, waiting, direction));
    let read = tokio::select! {
        read = &mut reading => read,
        // As long as pieces may come, only an error ends the writer.
        written = &mut writing => return written,
    };
    match read {
        Ok(verdict) => {
            writing.await?;
            match verdict {
                Verdict::GoOn => Ok(()),
                // What precedes the cut has been written.
                Verdict::Cut => Err(TunnelEnd::Cut),
            }
        }
        Err(end) => {
            // What has been shown as passed reaches the other end, unless that one does not take it.
            let _in_time = timeout(delay.saturating_add(LAST_WRITE), writing).await;
            Err(end)
        }
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
        // A writer that has ended has ended this, too.
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

#[cfg(test)]
mod tests {
    use std::task::{Context, Poll};

    use clap::Parser;
    use tokio::io::{ReadBuf, duplex, join, sink};

    use super::super::faults::Faults;
    use super::super::journal::Book;
    use super::*;
    use crate::args::ProxyArgs;

    /// A connection that the peer has reset.
    struct Reset;

    impl AsyncRead for Reset {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
        }
    }

    impl AsyncWrite for Reset {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    const HELLO: &[u8] = b"\x81\x05hello";

    /// How the tunnel to this server ends with a delay, and what a client gets that has sent `sent`.
    async fn tunnelled(server: impl AsyncRead + AsyncWrite, sent: &[u8]) -> (TunnelEnd, Vec<u8>) {
        let args = ProxyArgs::parse_from(["proxy", "ws://server.example"]);
        let journal = Book::new(&args, None).unwrap().connection(1);
        let taps = [Direction::Sent, Direction::Received]
            .map(|direction| Tap::new(None, Faults::of(&[], direction)));
        let delays = [Duration::ZERO, Duration::from_secs(1)];
        let (client, mut peer) = duplex(64);
        let got = async {
            peer.write_all(sent).await.unwrap();
            let mut got = Vec::new();
            peer.read_to_end(&mut got).await.unwrap();
            got
        };
        tokio::join!(run(client, server, taps, delays, None, &journal), got)
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_server_sent_before_it_was_reset_arrives_after_the_delay() {
        let (end, got) = tunnelled(join(HELLO.chain(Reset), sink()), b"").await;
        assert_eq!(got, HELLO);
        assert!(matches!(end, TunnelEnd::Broken(Direction::Received, _)), "{end:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn what_a_server_sent_before_it_took_no_more_arrives_after_the_delay() {
        let (open, _server) = duplex(1);
        let (end, got) = tunnelled(join(HELLO.chain(open), Reset), b"\x81\x80\0\0\0\0").await;
        assert_eq!(got, HELLO);
        assert!(matches!(end, TunnelEnd::Broken(Direction::Received, _)), "{end:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_nothing_does_not_keep_a_broken_tunnel() {
        let (client, _peer) = duplex(1);
        let args = ProxyArgs::parse_from(["proxy", "ws://server.example"]);
        let journal = Book::new(&args, None).unwrap().connection(1);
        let taps = [Direction::Sent, Direction::Received]
            .map(|direction| Tap::new(None, Faults::of(&[], direction)));
        let server = join(HELLO.chain(Reset), sink());
        let end = run(client, server, taps, [Duration::ZERO; 2], None, &journal).await;
        assert!(matches!(end, TunnelEnd::Broken(Direction::Received, _)), "{end:?}");
    }
}
