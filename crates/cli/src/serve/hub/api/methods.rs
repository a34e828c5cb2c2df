//! The methods of the API.

use std::collections::BTreeMap;

use longwire_hub::centrifuge::ErrorCode;
use longwire_hub::{ApiError, ClientFilter, HistoryQuery, ServerSubscription};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::answer;
use super::request::{
    BlockParams, ChannelParams, ChannelsParams, ClientParams, DisconnectParams, HistoryParams, PublishParams,
    RefreshParams, SubscribeParams,
};
use crate::serve::hub::json::time;
use crate::serve::hub::node::Node;

/// The most channels that `channels` returns. More are an error.
const MAX_CHANNELS: usize = 10_000;

/// After so many commands of a batch, other tasks get their turn.
const COMMANDS_IN_A_ROW: usize = 64;

/// A call fails.
#[derive(Debug)]
pub(crate) enum Refused {
    /// The method answers with an error.
    Error(ApiError),
    /// The parameters are of another type than the method's.
    Malformed(serde_json::Error),
    NoMethod,
}

impl From<ApiError> for Refused {
    fn from(error: ApiError) -> Refused {
        Refused::Error(error)
    }
}

impl From<ErrorCode> for Refused {
    fn from(error: ErrorCode) -> Refused {
        Refused::Error(error.into())
    }
}

/// Calls a method. The answer is its result, as JSON.
pub(super) async fn call(node: &Node, method: &str, params: &RawValue) -> Result<String, Refused> {
    let (hub, now) = (&node.hub, node.now());
    let done = || answer::EMPTY.to_owned();
    match method {
        "publish" => {
            let mut params: PublishParams<'_> = read(params)?;
            let channel = std::mem::take(&mut params.channel);
            let outcome = hub.publish(&channel, params.publication()?, now).answer().await?;
            Ok(answer::published(&outcome))
        }
        "broadcast" => {
            let mut params: PublishParams<'_> = read(params)?;
            let channels = std::mem::take(&mut params.channels);
            if channels.is_empty() {
                return Err(ErrorCode::BadRequest.into());
            }
            let outcomes = hub.broadcast(&channels, &params.publication()?, now).answer().await;
            Ok(answer::broadcast(&outcomes))
        }
        "subscribe" => {
            let filter = filter(params)?;
            let params: SubscribeParams<'_> = read(params)?;
            let mut subscription = ServerSubscription::new(params.channel.parse().map_err(ApiError::from)?);
            subscription.grant.info = params.info()?;
            subscription.grant.data = params.data()?;
            subscription.grant.overrides = params.overrides();
            subscription.expires_at = time(params.expire_at);
            subscription.since = params.recover_since.map(Into::into);
            hub.subscribe(&filter, &subscription).answer().await?;
            Ok(done())
        }
        "unsubscribe" => {
            let ChannelParams { channel } = read(params)?;
            let channel = (!channel.is_empty()).then_some(&*channel);
            hub.unsubscribe(&filter(params)?, channel).answer().await?;
            Ok(done())
        }
        "disconnect" => {
            let why = read::<DisconnectParams>(params)?.why()?;
            hub.disconnect(&filter(params)?, why).answer().await?;
            Ok(done())
        }
        "refresh" => {
            let filter = filter(params)?;
            let params: RefreshParams<'_> = read(params)?;
            let (expires_at, info) = (time(params.expire_at), params.info());
            hub.refresh(&filter, params.expired, expires_at, info).answer().await?;
            Ok(done())
        }
        "block" => {
            let BlockParams { user, until } = read(params)?;
            hub.block(&user, time(until)).answer().await?;
            Ok(done())
        }
        "presence" => {
            let ChannelParams { channel } = read(params)?;
            written(answer::presence(&hub.presence(&channel, now).answer().await?))
        }
        "presence_stats" => {
            let ChannelParams { channel } = read(params)?;
            Ok(answer::presence_stats(hub.presence_stats(&channel, now).answer().await?))
        }
        "history" => {
            let HistoryParams { channel, limit, since, reverse } = read(params)?;
            // As in Centrifugo, a negative limit stands for as many as are allowed.
            let limit = usize::try_from(limit).unwrap_or(usize::MAX);
            let query = HistoryQuery { limit, since: since.map(Into::into), reverse };
            written(answer::history(&hub.history(&channel, query, now).answer().await?))
        }
        "history_remove" => {
            let ChannelParams { channel } = read(params)?;
            hub.history_remove(&channel, now).answer().await?;
            Ok(done())
        }
        "channels" => {
            let ChannelsParams { pattern } = read(params)?;
            let surveyed = hub.channels(&pattern, MAX_CHANNELS.saturating_add(1)).answer().await?;
            // A part of them would look like all.
            let is_whole = surveyed.found.len() <= MAX_CHANNELS;
            if is_whole { Ok(answer::channels(&surveyed)) } else { Err(ErrorCode::LimitExceeded.into()) }
        }
        "info" => Ok(answer::info(&hub.nodes())),
        // No method is registered.
        "rpc" => Err(ErrorCode::MethodNotFound.into()),
        _ => Err(Refused::NoMethod),
    }
}

/// The parameters of `batch`.
#[derive(Deserialize)]
struct BatchParams<'a> {
    /// Each has one entry: the method's name and its parameters. They run in this order; `parallel` changes nothing.
    #[serde(borrow, default)]
    commands: Vec<BTreeMap<String, &'a RawValue>>,
}

/// Calls several methods, one after the other.
pub(super) async fn batch(node: &Node, params: &RawValue) -> Result<String, serde_json::Error> {
    let BatchParams { commands } = serde_json::from_str(params.get())?;
    let mut replies = String::from("{\"replies\":[");
    for (index, command) in commands.iter().enumerate() {
        if index > 0 {
            replies.push(',');
        }
        if index % COMMANDS_IN_A_ROW == COMMANDS_IN_A_ROW - 1 {
            tokio::task::yield_now().await;
        }
        let called = match command.first_key_value() {
            Some((method, params)) if command.len() == 1 => {
                call(node, method, params).await.map(|result| format!("{{\"{method}\":{result}}}"))
            }
            _ => Err(ErrorCode::BadRequest.into()),
        };
        replies.push_str(&called.unwrap_or_else(|refused| {
            let error = match refused {
                Refused::Error(error) => error,
                Refused::Malformed(_) => ErrorCode::BadRequest.into(),
                Refused::NoMethod => ErrorCode::MethodNotFound.into(),
            };
            format!("{{\"error\":{}}}", answer::error(error))
        }));
    }
    replies.push_str("]}");
    Ok(replies)
}

fn read<'a, T: Deserialize<'a>>(params: &'a RawValue) -> Result<T, Refused> {
    serde_json::from_str(params.get()).map_err(Refused::Malformed)
}

fn filter(params: &RawValue) -> Result<ClientFilter, Refused> {
    read::<ClientParams>(params).map(ClientFilter::from)
}

/// An answer that cannot be written is an error of the server.
fn written(text: Result<String, serde_json::Error>) -> Result<String, Refused> {
    text.map_err(|_| ErrorCode::Internal.into())
}
