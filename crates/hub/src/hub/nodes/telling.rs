//! What a back end wants of clients, on whichever node they are.

use bytes::Bytes;
use bytestring::ByteString;

use crate::call::Call;
use crate::centrifuge::{Disconnect, EmulationRequest, ErrorCode};
use crate::control::ControlMessage;
use crate::frame::Frame;
use crate::hub::api_error::ApiError;
use crate::hub::filter::ClientFilter;
use crate::hub::node::Hub;
use crate::hub::peers::control::WrittenControl;
use crate::hub::peers::message::{EmulatedFrame, NewConnection, NodeEvent, NodeMessage, WrittenBlock};
use crate::hub::registry::LiveClient;
use crate::time::Millis;
use crate::uuid::Uuid;

impl Hub {
    /// Sends a message to other nodes, if there may be any.
    pub(super) fn tell(&self, message: &NodeMessage) -> Call<Result<(), ApiError>> {
        if !self.broker().is_shared() {
            return Call::Ready(Ok(()));
        }
        match message.encode_within_limit() {
            Ok(bytes) => self.broker().tell_nodes(bytes).map(|told| told.map_err(ApiError::from)),
            Err(_) => Call::Ready(Err(ErrorCode::LimitExceeded.into())),
        }
    }

    pub(super) fn tell_all(&self, event: NodeEvent) -> Call<Result<(), ApiError>> {
        self.tell(&NodeMessage::to_all(self.node(), event))
    }

    /// Delivers a message to the sessions that a filter names, of all nodes.
    pub(in crate::hub) fn deliver(
        &self,
        filter: &ClientFilter,
        message: &ControlMessage,
    ) -> Call<Result<(), ApiError>> {
        let is_here = match self.deliver_here(filter, message) {
            Ok(found) => found && filter.is_of_one(),
            Err(error) => return Call::Ready(Err(error)),
        };
        let is_alone = is_here || !self.broker().is_shared();
        match WrittenControl::new(filter, message).filter(|_| !is_alone) {
            Some(control) => self.tell_all(NodeEvent::Control(control)),
            None => Call::Ready(Ok(())),
        }
    }

    /// Delivers a message to the sessions of this node that a filter names. Says whether it names any.
    pub(super) fn deliver_here(
        &self,
        filter: &ClientFilter,
        message: &ControlMessage,
    ) -> Result<bool, ApiError> {
        let except: Vec<Uuid> = filter.except.iter().filter_map(|client| Uuid::parse(client)).collect();
        let found = self.found(filter)?;
        for (client, live) in &found {
            if !except.contains(client) {
                live.control.deliver(message.clone());
            }
        }
        Ok(!found.is_empty())
    }

    /// The clients of this node that a filter names, without its exceptions.
    fn found(&self, filter: &ClientFilter) -> Result<Vec<(Uuid, LiveClient)>, ApiError> {
        let session = filter.session.as_deref().and_then(Uuid::parse);
        let is_of_user = |live: &LiveClient| filter.user.is_empty() || live.user == filter.user;
        let one = match (&filter.client, &filter.session) {
            (Some(client), _) => Uuid::parse(client)
                .and_then(|client| self.registry().client(client).map(|live| (client, live))),
            (None, Some(_)) => session.and_then(|session| self.registry().of_session(session)),
            (None, None) if filter.user.is_empty() => return Err(ErrorCode::BadRequest.into()),
            (None, None) => return Ok(self.registry().of_user(&filter.user)),
        };
        let has_session =
            |live: &LiveClient| filter.session.is_none() || (session.is_some() && live.session == session);
        Ok(one.into_iter().filter(|(_, live)| is_of_user(live) && has_session(live)).collect())
    }

    /// Disconnects a user on all nodes and refuses its connections until a time. `None` ends that. A node that starts later
    /// learns it from the others.
    ///
    /// The answer is an error if 100,000 users are blocked, the user is empty, or other nodes cannot be told.
    pub fn block(&self, user: &str, until: Option<Millis>) -> Call<Result<(), ApiError>> {
        if user.is_empty() {
            return Call::Ready(Err(ErrorCode::BadRequest.into()));
        }
        if !self.block_here(user, until) {
            return Call::Ready(Err(ErrorCode::LimitExceeded.into()));
        }
        let until = until.map(|until| until.0);
        self.tell_all(NodeEvent::Block(WrittenBlock { user: user.to_owned(), until }))
    }

    /// Says whether there is room for one more.
    pub(super) fn block_here(&self, user: &str, until: Option<Millis>) -> bool {
        let is_set = self.set_blocked(user.into(), until);
        if is_set && until.is_some() {
            for (_, live) in self.registry().of_user(user) {
                live.control.deliver(ControlMessage::Disconnect(Disconnect::PERMISSION_DENIED));
            }
        }
        is_set
    }

    /// Hands over the commands of a client whose transport cannot send, on whichever node its session is. The replies go
    /// through its stream.
    ///
    /// The answer is error 108 if the session has ended, or no node is known that has it, and another one if its node
    /// cannot be told.
    pub fn emulate(&self, request: EmulationRequest) -> Call<Result<(), ApiError>> {
        let EmulationRequest { node, session, data } = request;
        if *node == **self.node() {
            let found = Uuid::parse(&session).is_some_and(|session| self.emulate_here(session, data));
            return Call::Ready(if found { Ok(()) } else { Err(ErrorCode::NotAvailable.into()) });
        }
        if !self.broker().is_shared() || !self.nodes_table().may_exist(&node) {
            return Call::Ready(Err(ErrorCode::NotAvailable.into()));
        }
        let frame = EmulatedFrame { session, data };
        self.tell(&NodeMessage::to_one(self.node(), node, NodeEvent::Emulated(frame)))
    }

    pub(super) fn emulate_here(&self, session: Uuid, data: Bytes) -> bool {
        let found = self.registry().of_session(session);
        found.map(|(_, live)| live.control.deliver(ControlMessage::Frame(Frame::Binary(data)))).is_some()
    }

    /// A user that may have one connection has a new one: the other nodes end theirs.
    pub(crate) fn announce_connection(&self, user: &ByteString, client: Uuid, since: Millis) {
        if self.broker().is_shared() && !user.is_empty() {
            let (user, client) = (user.to_string(), client.to_string());
            let event = NodeEvent::Connected(NewConnection { user, client, since: since.0 });
            self.detach(self.tell_all(event));
        }
    }

    /// Another node has a connection of a user that may have one: the newer one stays. Of two at the same time, it is that
    /// with the greater id, so that the nodes agree.
    pub(super) fn end_older_connections(&self, newest: &NewConnection) {
        let Some(client) = Uuid::parse(&newest.client) else { return };
        if !self.config().single_connection {
            return;
        }
        let theirs = (Millis(newest.since), client);
        let ours = self.registry().of_user(&newest.user);
        for (id, live) in ours {
            match (live.since, id).cmp(&theirs) {
                std::cmp::Ordering::Less => {
                    live.control.deliver(ControlMessage::Disconnect(Disconnect::CONNECTION_LIMIT));
                }
                // It does not know.
                std::cmp::Ordering::Greater => self.announce_connection(&live.user, id, live.since),
                std::cmp::Ordering::Equal => {}
            }
        }
    }
}
