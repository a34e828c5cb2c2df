//! A run of `longwire-load`, with what it costs the server.

use anyhow::{Context as _, Result, ensure};
use longwire_load::{
    Coding, Content, Control, Ending, Kind, Observer, Outcome, Plan, RequestOptions, Series, Sizes, Target,
    Workload,
};
use serde::Serialize;

use crate::arguments::{self, MessageShape, Span, Speech};
use crate::process::{Spent, Usage};
use crate::tls;

/// The cost of a run for both sides.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Cost {
    pub(crate) server: Spent,
    pub(crate) generator: Spent,
}

/// The start of a measurement.
#[derive(Debug)]
pub(crate) struct Meter {
    processes: Vec<u32>,
    server: Usage,
    generator: Usage,
}

impl Meter {
    pub(crate) fn start(target: &arguments::Target) -> Result<Self> {
        let processes = [&[target.pid][..], &target.beside].concat();
        let server = Usage::of(&processes)?;
        Ok(Self { processes, server, generator: Usage::of(&[std::process::id()])? })
    }

    pub(crate) fn stop(self) -> Result<Cost> {
        Ok(Cost {
            server: Usage::of(&self.processes)? - self.server,
            generator: Usage::of(&[std::process::id()])? - self.generator,
        })
    }
}

/// Takes the server's cost while the generator measures.
struct Watch<'t> {
    target: &'t arguments::Target,
    meter: Option<Result<Meter>>,
    cost: Option<Result<Cost>>,
}

impl Observer for Watch<'_> {
    fn begins(&mut self) {
        self.meter = Some(Meter::start(self.target));
    }

    fn ends(&mut self) {
        self.cost = self.meter.take().map(|meter| meter.and_then(Meter::stop));
    }
}

/// Runs a plan. A comparison is worthless if anything goes wrong, so every answer must be right.
pub(crate) fn run(target: &arguments::Target, path: &str, plan: &Plan) -> Result<(Outcome, Cost)> {
    let mut watch = Watch { target, meter: None, cost: None };
    let outcome = longwire_load::run(plan, &endpoint(target, path)?, &Control::default(), &mut watch)?;
    let tally = &outcome.tally;
    ensure!(tally.errors.is_empty(), "connections failed: {:?}", tally.errors);
    let wrong = tally.lost + tally.repeated;
    ensure!(wrong == 0, "{} answers were lost, {} came again", tally.lost, tally.repeated);
    let cost = watch.cost.context("the measurement has ended")??;
    Ok((outcome, cost))
}

pub(crate) fn endpoint(target: &arguments::Target, path: &str) -> Result<Target> {
    let tls = match (target.speech, &target.certificate) {
        (Speech::Wss, certificate) => {
            Some(tls::config(certificate.as_deref().context("`--speech wss` needs a `--certificate`")?)?)
        }
        (Speech::Tcp | Speech::Ws | Speech::Deflate, _) => None,
    };
    // The certificate is of this name.
    let url = match target.speech {
        Speech::Wss => format!("wss://localhost:{}{path}", target.address.port()),
        Speech::Tcp | Speech::Ws | Speech::Deflate => format!("ws://{}{path}", target.address),
    };
    Ok(Target::resolve(&url, &RequestOptions { tls, coding: coding(target.speech), ..Default::default() })?)
}

fn coding(speech: Speech) -> Coding {
    match speech {
        Speech::Tcp => Coding::Tcp,
        Speech::Deflate => Coding::Deflate,
        Speech::Ws | Speech::Wss => Coding::Plain,
    }
}

/// A plan with the times of a comparison. Its connections end with a reset, so that no port stays in TIME-WAIT.
pub(crate) fn plan(workload: Workload, connections: u32, time: Span) -> Plan {
    Plan {
        warm_up: time.warm_up(),
        measured: time.measured(),
        ending: Ending::Reset,
        ..Plan::new(workload, connections as usize)
    }
}

/// Messages of this shape, at least so many different ones.
pub(crate) fn series(shape: MessageShape, at_least: usize, speech: Speech) -> Result<Series> {
    let (content, kind) = match shape.content {
        arguments::Content::Binary => (Content::Binary, Kind::Binary),
        arguments::Content::Text => (Content::Text, Kind::Text),
        arguments::Content::Json => (Content::Json, Kind::Text),
    };
    let sizes = Sizes::fixed(shape.size).draw(at_least);
    let messages = sizes.into_iter().enumerate().map(|(number, size)| content.message(number, size));
    Ok(Series::new(messages.collect(), kind, coding(speech))?)
}
