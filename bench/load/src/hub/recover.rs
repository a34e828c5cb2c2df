//! How long it takes until many clients have connected again and recovered.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use memchr::memmem;
use serde::Serialize;

use super::audience::cut;
use super::dialect::{Dialect, Position};
use super::opening::{Request, open};
use super::publisher::{publishing, response_length};
use super::{TEXT, channel};
use crate::arguments::{Hub, Recover, Target};
use crate::measured::{Cost, Meter};

/// What the server still has of the channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Past {
    /// The network was cut, and ten publications were missed, which the server has.
    Kept,
    /// The server was restarted, and kept its history in memory: it does not know the clients' position.
    Lost,
}

#[derive(Debug, Serialize)]
pub(super) struct Report {
    clients: usize,
    #[serde(flatten)]
    cost: Cost,
}

/// How many publications the clients miss.
const MISSED: usize = 10;

/// How long the server has to notice that connections have ended.
const SETTLING: Duration = Duration::from_secs(2);

pub(super) fn run(target: &Target, hub: &Hub, recover: &Recover) -> Result<Report> {
    ensure!(hub.dialect == Dialect::Json, "recovery is measured in JSON");
    let channel = channel(hub.dialect, &hub.namespace, 0);
    let mut back_end = TcpStream::connect(target.address)?;
    let mut position = publish(target, &mut back_end, &channel)?;
    let before = vec![Request::subscriber(hub.dialect, channel.clone()); recover.clients];
    cut(open(target, &before)?);
    thread::sleep(SETTLING);
    for _ in 0..MISSED {
        publish(target, &mut back_end, &channel)?;
    }
    if recover.past == Past::Lost {
        position.epoch = "lost".to_owned();
    }
    let steps = Dialect::recovering(&channel, &position);
    let again = vec![Request { dialect: hub.dialect, channel, steps, node: None }; recover.clients];
    let meter = Meter::start(target)?;
    let opened = open(target, &again)?;
    let cost = meter.stop()?;
    let expected = match recover.past {
        Past::Kept => (true, MISSED),
        Past::Lost => (false, 0),
    };
    for opened in &opened {
        let recovered = memmem::find(&opened.answer, b"\"recovered\":true").is_some();
        let publications = memmem::find_iter(&opened.answer, TEXT).count();
        ensure!(
            (recovered, publications) == expected,
            "recovered: {recovered}, publications: {publications}: {}",
            opened.answer.escape_ascii()
        );
    }
    Ok(Report { clients: opened.len(), cost })
}

/// Publishes, and returns the position after it.
fn publish(target: &Target, stream: &mut TcpStream, channel: &str) -> Result<Position> {
    stream.write_all(&publishing(Dialect::Json, &target.address.to_string(), &[channel.to_owned()])?)?;
    let (mut response, mut buffer) = (Vec::new(), [0; 4096]);
    while response_length(&response)?.is_none() {
        let length = stream.read(&mut buffer)?;
        ensure!(length > 0, "the server ended the connection");
        response.extend_from_slice(&buffer[..length]);
    }
    let body = memmem::find(&response, b"\r\n\r\n").map(|at| &response[at + 4..]).context("a body")?;
    let answer: serde_json::Value = serde_json::from_slice(body)?;
    let result = &answer["result"];
    let offset = result["offset"].as_u64().context("the namespace keeps no history")?;
    Ok(Position { offset, epoch: result["epoch"].as_str().context("an epoch")?.to_owned() })
}
