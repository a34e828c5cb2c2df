//! Publishes prices and scores for the page /demo/ticker, while somebody is subscribed.

use std::sync::Arc;
use std::time::Duration;

use longwire_hub::{Call, ChannelName, Data, PublishCall};
use serde::Serialize;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::Demos;
use super::league::League;
use super::market::Market;
use crate::serve::hub::Node;

/// How often each instrument has a new price: with 24 instruments, 480 updates a second.
const PRICES_EVERY: Duration = Duration::from_millis(50);

/// How long a minute of play takes.
const MINUTE: Duration = Duration::from_secs(1);

/// How often to look for subscribers while there are none.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The scores as they stand: each replaces the one before, so a slow reader gets the newest alone.
const SCORES: &str = "demo-ticker:scores";

/// The goals: none may be missed.
const GOALS: &str = "demo-scores:goals";

/// Publishes from now on, if the server has the demos.
pub(in crate::serve) fn start(demos: Demos, node: &Arc<Node>) {
    if demos == Demos::On {
        tokio::spawn(publish_prices(Arc::clone(node)));
        tokio::spawn(publish_scores(Arc::clone(node)));
    }
}

/// Never returns.
async fn publish_prices(node: Arc<Node>) {
    let mut market = Market::new(rand::random());
    let mut times = interval(PRICES_EVERY);
    times.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        times.tick().await;
        // A slow reader of prices is subscribed to the scores alone.
        let has_page = has_subscribers(&node, SCORES);
        let mut has_reader = has_page;
        let now = node.now().0;
        for (channel, quote) in
            market.updates(now).filter(|(channel, _)| has_page || has_subscribers(&node, channel))
        {
            has_reader = true;
            publish(&node, channel, &quote());
        }
        if !has_reader {
            sleep(LOOK_EVERY).await;
        }
    }
}

/// Never returns.
async fn publish_scores(node: Arc<Node>) {
    let mut league = League::new(rand::random());
    let mut next = Instant::now();
    loop {
        tokio::time::sleep_until(next).await;
        next = Instant::now() + MINUTE;
        if !has_subscribers(&node, SCORES) && !has_subscribers(&node, GOALS) {
            continue;
        }
        for goal in league.play() {
            publish(&node, GOALS, &goal);
        }
        publish(&node, SCORES, &league);
    }
}

fn has_subscribers(node: &Node, channel: &str) -> bool {
    channel.parse::<ChannelName>().is_ok_and(|channel| node.hub.subscribers_here(&channel) > 0)
}

fn publish(node: &Node, channel: &str, content: &impl Serialize) {
    // Writing to a string never fails, and all keys are strings.
    let text = serde_json::to_string(content).unwrap_or_default();
    let call = PublishCall::new(Data::Json(text.into()));
    match node.hub.publish(channel, call, node.now()) {
        Call::Ready(Err(error)) => tracing::debug!(%channel, ?error, "the demo cannot publish"),
        Call::Ready(Ok(_)) => {}
        Call::Later(published) => drop(tokio::spawn(published)),
    }
}
