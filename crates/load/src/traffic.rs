//! What is sent and what is expected, by the workload.

use std::sync::Arc;

use crate::hub;
use crate::plan::{Dialect, Plan, Workload};
use crate::plan_error::PlanError;
use crate::series::{Coding, Kind, Series};

/// What subscribers and echo connections expect, and what is sent, by channel.
pub(crate) fn series(plan: &Plan) -> Result<(Arc<Series>, Vec<Arc<Series>>), PlanError> {
    match &plan.workload {
        Workload::Echo { series, .. } | Workload::Fanout { series, dialect: Dialect::Plain, .. } => {
            Ok((Arc::clone(series), vec![Arc::clone(series)]))
        }
        Workload::Fanout { series, dialect: Dialect::Centrifuge { channel }, channels, .. } => {
            let texts = (0..series.count()).map(|number| String::from_utf8_lossy(series.reply(number)));
            let texts: Vec<String> = texts.map(std::borrow::Cow::into_owned).collect();
            let delivered = texts.iter().map(|text| serde_json::Value::from(text.as_str()).to_string());
            let coding = series.coding();
            let outgoing = (0..(*channels).max(1)).map(|number| {
                let name = hub::channel(channel, number);
                let commands = texts.iter().map(|text| hub::publishing(&name, text).into_bytes());
                Series::new(commands.collect(), Kind::Text, coding).map(Arc::new)
            });
            let outgoing = outgoing.collect::<Result<_, _>>()?;
            let delivered = delivered.map(String::into_bytes).collect();
            let messages: Vec<Vec<u8>> = texts.into_iter().map(String::into_bytes).collect();
            Ok((Arc::new(Series::with_replies(&messages, delivered, coding)?), outgoing))
        }
        Workload::Storm { .. } | Workload::Idle => {
            let series = Arc::new(Series::new(vec![Vec::new()], Kind::Text, Coding::Plain)?);
            Ok((series, Vec::new()))
        }
    }
}
