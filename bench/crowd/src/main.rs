//! Many clients in one process, on the orders of the program that started it: `bench-crowd ADDRESS CONNECTIONS NUMBER`.
//!
//! `NUMBER` is that of this process among others. Each line of standard input is an order, and is answered by a line:
//!
//! | order | what happens | answer |
//! |---|---|---|
//! | `open` | opens the connections, 64 at a time | connections, seconds |
//! | `publish` | the first sends a message, which the server gives to all | deliveries, seconds |
//! | `cut` | resets every other connection | connections, 0 |
//! | `return` | opens those again, all at once | connections, seconds |
//! | `count` | nothing | open connections, answered pings |
//! | `failed` | nothing | attempts to open a connection that failed, 0 |
//!
//! An order that fails ends the process with the reason.

mod client;
mod crowd;

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail};
use tokio::sync::mpsc;

use crowd::Crowd;

/// How many connections `open` opens at a time.
const OPENING: usize = 64;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().context("bench-crowd ADDRESS CONNECTIONS NUMBER");
    let address: SocketAddr = next()?.parse().context("the address")?;
    let connections: u16 = next()?.parse().context("the number of connections")?;
    let number: u8 = next()?.parse().context("the number of this process")?;
    let crowd = Crowd::new(address, connections, number);
    tokio::task::LocalSet::new().run_until(obey(crowd, orders())).await
}

async fn obey(mut crowd: Crowd, mut orders: mpsc::UnboundedReceiver<String>) -> Result<()> {
    while let Some(order) = orders.recv().await {
        let (count, figure) = match order.as_str() {
            "open" => crowd.open(OPENING).await?,
            "publish" => crowd.publish().await?,
            "cut" => (crowd.cut(), 0.0),
            "return" => crowd.open(usize::MAX).await?,
            "count" => (crowd.count()?, crowd.pings() as f64),
            "failed" => (crowd.failed(), 0.0),
            _ => bail!("unknown order {order:?}"),
        };
        println!("{count} {figure}");
    }
    Ok(())
}

/// The lines of standard input.
fn orders() -> mpsc::UnboundedReceiver<String> {
    let (sender, orders) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    orders
}
