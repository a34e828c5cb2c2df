//! The commands that read: `presence`, `presence_stats` and `history`.

use std::sync::Arc;

use super::state::{Outcome, Turn};
use crate::access::{Access, Permission};
use crate::broker::HistoryQuery;
use crate::centrifuge::{
    CommandResult, ErrorCode, Form, HistoryRequest, HistoryResult, PresenceResult, PresenceStatsResult,
    WireClient, WirePublication,
};
use crate::channel::ChannelName;
use crate::namespace::NamespaceOptions;
use crate::publication::StreamPosition;

impl Turn<'_> {
    pub(super) fn presence(&mut self, id: u32, channel: &str) -> Outcome {
        let channel = match self.readable(channel, |options| (options.presence, options.read_presence)) {
            Ok((channel, _)) => channel,
            Err(step) => return step.answer(self, id),
        };
        let presence = self.hub().whole_presence(&channel, self.now);
        self.then(presence, move |turn, presence| match presence {
            Ok(presence) => {
                let clients = presence.clients.iter();
                let presence = clients.map(|(id, info)| (id.to_string(), WireClient::from(info))).collect();
                turn.reply(id, CommandResult::Presence(PresenceResult { presence }))
            }
            Err(error) => turn.fail(id, error.into()),
        })
    }

    pub(super) fn presence_stats(&mut self, id: u32, channel: &str) -> Outcome {
        let channel = match self.readable(channel, |options| (options.presence, options.read_presence)) {
            Ok((channel, _)) => channel,
            Err(step) => return step.answer(self, id),
        };
        let stats = self.hub().broker().presence_stats(&channel, self.now);
        self.then(stats, move |turn, stats| match stats {
            Ok(stats) => {
                let number = |count| u32::try_from(count).unwrap_or(u32::MAX);
                let (num_clients, num_users) = (number(stats.clients), number(stats.users));
                turn.reply(id, CommandResult::PresenceStats(PresenceStatsResult { num_clients, num_users }))
            }
            Err(error) => turn.fail(id, error.into()),
        })
    }

    pub(super) fn history(&mut self, id: u32, request: &HistoryRequest) -> Outcome {
        let found =
            self.readable(&request.channel, |options| (options.history.is_kept(), options.read_history));
        let (channel, options) = match found {
            Ok(found) => found,
            Err(step) => return step.answer(self, id),
        };
        let limit = options.max_page.min(self.config.limits.history_page);
        let since = request.since.as_ref();
        let query = HistoryQuery {
            // A negative number asks for as many as there may be.
            limit: usize::try_from(request.limit).unwrap_or(limit).min(limit),
            since: since
                .map(|since| StreamPosition { offset: since.offset, epoch: since.epoch.as_str().into() }),
            reverse: request.reverse,
        };
        let page = self.hub().broker().history(&channel, query, &options.history, self.now);
        self.then(page, move |turn, page| match page {
            Ok(page) => {
                let encoding = turn.session.transport.encoding;
                let page = page.within(turn.config.limits.page_bytes);
                let wire = page.publications.iter();
                let wire = wire.map(|publication| WirePublication::new(encoding, publication, Form::Plain));
                let result = HistoryResult {
                    publications: wire.collect(),
                    epoch: page.position.epoch.to_string(),
                    offset: page.position.offset,
                };
                turn.reply(id, CommandResult::History(result))
            }
            Err(error) => turn.fail(id, error.into()),
        })
    }

    /// A channel that the client may read from; `feature` says whether it is offered, and to whom.
    fn readable(
        &self,
        channel: &str,
        feature: impl FnOnce(&NamespaceOptions) -> (bool, Access),
    ) -> Result<(ChannelName, Arc<NamespaceOptions>), Unreadable> {
        if channel.is_empty() {
            return Err(Unreadable::NoChannel);
        }
        let (channel, options) = self.channel(channel).map_err(Unreadable::Error)?;
        let (is_offered, access) = feature(&options);
        if !is_offered {
            return Err(Unreadable::Error(ErrorCode::NotAvailable));
        }
        match self.permission(&channel, access) {
            Permission::Allowed => Ok((channel, options)),
            // There is no hook for reading.
            Permission::Denied | Permission::AskHook => Err(Unreadable::Error(ErrorCode::PermissionDenied)),
        }
    }
}

/// Why a client cannot read.
enum Unreadable {
    NoChannel,
    Error(ErrorCode),
}

impl Unreadable {
    fn answer(self, turn: &mut Turn<'_>, id: u32) -> Outcome {
        match self {
            Unreadable::NoChannel => turn.bad_request("a command without a channel"),
            Unreadable::Error(code) => turn.fail(id, code),
        }
    }
}
