//! A server that keeps all rules, or does one thing wrong.

use longwire_check::{Dial, Dialing};
use longwire_wire::Role;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use crate::engine::{Engine, State};
use crate::fault::Fault;
use crate::opening::respond;

/// More than a case sends before it reads.
pub(crate) const BUFFER: usize = 8 << 20;

/// Connections to a server in the same process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Server {
    pub(crate) fault: Option<Fault>,
}

impl Dial for Server {
    fn dial(&self) -> Dialing<'_> {
        let (ours, theirs) = tokio::io::duplex(BUFFER);
        tokio::spawn(serve(theirs, self.fault));
        Box::pin(async { Ok(Box::new(ours) as _) })
    }
}

pub(crate) async fn serve<T>(mut io: T, fault: Option<Fault>) -> std::io::Result<()>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(place) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break place + 4;
        }
        if io.read_buf(&mut bytes).await? == 0 {
            return Ok(());
        }
    };
    let early = bytes.split_off(end);
    let response = respond(&bytes, fault);
    io.write_all(&response.head.encode()).await?;
    if response.head.status() != Some(101) {
        return io.shutdown().await;
    }
    let mut engine = Engine::new(Role::Server, response.agreement, fault);
    if fault != Some(Fault::LosesEarlyBytes) {
        engine.receive(&early);
    }
    exchange(&mut io, &mut engine, fault).await
}

async fn exchange<T>(io: &mut T, engine: &mut Engine, fault: Option<Fault>) -> std::io::Result<()>
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let mut bytes = Vec::with_capacity(engine.longest_read());
    loop {
        io.write_all(&std::mem::take(&mut engine.out)).await?;
        io.flush().await?;
        match engine.state {
            State::Gone => return Ok(()),
            State::Closed if fault == Some(Fault::NeverEnds) => std::future::pending().await,
            State::Closed => return io.shutdown().await,
            State::Open => {}
        }
        bytes.clear();
        if io.read_buf(&mut bytes).await? == 0 {
            if fault == Some(Fault::Silent) || fault == Some(Fault::NeverEnds) {
                std::future::pending::<()>().await;
            }
            return io.shutdown().await;
        }
        engine.receive(&bytes);
    }
}
