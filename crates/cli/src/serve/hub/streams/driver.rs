//! The task of a stream: it calls the session, and does what it asks for.

use std::future::pending;
use std::sync::Arc;

use longwire_hub::{Answer, BoxFuture, Millis, Progress, Session};
use tokio::time::sleep;

use crate::serve::hub::node::Node;
use crate::serve::hub::outlet::inbox::{Inbox, StreamEvent};
use crate::serve::hub::outlet::outbox::Outbox;
use crate::serve::hub::outlet::topics::StreamLink;

/// The session of a stream, with what it needs. Dropping it ends both.
pub(super) struct StreamDriver {
    pub(super) node: Arc<Node>,
    pub(super) session: Session,
    pub(super) link: StreamLink,
    pub(super) inbox: Arc<Inbox>,
    pub(super) outbox: Arc<Outbox>,
    /// What the session waits for.
    pub(super) question: Option<BoxFuture<Answer>>,
}

impl StreamDriver {
    /// Begins with this call, and goes on until the session or the stream ends.
    pub(super) async fn run(
        mut self,
        begin: impl FnOnce(&mut Session, &mut StreamLink, Millis) -> Progress + Send,
    ) {
        self.call(begin);
        while !self.session.is_closed() {
            let deadline = self.session.next_deadline();
            let node = Arc::clone(&self.node);
            tokio::select! {
                event = self.inbox.next(self.question.is_some()) => match event {
                    StreamEvent::Abandoned => return,
                    StreamEvent::Disconnect(why) => {
                        self.outbox.close();
                        let message = longwire_hub::ControlMessage::Disconnect(why);
                        self.call(|session, link, now| session.control(link, message, now));
                    }
                    StreamEvent::Control(message) => {
                        self.call(|session, link, now| session.control(link, message, now));
                    }
                    StreamEvent::Frame(frame) => {
                        self.outbox.received(frame.as_bytes().len());
                        self.call(|session, link, now| session.receive(link, &frame, now));
                    }
                },
                answer = answered(&mut self.question, &self.outbox) => {
                    self.question = None;
                    self.call(|session, link, now| session.resume(link, answer, now));
                }
                () = until(deadline, &node) => {
                    self.call(|session, link, now| match session.next_deadline() {
                        Some(deadline) if deadline <= now => session.tick(link, now),
                        _ => Progress::Idle,
                    });
                }
            }
        }
    }

    fn call(&mut self, call: impl FnOnce(&mut Session, &mut StreamLink, Millis) -> Progress) {
        let now = self.node.now();
        self.outbox.begin_call();
        let progress = call(&mut self.session, &mut self.link, now);
        self.outbox.end_call();
        self.outbox.meet(&self.session);
        if let Progress::Wait(question) = progress {
            self.question = Some(question);
        }
    }
}

impl Drop for StreamDriver {
    fn drop(&mut self) {
        self.session.closed(self.node.now());
        self.outbox.end();
        self.inbox.abandon();
    }
}

/// The answer, if there is a question. The session goes on once its client has read.
async fn answered(question: &mut Option<BoxFuture<Answer>>, outbox: &Outbox) -> Answer {
    match question {
        Some(question) => {
            outbox.room().await;
            question.await
        }
        None => pending().await,
    }
}

async fn until(deadline: Option<Millis>, node: &Node) {
    match deadline {
        Some(at) => sleep(at.since(node.now())).await,
        None => pending().await,
    }
}
