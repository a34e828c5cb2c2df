//! A simulated client, which checks what it receives.

use longwire_hub::centrifuge::fossil;
use serde_json::Value;

use super::model::Published;

/// A client that reconnects, recovers and applies deltas as the official ones do.
pub(super) struct Reader {
    pub(super) connection: Option<usize>,
    subscriptions: Vec<Subscription>,
    delta: bool,
    /// Whether it asks for numbers instead of names.
    numbers: bool,
}

#[derive(Default)]
struct Subscription {
    phase: Phase,
    /// The last position that the client knows.
    position: Option<(String, u64)>,
    /// Stands for the channel in pushes.
    number: Option<u64>,
    /// The content that the next delta applies to.
    base: Option<String>,
}

#[derive(Default, PartialEq, Clone, Copy)]
enum Phase {
    #[default]
    Off,
    /// The reply is on its way.
    Asked,
    On,
    /// The reply to unsubscribing is on its way.
    Leaving,
}

impl Reader {
    pub(super) fn new(channels: usize, delta: bool, numbers: bool) -> Reader {
        let subscriptions = (0..channels).map(|_| Subscription::default()).collect();
        Reader { connection: None, subscriptions, delta, numbers }
    }

    pub(super) fn is_subscribed(&self, channel: usize) -> bool {
        self.connection.is_some() && self.subscriptions[channel].phase == Phase::On
    }

    pub(super) fn position(&self, channel: usize) -> Option<&(String, u64)> {
        self.subscriptions[channel].position.as_ref()
    }

    /// The frame with which the client connects: it asks for the subscriptions that it had.
    pub(super) fn connecting(&mut self, connection: usize, channels: &[&str]) -> String {
        self.connection = Some(connection);
        let mut lines = vec![r#"{"id":1,"connect":{}}"#.to_owned()];
        for (channel, name) in channels.iter().enumerate() {
            let phase = std::mem::take(&mut self.subscriptions[channel].phase);
            if matches!(phase, Phase::Asked | Phase::On) {
                lines.extend(self.subscribing(channel, name));
            }
        }
        lines.join("\n")
    }

    /// The command with which the client subscribes, unless it has done.
    pub(super) fn subscribing(&mut self, channel: usize, name: &str) -> Option<String> {
        let subscription = &mut self.subscriptions[channel];
        if subscription.phase != Phase::Off {
            return None;
        }
        subscription.phase = Phase::Asked;
        (subscription.base, subscription.number) = (None, None);
        let flag = u8::from(self.numbers);
        let delta = if self.delta { r#","delta":"fossil""# } else { "" };
        let since = match &subscription.position {
            Some((epoch, offset)) => format!(r#","recover":true,"offset":{offset},"epoch":"{epoch}""#),
            None => String::new(),
        };
        let id = 100 + channel;
        Some(format!(
            r#"{{"id":{id},"subscribe":{{"channel":"{name}","recoverable":true,"flag":{flag}{delta}{since}}}}}"#
        ))
    }

    pub(super) fn unsubscribe(&mut self, channel: usize) -> bool {
        let phase = &mut self.subscriptions[channel].phase;
        let was_on = *phase == Phase::On;
        if was_on {
            *phase = Phase::Leaving;
        }
        was_on
    }

    /// The connection is gone. What it was subscribed to, it asks for again when it returns.
    pub(super) fn cut(&mut self) {
        self.connection = None;
    }

    /// Reads one message.
    pub(super) fn read(&mut self, line: &str, channels: &[&str], published: &[Published]) {
        let message: Value = serde_json::from_str(line).unwrap();
        assert!(message["error"].is_null(), "{line}");
        match message["id"].as_u64().and_then(|id| usize::try_from(id).ok()) {
            Some(id @ 100..200) => self.subscribed(id - 100, &message["subscribe"], &published[id - 100]),
            Some(id @ 200..) => self.subscriptions[id - 200].phase = Phase::Off,
            _ => {}
        }
        let push = &message["push"];
        let by_number = push["id"].as_u64();
        let channel = match by_number {
            Some(_) => self.subscriptions.iter().position(|subscription| subscription.number == by_number),
            None => channels.iter().position(|name| push["channel"] == **name),
        };
        let Some(channel) = channel else {
            assert_eq!(by_number, None, "a number that nobody has: {line}");
            return;
        };
        if push["pub"].is_object() && self.subscriptions[channel].phase != Phase::Leaving {
            self.publication(channel, &push["pub"], &published[channel]);
        }
        if push["unsubscribe"].is_object() && self.subscriptions[channel].phase == Phase::On {
            self.subscriptions[channel].phase = Phase::Off;
        }
    }

    fn subscribed(&mut self, channel: usize, result: &Value, published: &Published) {
        let subscription = &mut self.subscriptions[channel];
        assert!(subscription.phase == Phase::Asked, "a reply that was not asked for");
        subscription.phase = Phase::On;
        subscription.number = result["id"].as_u64();
        assert_eq!(subscription.number.is_some(), self.numbers);
        assert_eq!(result["recoverable"], true);
        let epoch = result["epoch"].as_str().unwrap().to_owned();
        let offset = result["offset"].as_u64().unwrap_or(0);
        let recovered = result["recovered"] == true;
        assert_eq!(result["was_recovering"] == true, subscription.position.is_some());
        if recovered {
            assert_eq!(
                subscription.position,
                Some((epoch, offset)),
                "recovery goes on at the client's position"
            );
        } else {
            assert!(result["publications"].is_null());
            subscription.position = Some((epoch, offset));
        }
        for publication in result["publications"].as_array().into_iter().flatten() {
            self.publication(channel, publication, published);
        }
    }

    /// Each publication is the next one, and what was published.
    fn publication(&mut self, channel: usize, publication: &Value, published: &Published) {
        let subscription = &mut self.subscriptions[channel];
        assert!(subscription.phase == Phase::On, "a publication to who is not subscribed");
        let (epoch, last) = subscription.position.clone().unwrap();
        let offset = publication["offset"].as_u64().unwrap();
        assert_eq!(offset, last + 1, "the next one in channel {channel}");
        let data = &publication["data"];
        let text = match (self.delta, publication["delta"] == true) {
            (false, _) => data.to_string(),
            (true, false) => data.as_str().unwrap().to_owned(),
            (true, true) => {
                let base = subscription.base.as_ref().expect("a base for the delta");
                let delta = data.as_str().unwrap();
                String::from_utf8(fossil::apply(base.as_bytes(), delta.as_bytes(), 10_000).unwrap()).unwrap()
            }
        };
        let expected = published.get(&(epoch.clone(), offset)).expect("it was published");
        let expected_value: Value = serde_json::from_str(expected).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), expected_value);
        subscription.base = Some(text);
        subscription.position = Some((epoch, offset));
    }
}
