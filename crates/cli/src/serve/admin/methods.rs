//! The methods of the admin page.

use std::cmp::Reverse;
use std::time::Duration;

use longwire_hub::centrifuge::ErrorCode;
use longwire_hub::{
    ApiError, DescriptionSink, HistoryQuery, LiveSession, SessionDescription, StreamPosition,
};
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::answer::{
    ChannelAnswer, ListAnswer, MembersAnswer, NodeAnswer, OverviewAnswer, PublicationsAnswer, SessionAnswer,
    SessionsAnswer, StatsAnswer,
};
use super::page::Admin;
use super::request::{ChannelQuery, ClientQuery, ListParams, MembersParams, PublicationsParams, UserParams};
use crate::serve::hub::Refused;

/// How long sessions may take to describe themselves.
const DESCRIPTION_TIME: Duration = Duration::from_secs(1);

/// The most clients of a channel among which users are listed.
const MAX_PRESENT: usize = 10_000;

/// The most connections of a user that are shown.
const MAX_SESSIONS: usize = 100;

/// The methods of the API for back ends that the page uses, too.
pub(super) const METHODS_OF_THE_API: [&str; 4] = ["publish", "history_remove", "disconnect", "block"];

/// Calls a method. The answer is its result, as JSON.
pub(super) async fn call(admin: &Admin, method: &str, params: &[u8]) -> Result<String, Refused> {
    match method {
        "overview" => written(&overview(admin)),
        "channels" => {
            let params: ListParams = read(params)?;
            let found = admin.node.hub.largest_channels(&params.pattern(), params.limit()).answer().await?;
            written(&ListAnswer::from(found))
        }
        "channel" => written(&channel(admin, &read::<ChannelQuery>(params)?.channel).await?),
        "members" => {
            let params: MembersParams = read(params)?;
            let presence =
                admin.node.hub.some_present(&params.channel, MAX_PRESENT, admin.node.now()).answer().await?;
            written(&MembersAnswer::page(&presence, params.skip, params.limit()))
        }
        "publications" => written(&publications(admin, &read(params)?).await?),
        "users" => {
            let params: ListParams = read(params)?;
            let found = admin.node.hub.largest_users(&params.pattern(), params.limit()).answer().await?;
            written(&ListAnswer::from(found))
        }
        "user" => written(&user(admin, &read::<UserParams>(params)?.user).await?),
        "client" => written(&client(admin, &read::<ClientQuery>(params)?.client).await?),
        _ => Err(Refused::NoMethod),
    }
}

fn overview(admin: &Admin) -> OverviewAnswer {
    let hub = &admin.node.hub;
    OverviewAnswer {
        insecure: hub.config().insecure,
        open: admin.access.is_open(),
        nodes: hub.nodes().into_iter().map(NodeAnswer::from).collect(),
    }
}

async fn channel(admin: &Admin, name: &str) -> Result<ChannelAnswer, ApiError> {
    let (hub, now) = (&admin.node.hub, admin.node.now());
    let clients = hub.subscribers(&name.parse()?).answer().await?.found;
    let presence = available(hub.presence_stats(name, now).answer().await)?;
    let only_position = HistoryQuery { limit: 0, since: None, reverse: false };
    let history = available(hub.history(name, only_position, now).answer().await)?;
    Ok(ChannelAnswer {
        clients,
        presence: presence.map(|stats| StatsAnswer { clients: stats.clients, users: stats.users }),
        position: history.map(|page| page.position.into()),
    })
}

/// `None` for what the namespace does not keep.
fn available<T>(answer: Result<T, ApiError>) -> Result<Option<T>, ApiError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error == ErrorCode::NotAvailable.into() => Ok(None),
        Err(error) => Err(error),
    }
}

async fn publications(admin: &Admin, params: &PublicationsParams) -> Result<PublicationsAnswer, ApiError> {
    // An empty epoch stands for any.
    let before = |offset| StreamPosition { offset, epoch: "".into() };
    let since = (params.before > 0).then(|| before(params.before));
    let query = HistoryQuery { limit: params.limit(), since, reverse: true };
    let page = admin.node.hub.history(&params.channel, query, admin.node.now()).answer().await?;
    let publications = page.publications.iter().map(|publication| (&**publication).into()).collect();
    Ok(PublicationsAnswer { publications, position: page.position.into() })
}

async fn user(admin: &Admin, user: &str) -> Result<SessionsAnswer, ApiError> {
    let hub = &admin.node.hub;
    let mut here = hub.user_sessions(user);
    // The newest first.
    here.sort_by_key(|live| Reverse(live.since));
    let total = here.len();
    here.truncate(MAX_SESSIONS);
    let elsewhere = hub.user_sessions_elsewhere(user, MAX_SESSIONS).answer();
    let (here, elsewhere) = tokio::join!(described(admin, &here), elsewhere);
    let elsewhere = elsewhere?;
    let total = total.saturating_add(elsewhere.found.total);
    let mut sessions = here;
    sessions.extend(elsewhere.found.sessions.into_iter().map(SessionAnswer::from));
    sessions.sort_by_key(|session| Reverse(session.since()));
    sessions.truncate(MAX_SESSIONS);
    let blocked_until = hub.blocked_until(user, admin.node.now()).map(|until| until.0);
    Ok(SessionsAnswer { sessions, total, blocked_until, unanswered: elsewhere.unanswered.len() })
}

async fn client(admin: &Admin, client: &str) -> Result<SessionsAnswer, ApiError> {
    let hub = &admin.node.hub;
    let (sessions, unanswered) = match hub.live_session(client) {
        Some(live) => (described(admin, &[live]).await, 0),
        None => {
            let elsewhere = hub.session_elsewhere(client).answer().await?;
            let found = elsewhere.found.map(SessionAnswer::from);
            (found.into_iter().collect(), elsewhere.unanswered.len())
        }
    };
    Ok(SessionsAnswer { total: sessions.len(), sessions, blocked_until: None, unanswered })
}

/// The sessions with what they say of themselves. All are asked at once.
async fn described(admin: &Admin, sessions: &[LiveSession]) -> Vec<SessionAnswer> {
    let (sender, mut receiver) = mpsc::channel(sessions.len().max(1));
    for (index, live) in sessions.iter().enumerate() {
        let sender = sender.clone();
        let sink = DescriptionSink::new(move |description| {
            // There is room for each, unless nobody waits any more.
            let _sent = sender.try_send((index, description));
        });
        admin.node.hub.describe(&live.client, sink);
    }
    drop(sender);
    let mut descriptions: Vec<Option<SessionDescription>> = sessions.iter().map(|_| None).collect();
    let collected = timeout(DESCRIPTION_TIME, async {
        while let Some((index, description)) = receiver.recv().await {
            if let Some(place) = descriptions.get_mut(index) {
                *place = Some(description);
            }
        }
    });
    // Those that did not answer in time are shown without.
    let _in_time = collected.await;
    sessions
        .iter()
        .zip(descriptions)
        .map(|(live, found)| SessionAnswer::new(&admin.node.hub, live, found))
        .collect()
}

fn read<'a, T: Deserialize<'a>>(params: &'a [u8]) -> Result<T, Refused> {
    serde_json::from_slice(params).map_err(Refused::Malformed)
}

fn written(answer: &impl Serialize) -> Result<String, Refused> {
    serde_json::to_string(answer).map_err(|_| ErrorCode::Internal.into())
}
