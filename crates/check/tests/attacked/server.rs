//! An echo that withstands attacks, or falls for one of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use longwire_check::{Dial, Dialing};
use longwire_wire::Head;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::{Mutex, watch};

use crate::messages::exchange;

/// How much is on its way in a connection.
const BUFFER: usize = 64 << 10;

/// The longest head.
const HEAD: usize = 16 << 10;

/// How many connections there may be at a time.
const PLACES: u64 = 500;

/// What the server has before any client comes, in bytes.
const OWN_MEMORY: u64 = 1 << 20;

/// One thing that an attacker can use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weakness {
    /// Waits for the request of one client before it reads that of the next.
    HandshakesInTurn,
    /// Reads headers as long as they come.
    TakesEndlessHeads,
    /// Never gives the place of a client that has gone to another.
    LosesPlaces,
    /// Keeps whatever its clients do not read.
    KeepsWhatIsUnread,
    /// Takes messages of any length.
    TakesEndlessMessages,
    /// Does nothing else for some seconds when a message has many fragments.
    SlowWithFragments,
    /// Does nothing else ever after.
    StuckWithFragments,
    /// Inflates a message before it looks at the length.
    InflatesEverything,
    /// Takes memory for what a client declares.
    ReservesWhatIsDeclared,
    /// Ends when a connection ends within a message.
    EndsAfterReset,
}

/// Connections to a server in the same process.
#[derive(Debug, Clone)]
pub(crate) struct Server(Arc<Shared>);

/// What all connections share.
#[derive(Debug)]
pub(crate) struct Shared {
    weakness: Option<Weakness>,
    /// Who has it reads a request.
    handshake: Mutex<()>,
    /// Who has it handles a frame.
    pub(crate) work: Mutex<()>,
    memory: AtomicU64,
    taken_places: AtomicU64,
    pub(crate) is_dead: watch::Sender<bool>,
}

impl Server {
    pub(crate) fn new(weakness: Option<Weakness>) -> Server {
        Server(Arc::new(Shared {
            weakness,
            handshake: Mutex::default(),
            work: Mutex::default(),
            memory: AtomicU64::new(OWN_MEMORY),
            taken_places: AtomicU64::new(0),
            is_dead: watch::Sender::new(false),
        }))
    }

    /// What the server has in memory. `None` if it has ended.
    pub(crate) fn memory(&self) -> Option<u64> {
        (!*self.0.is_dead.borrow()).then(|| self.0.memory.load(Ordering::Relaxed))
    }
}

impl Shared {
    pub(crate) fn is(&self, weakness: Weakness) -> bool {
        self.weakness == Some(weakness)
    }

    /// Takes memory until the end of the server.
    pub(crate) fn keep(&self, len: u64) {
        self.memory.fetch_add(len, Ordering::Relaxed);
    }
}

impl Dial for Server {
    fn dial(&self) -> Dialing<'_> {
        if *self.0.is_dead.borrow() {
            return Box::pin(async { Err(std::io::ErrorKind::ConnectionRefused.into()) });
        }
        let (ours, theirs) = tokio::io::duplex(BUFFER);
        let shared = Arc::clone(&self.0);
        tokio::spawn(async move {
            let mut death = shared.is_dead.subscribe();
            tokio::select! {
                _ended = serve(theirs, &shared) => {}
                _ = death.wait_for(|is_dead| *is_dead) => {}
            }
            if !shared.is(Weakness::LosesPlaces) {
                shared.taken_places.fetch_sub(1, Ordering::Relaxed);
            }
        });
        Box::pin(async { Ok(Box::new(ours) as _) })
    }
}

async fn serve(mut io: DuplexStream, shared: &Shared) -> std::io::Result<()> {
    if shared.taken_places.fetch_add(1, Ordering::Relaxed) >= PLACES {
        return io.write_all(&Head::new("HTTP/1.1 503 Service Unavailable").encode()).await;
    }
    let turn = if shared.is(Weakness::HandshakesInTurn) { Some(shared.handshake.lock().await) } else { None };
    let Some(request) = request(&mut io, shared).await? else {
        return io.write_all(&Head::new("HTTP/1.1 431 Request Header Fields Too Large").encode()).await;
    };
    drop(turn);
    let mut response = Head::switching_protocols(&request);
    if request.field("Sec-WebSocket-Extensions").is_some() {
        response = response.with("Sec-WebSocket-Extensions", "permessage-deflate");
    }
    io.write_all(&response.encode()).await?;
    exchange(io, shared).await
}

/// The request. `None` if it is too long.
async fn request(io: &mut DuplexStream, shared: &Shared) -> std::io::Result<Option<Head>> {
    let mut bytes = Vec::new();
    loop {
        if let Some((head, _)) = Head::parse(&bytes) {
            return Ok(Some(head));
        }
        if bytes.len() > HEAD {
            if !shared.is(Weakness::TakesEndlessHeads) {
                return Ok(None);
            }
            bytes.clear();
        }
        if io.read_buf(&mut bytes).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    }
}
