//! What the load generator does with the channels of a hub.

/// The load of a scenario with channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HubLoad {
    /// Publications are delivered to subscribers, which are divided among the channels.
    Deliver { namespace: Namespace, subscribers: u32, channels: u32 },
    /// As [`HubLoad::Deliver`], at full load, with the subscribers spread over nodes.
    Nodes { namespace: Namespace, nodes: u16 },
    /// Publications are due at a fixed rate. With several nodes, subscribers are at others than the publisher's.
    Latency { namespace: Namespace, nodes: u16 },
    /// Connections are subscribed, and idle.
    Idle { namespace: Namespace, connections: u32 },
    /// All clients connect again at once. Their past is `kept` or `lost`.
    Recover { past: &'static str, clients: u32 },
    /// A back end publishes in batches.
    Api { namespace: Namespace, batch: u32 },
}

/// The options of channels, in `bench/hub/longwire.toml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Namespace {
    Plain,
    /// With history.
    Kept,
    /// With presence.
    Present,
}

impl Namespace {
    fn name(self) -> &'static str {
        match self {
            Namespace::Plain => "plain",
            Namespace::Kept => "kept",
            Namespace::Present => "present",
        }
    }
}

impl HubLoad {
    /// The load generator's arguments, without those of time.
    pub(super) fn arguments(self, dialect: &str, by: &str) -> Vec<String> {
        let (namespace, own) = match self {
            HubLoad::Deliver { namespace, subscribers, channels } => {
                (namespace, format!("deliver --subscribers {subscribers} --channels {channels} --by {by}"))
            }
            HubLoad::Nodes { namespace, .. } => {
                (namespace, format!("deliver --subscribers 960 --channels 32 --by {by}"))
            }
            HubLoad::Latency { namespace, .. } => {
                (namespace, format!("latency --subscribers 50 --rate 200 --by {by}"))
            }
            HubLoad::Idle { namespace, connections } => {
                (namespace, format!("idle --connections {connections}"))
            }
            HubLoad::Recover { past, clients } => {
                (Namespace::Kept, format!("recover --past {past} --clients {clients}"))
            }
            HubLoad::Api { namespace, batch } => (namespace, format!("api --batch {batch}")),
        };
        let all = format!("hub --dialect {dialect} --namespace {} {own}", namespace.name());
        all.split(' ').map(str::to_owned).collect()
    }

    /// Whether it takes the arguments of time.
    pub(super) fn is_timed(self) -> bool {
        match self {
            HubLoad::Deliver { .. }
            | HubLoad::Nodes { .. }
            | HubLoad::Latency { .. }
            | HubLoad::Api { .. } => true,
            HubLoad::Idle { .. } | HubLoad::Recover { .. } => false,
        }
    }

    /// How many nodes the hub has.
    pub(super) fn nodes(self) -> u16 {
        match self {
            HubLoad::Nodes { nodes, .. } | HubLoad::Latency { nodes, .. } => nodes,
            HubLoad::Deliver { .. }
            | HubLoad::Idle { .. }
            | HubLoad::Recover { .. }
            | HubLoad::Api { .. } => 1,
        }
    }
}
