//! The results of the API's methods.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use longwire_hub::{
    ApiError, ChannelFigures, ChannelName, ClientInfo, Data, HistoryPage, NodeInfo, Presence, PresenceStats,
    Publication, PublishOutcome, Surveyed,
};
use serde::Serialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

/// The result of methods that have none.
pub(super) const EMPTY: &str = "{}";

pub(super) fn error(error: ApiError) -> String {
    json!({ "code": error.code(), "message": error.message() }).to_string()
}

pub(super) fn published(outcome: &PublishOutcome) -> String {
    match &outcome.position {
        None => EMPTY.to_owned(),
        Some(position) => json!({ "offset": position.offset, "epoch": &*position.epoch }).to_string(),
    }
}

/// Each outcome has a result or an error.
pub(super) fn broadcast(outcomes: &[Result<PublishOutcome, ApiError>]) -> String {
    let responses: Vec<String> = outcomes
        .iter()
        .map(|outcome| match outcome {
            Ok(outcome) => format!("{{\"result\":{}}}", published(outcome)),
            Err(failed) => format!("{{\"error\":{}}}", error(*failed)),
        })
        .collect();
    format!("{{\"responses\":[{}]}}", responses.join(","))
}

#[derive(Serialize)]
struct ClientAnswer<'a> {
    user: &'a str,
    client: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    conn_info: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    chan_info: Option<Box<RawValue>>,
}

#[derive(Serialize)]
struct PublicationAnswer<'a> {
    offset: u64,
    data: Box<RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    info: Option<ClientAnswer<'a>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    tags: &'a BTreeMap<String, String>,
    /// When it was published, in milliseconds since the Unix epoch.
    time: u64,
}

#[derive(Serialize)]
struct HistoryAnswer<'a> {
    publications: Vec<PublicationAnswer<'a>>,
    epoch: &'a str,
    offset: u64,
}

#[derive(Serialize)]
struct PresenceAnswer<'a> {
    presence: BTreeMap<&'a str, ClientAnswer<'a>>,
}

pub(super) fn presence(presence: &Presence) -> Result<String, serde_json::Error> {
    let clients = presence.clients.iter().map(|(id, info)| (&**id, client(info))).collect();
    serde_json::to_string(&PresenceAnswer { presence: clients })
}

pub(super) fn presence_stats(stats: PresenceStats) -> String {
    json!({ "num_clients": stats.clients, "num_users": stats.users }).to_string()
}

pub(super) fn history(page: &HistoryPage) -> Result<String, serde_json::Error> {
    let publications = page.publications.iter().map(|found| publication(found)).collect::<Result<_, _>>()?;
    let (epoch, offset) = (&*page.position.epoch, page.position.offset);
    serde_json::to_string(&HistoryAnswer { publications, epoch, offset })
}

/// Nodes that did not answer are named, since their channels may be missing.
pub(super) fn channels(surveyed: &Surveyed<BTreeMap<ChannelName, ChannelFigures>>) -> String {
    let channels: serde_json::Map<String, Value> = surveyed
        .found
        .iter()
        .map(|(name, figures)| (name.to_string(), json!({ "num_clients": figures.clients })))
        .collect();
    if surveyed.unanswered.is_empty() {
        return json!({ "channels": channels }).to_string();
    }
    let unanswered: Vec<&str> = surveyed.unanswered.iter().map(|node| &**node).collect();
    json!({ "channels": channels, "unanswered": unanswered }).to_string()
}

pub(super) fn info(nodes: &[NodeInfo]) -> String {
    let node = |info: &NodeInfo| {
        json!({
            "uid": &*info.node,
            "name": info.name,
            "version": info.version,
            "num_clients": info.clients,
            "num_users": info.users,
            "num_subs": info.subscriptions,
            "num_channels": info.channels,
            "uptime": info.uptime.as_secs(),
        })
    };
    json!({ "nodes": nodes.iter().map(node).collect::<Vec<Value>>() }).to_string()
}

fn publication(publication: &Publication) -> Result<PublicationAnswer<'_>, serde_json::Error> {
    Ok(PublicationAnswer {
        offset: publication.offset,
        data: content(&publication.data)?,
        info: publication.info.as_ref().map(client),
        tags: &publication.tags,
        time: publication.time.0,
    })
}

fn client(info: &ClientInfo) -> ClientAnswer<'_> {
    // What is not JSON is left out; the hub keeps only JSON here.
    let json = |text: &Option<bytestring::ByteString>| {
        text.as_ref().and_then(|text| RawValue::from_string(text.to_string()).ok())
    };
    ClientAnswer {
        user: &info.user,
        client: &info.client,
        conn_info: json(&info.conn_info),
        chan_info: json(&info.chan_info),
    }
}

/// JSON as it is, text as a string, and bytes in Base64, as clients of the JSON protocol see them.
fn content(data: &Data) -> Result<Box<RawValue>, serde_json::Error> {
    match data {
        Data::Json(text) => RawValue::from_string(text.to_string()),
        Data::Text(text) => serde_json::value::to_raw_value(&**text),
        Data::Binary(bytes) => serde_json::value::to_raw_value(&STANDARD.encode(bytes)),
    }
}
