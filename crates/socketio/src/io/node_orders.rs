//! Does what other nodes want of this one.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::time::Instant;

use super::broadcast::Broadcast;
use super::broadcast_ack::respondents;
use super::cluster::Cluster;
use super::cluster::message::{AnswerOutcome, AnswerRecord, NodeId, Order, ReplyPart, SocketRecord};
use super::cluster::{Ordered, Replying};
use super::emit_with_ack::AckError;
use super::namespace::Namespace;
use super::socket::Socket;
use super::socket_id::SocketId;
use crate::protocol::{Arguments, Draft};

/// How many sockets one message describes.
const SOCKETS: usize = 500;

/// How many bytes of answers one message has, unless a single one has more.
const ANSWER_BYTES: usize = 256 << 10;

/// Does what another node wants of a namespace.
pub(super) fn carry_out(cluster: &Arc<Cluster>, namespace: &Namespace, ordered: Ordered, runtime: &Handle) {
    let Ordered { from, audience, order, attachments, .. } = ordered;
    let sockets = Broadcast::of(namespace.to_owned_name(), Arc::clone(namespace.members()), audience);
    match order {
        Order::Emit { elements, delivery } => {
            sockets.emit_draft(&draft(namespace, &elements, attachments), delivery);
        }
        Order::Join(rooms) => sockets.sockets_join(rooms),
        Order::Leave(rooms) => sockets.sockets_leave(rooms),
        Order::Disconnect => sockets.disconnect_sockets(),
        Order::CloseClients => sockets.close_clients(),
        Order::Fetch { question } => describe(&Replying { cluster, to: from, question }, &sockets),
        Order::Ask { question, elements, milliseconds } => {
            let event = draft(namespace, &elements, attachments);
            let deadline = Instant::now() + Duration::from_millis(milliseconds);
            let cluster = Arc::clone(cluster);
            runtime.spawn(async move { ask(&cluster, from, question, &sockets, event, deadline).await });
        }
    }
}

/// Answers that this server has no sockets in the namespace, because it does not have the namespace.
pub(super) fn decline(cluster: &Cluster, ordered: &Ordered) {
    if let Order::Fetch { question } | Order::Ask { question, .. } = ordered.order {
        Replying { cluster, to: NodeId::clone(&ordered.from), question }.end();
    }
}

fn draft(namespace: &Namespace, elements: &str, attachments: Vec<Bytes>) -> Draft {
    Draft::event(&namespace.to_owned_name(), elements, attachments)
}

fn describe(replying: &Replying<'_>, sockets: &Broadcast) {
    let sockets = sockets.fetch_sockets();
    let record = |socket: &Socket| SocketRecord { id: socket.id().clone(), rooms: socket.rooms() };
    for some in sockets.chunks(SOCKETS) {
        replying.part(ReplyPart::Sockets(some.iter().map(record).collect()), Vec::new());
    }
    replying.end();
}

/// Asks the clients, and returns their answers when all are there.
async fn ask(
    cluster: &Arc<Cluster>,
    to: NodeId,
    question: u64,
    sockets: &Broadcast,
    event: Draft,
    deadline: Instant,
) {
    let mut answers = Answers::new(Replying { cluster, to, question });
    for respondent in respondents(sockets, event) {
        let (id, answer) = respondent.answer(deadline).await;
        answers.add(id, answer);
    }
    answers.end();
}

/// Answers on their way to another node.
struct Answers<'c> {
    replying: Replying<'c>,
    records: Vec<AnswerRecord>,
    attachments: Vec<Bytes>,
    bytes: usize,
}

impl<'c> Answers<'c> {
    fn new(replying: Replying<'c>) -> Answers<'c> {
        Answers { replying, records: Vec::new(), attachments: Vec::new(), bytes: 0 }
    }

    fn add(&mut self, id: SocketId, answer: Result<Arguments, AckError>) {
        let outcome = match answer {
            Ok(arguments) => {
                self.bytes = self.bytes.saturating_add(arguments.size());
                self.attachments.extend_from_slice(arguments.attachments());
                let attachments = arguments.attachments().len();
                AnswerOutcome::Arguments { elements: arguments.as_json().to_owned(), attachments }
            }
            Err(AckError::Timeout) => AnswerOutcome::Timeout,
            Err(AckError::TooMany) => AnswerOutcome::TooMany,
            Err(_) => AnswerOutcome::Disconnected,
        };
        self.bytes = self.bytes.saturating_add(size_of::<AnswerRecord>());
        self.records.push(AnswerRecord { id, outcome });
        if self.bytes >= ANSWER_BYTES {
            self.flush();
        }
    }

    fn flush(&mut self) {
        self.bytes = 0;
        let (records, attachments) =
            (std::mem::take(&mut self.records), std::mem::take(&mut self.attachments));
        self.replying.part(ReplyPart::Answers(records), attachments);
    }

    fn end(mut self) {
        self.flush();
        self.replying.end();
    }
}
