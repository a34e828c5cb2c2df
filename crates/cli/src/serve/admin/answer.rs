//! The results of the admin page's methods.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use longwire_hub::{
    ClientInfo, Data, Hub, Largest, LiveSession, NodeInfo, NodeSession, Presence, Publication,
    SessionDescription, StreamPosition, Surveyed,
};
use serde::Serialize;

/// The longest content of a publication that is shown whole, in bytes.
const SHOWN: usize = 4 << 10;

#[derive(Serialize)]
pub(super) struct OverviewAnswer {
    /// Whether clients may do everything without a token.
    pub(super) insecure: bool,
    /// Whether the page needs no password.
    pub(super) open: bool,
    pub(super) nodes: Vec<NodeAnswer>,
}

#[derive(Serialize)]
pub(super) struct NodeAnswer {
    id: String,
    name: String,
    version: String,
    /// In seconds.
    uptime: u64,
    clients: usize,
    users: usize,
    subscriptions: u64,
    channels: usize,
    broker: BrokerAnswer,
}

/// How a node sees the broker.
#[derive(Serialize)]
struct BrokerAnswer {
    reachable: bool,
    /// Whether the node goes on alone.
    alone: bool,
    /// Milliseconds of a call; `None` in memory, and before the first call.
    latency: Option<f64>,
    /// How often subscribers of a channel have learned that publications are missing.
    lost: u64,
}

impl From<NodeInfo> for NodeAnswer {
    fn from(info: NodeInfo) -> NodeAnswer {
        let broker = BrokerAnswer {
            reachable: info.broker_reachable,
            alone: info.broker_alone,
            latency: info.broker_latency.map(|time| time.as_secs_f64() * 1_000.0),
            lost: info.gaps_lost,
        };
        NodeAnswer {
            id: info.node.into(),
            name: info.name,
            version: info.version,
            uptime: info.uptime.as_secs(),
            clients: info.clients,
            users: info.users,
            subscriptions: info.subscriptions,
            channels: info.channels,
            broker,
        }
    }
}

/// Names with the number of their clients.
#[derive(Serialize)]
pub(super) struct ListAnswer {
    found: Vec<SizeAnswer>,
    total: usize,
    /// How many nodes did not answer.
    unanswered: usize,
}

#[derive(Serialize)]
struct SizeAnswer {
    name: String,
    clients: usize,
}

impl<T: ToString> From<Surveyed<Largest<T>>> for ListAnswer {
    fn from(surveyed: Surveyed<Largest<T>>) -> ListAnswer {
        let Surveyed { found: largest, unanswered } = surveyed;
        let found = largest.found.into_iter();
        let found = found.map(|(name, clients)| SizeAnswer { name: name.to_string(), clients }).collect();
        ListAnswer { found, total: largest.total, unanswered: unanswered.len() }
    }
}

#[derive(Serialize)]
pub(super) struct ChannelAnswer {
    /// Subscribers.
    pub(super) clients: usize,
    /// How many are present; `None` without presence.
    pub(super) presence: Option<StatsAnswer>,
    /// The position of the stream; `None` without history.
    pub(super) position: Option<PositionAnswer>,
}

#[derive(Serialize)]
pub(super) struct StatsAnswer {
    pub(super) clients: u64,
    pub(super) users: u64,
}

#[derive(Serialize)]
pub(super) struct PositionAnswer {
    offset: u64,
    epoch: String,
}

impl From<StreamPosition> for PositionAnswer {
    fn from(position: StreamPosition) -> PositionAnswer {
        PositionAnswer { offset: position.offset, epoch: position.epoch.to_string() }
    }
}

/// A page of the users in a channel, by name.
#[derive(Serialize)]
pub(super) struct MembersAnswer {
    members: Vec<MemberAnswer>,
    /// How many users there are.
    total: usize,
}

#[derive(Serialize)]
struct MemberAnswer {
    user: String,
    clients: Vec<MemberClientAnswer>,
}

#[derive(Serialize)]
struct MemberClientAnswer {
    client: String,
    /// What other members see of it, as JSON.
    info: Option<String>,
}

impl MembersAnswer {
    pub(super) fn page(presence: &Presence, skip: usize, limit: usize) -> MembersAnswer {
        let mut users: BTreeMap<&str, Vec<&ClientInfo>> = BTreeMap::new();
        for info in presence.clients.values() {
            users.entry(&info.user).or_default().push(info);
        }
        let client = |info: &ClientInfo| MemberClientAnswer {
            client: info.client.to_string(),
            info: info.chan_info.as_ref().or(info.conn_info.as_ref()).map(|info| shown(info)),
        };
        let members = users.iter().skip(skip).take(limit).map(|(user, clients)| MemberAnswer {
            user: (*user).to_owned(),
            clients: clients.iter().copied().map(client).collect(),
        });
        MembersAnswer { members: members.collect(), total: users.len() }
    }
}

/// A page of history, from new to old.
#[derive(Serialize)]
pub(super) struct PublicationsAnswer {
    pub(super) publications: Vec<KeptPublication>,
    pub(super) position: PositionAnswer,
}

#[derive(Serialize)]
pub(super) struct KeptPublication {
    offset: u64,
    /// Unix time in milliseconds.
    time: u64,
    /// Who published it, if a client did.
    user: Option<String>,
    client: Option<String>,
    format: &'static str,
    /// The content, or its beginning; bytes in Base64.
    data: String,
    /// The length of the whole content, in bytes.
    length: usize,
    tags: BTreeMap<String, String>,
}

impl From<&Publication> for KeptPublication {
    fn from(publication: &Publication) -> KeptPublication {
        let (format, data) = match &publication.data {
            Data::Json(text) => ("json", shown(text)),
            Data::Text(text) => ("text", shown(text)),
            Data::Binary(bytes) => ("binary", STANDARD.encode(bytes.get(..SHOWN).unwrap_or(bytes))),
        };
        let by = publication.info.as_ref();
        KeptPublication {
            offset: publication.offset,
            time: publication.time.0,
            user: by.map(|info| info.user.to_string()),
            client: by.map(|info| info.client.to_string()),
            format,
            data,
            length: publication.data.len(),
            tags: publication.tags.clone(),
        }
    }
}

/// The connections of a user, or one.
#[derive(Serialize)]
pub(super) struct SessionsAnswer {
    pub(super) sessions: Vec<SessionAnswer>,
    /// How many there are.
    pub(super) total: usize,
    /// Unix time in milliseconds.
    pub(super) blocked_until: Option<u64>,
    /// How many nodes did not answer.
    pub(super) unanswered: usize,
}

#[derive(Serialize)]
pub(super) struct SessionAnswer {
    client: String,
    user: String,
    /// The id of the node that it is on.
    node: String,
    /// `None` if the session did not answer in time.
    transport: Option<String>,
    /// Unix time in milliseconds.
    since: u64,
    peer: Option<String>,
    channels: Option<Vec<String>>,
}

impl SessionAnswer {
    pub(super) fn new(
        hub: &Hub,
        live: &LiveSession,
        description: Option<SessionDescription>,
    ) -> SessionAnswer {
        let channels =
            description.as_ref().map(|found| found.channels.iter().map(ToString::to_string).collect());
        SessionAnswer {
            client: live.client.to_string(),
            user: live.user.to_string(),
            node: hub.node().to_string(),
            transport: description.as_ref().map(|found| found.transport.name().to_owned()),
            since: live.since.0,
            peer: description.and_then(|found| found.peer),
            channels,
        }
    }

    pub(super) fn since(&self) -> u64 {
        self.since
    }
}

impl From<NodeSession> for SessionAnswer {
    fn from(found: NodeSession) -> SessionAnswer {
        let (transport, peer, channels) = match found.description {
            Some(described) => (Some(described.transport), described.peer, Some(described.channels)),
            None => (None, None, None),
        };
        SessionAnswer {
            client: found.session.client.into(),
            user: found.session.user.into(),
            node: found.node.into(),
            transport,
            since: found.session.since.0,
            peer,
            channels,
        }
    }
}

/// A text, or its beginning.
fn shown(text: &str) -> String {
    let mut end = SHOWN.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or(text).to_owned()
}
