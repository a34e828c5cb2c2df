//! Publications by the API for back ends, in batches, to channels without subscribers.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde::Serialize;

use super::channel;
use super::publisher::{publishing, response_length};
use crate::arguments::{Api, Hub, Target};
use crate::measured::{Cost, Meter};

#[derive(Debug, Serialize)]
pub(super) struct Report {
    publications: usize,
    #[serde(flatten)]
    cost: Cost,
}

/// How many requests are under way, each on a connection of its own: while one is answered, the next is there.
const CONNECTIONS: usize = 2;

pub(super) fn run(target: &Target, hub: &Hub, api: &Api) -> Result<Report> {
    let channels: Vec<String> =
        (0..api.batch).map(|number| channel(hub.dialect, &hub.namespace, number)).collect();
    let request = publishing(hub.dialect, &target.address.to_string(), &channels)?;
    let mut streams = Vec::new();
    for _ in 0..CONNECTIONS {
        let stream = TcpStream::connect(target.address)?;
        stream.set_nodelay(true)?;
        streams.push(stream);
    }
    for stream in &mut streams {
        stream.write_all(&request)?;
    }
    publish_for(&mut streams, &request, api.time.warm_up())?;
    let meter = Meter::start(target)?;
    let requests = publish_for(&mut streams, &request, api.time.measured())?;
    Ok(Report { publications: requests * api.batch, cost: meter.stop()? })
}

/// Awaits responses in turn, and sends the next request at once. Returns the number of responses.
fn publish_for(streams: &mut [TcpStream], request: &[u8], time: Duration) -> Result<usize> {
    let (end, mut responses) = (Instant::now() + time, 0);
    let mut buffer = vec![0; 256 * 1024];
    while Instant::now() < end {
        for stream in &mut *streams {
            let mut response = Vec::new();
            while response_length(&response)?.is_none() {
                let length = stream.read(&mut buffer)?;
                ensure!(length > 0, "the server ended the connection: {}", response.escape_ascii());
                response.extend_from_slice(&buffer[..length]);
            }
            responses += 1;
            stream.write_all(request)?;
        }
    }
    Ok(responses)
}
