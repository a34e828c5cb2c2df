//! Connections that are opened and dropped immediately.

use std::io::Write;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::Result;
use rustix::net::sockopt::set_socket_linger;
use serde::Serialize;

use crate::arguments::{Handshakes, Target};
use crate::crowd::{Cost, Meter};
use crate::handshake::{Handshake, Offer};

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    handshakes: usize,
    #[serde(flatten)]
    cost: Cost,
}

pub(crate) fn run(target: &Target, handshakes: &Handshakes) -> Result<Report> {
    open_for(target, handshakes.together, handshakes.time.warm_up())?;
    let meter = Meter::start(target)?;
    let count = open_for(target, handshakes.together, handshakes.time.measured())?;
    Ok(Report { handshakes: count, cost: meter.stop()? })
}

fn open_for(target: &Target, together: usize, time: Duration) -> Result<usize> {
    let end = Instant::now() + time;
    let mut count = 0;
    while Instant::now() < end {
        let mut opening = Vec::with_capacity(together);
        for number in 0..together {
            let mut stream = TcpStream::connect(target.address)?;
            // Close with a reset. Otherwise all ports would soon be in TIME-WAIT.
            set_socket_linger(&stream, Some(Duration::ZERO))?;
            let handshake = Handshake::new((count + number) as u32, Offer::Nothing);
            stream.write_all(handshake.request().as_bytes())?;
            opening.push((stream, handshake));
        }
        for (stream, handshake) in &mut opening {
            handshake.finish(stream)?;
        }
        count += together;
    }
    Ok(count)
}
