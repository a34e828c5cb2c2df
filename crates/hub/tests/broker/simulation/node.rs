//! A simulated node: event loops with mailboxes.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};

use longwire_hub::{ChannelName, ClientInfo, Fanout, Publication};

use crate::support::text;

/// The number of event loops of the node.
pub(crate) const LOOPS: usize = 3;

/// What the program posts to an event loop. A loop handles it in the order in which it was posted.
#[derive(Debug, Clone)]
pub(crate) enum Mail {
    /// From here on, the subscription receives the channel's publications.
    Start(usize),
    Publication {
        channel: ChannelName,
        offset: u64,
        epoch: Arc<str>,
        text: String,
    },
}

/// The mailboxes of a node's loops, and who has joined and not left.
#[derive(Default)]
pub(crate) struct Node {
    mailboxes: Mutex<[VecDeque<Mail>; LOOPS]>,
    present: Mutex<BTreeSet<(ChannelName, String)>>,
}

impl Node {
    pub(crate) fn post(&self, event_loop: usize, mail: Mail) {
        self.mailboxes.lock().unwrap()[event_loop].push_back(mail);
    }

    pub(crate) fn take(&self, event_loop: usize) -> Option<Mail> {
        self.mailboxes.lock().unwrap()[event_loop].pop_front()
    }

    /// The clients of a channel that have joined and not left.
    pub(crate) fn present(&self, channel: &ChannelName) -> Vec<String> {
        let present = self.present.lock().unwrap();
        present.iter().filter(|(joined, _)| joined == channel).map(|(_, client)| client.clone()).collect()
    }
}

impl Fanout for Node {
    fn publication(
        &self,
        channel: &ChannelName,
        publication: &Publication,
        epoch: &str,
        _: Option<&Publication>,
    ) {
        for mailbox in self.mailboxes.lock().unwrap().iter_mut() {
            mailbox.push_back(Mail::Publication {
                channel: channel.clone(),
                offset: publication.offset,
                epoch: epoch.into(),
                text: text(publication).to_owned(),
            });
        }
    }

    fn join(&self, channel: &ChannelName, client: &ClientInfo) {
        let is_new = self.present.lock().unwrap().insert((channel.clone(), client.client.to_string()));
        assert!(is_new, "{} joined {channel} twice", client.client);
    }

    fn leave(&self, channel: &ChannelName, client: &ClientInfo) {
        let was_there = self.present.lock().unwrap().remove(&(channel.clone(), client.client.to_string()));
        assert!(was_there, "{} left {channel} without having joined", client.client);
    }
}
