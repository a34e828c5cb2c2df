//! Channels: each message goes to all others in the channel.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use longwire::{Message, Sender, TrySendError, WebSocket};

use super::statistics::Statistics;

/// All channels that have members.
#[derive(Debug, Default)]
pub(super) struct Channels {
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    members: HashMap<String, Vec<Member>>,
    next_id: u64,
}

#[derive(Debug)]
struct Member {
    id: u64,
    sender: Sender,
}

/// Whether a channel can have this name: 1 to 64 letters, digits, hyphens, underscores and dots.
pub(super) fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

/// Sends what the socket says to all others in the channel, until it leaves.
pub(super) async fn join(
    mut socket: WebSocket,
    name: &str,
    channels: &Channels,
    statistics: &Statistics,
) -> longwire::Result<()> {
    let membership = channels.enter(name, socket.sender());
    while let Some(message) = socket.recv().await? {
        statistics.count_message();
        membership.publish(&message);
    }
    Ok(())
}

/// A place in a channel, left when it is dropped.
struct Membership<'a> {
    channels: &'a Channels,
    name: &'a str,
    id: u64,
}

impl Channels {
    fn enter<'a>(&'a self, name: &'a str, sender: Sender) -> Membership<'a> {
        let mut inner = self.lock();
        let id = inner.next_id;
        inner.next_id += 1;
        inner.members.entry(name.to_owned()).or_default().push(Member { id, sender });
        Membership { channels: self, name, id }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Membership<'_> {
    fn publish(&self, message: &Message) {
        let inner = self.channels.lock();
        for member in inner.members.get(self.name).into_iter().flatten().filter(|member| member.id != self.id)
        {
            if let Err(TrySendError::Full(_)) = member.sender.try_send(message.clone()) {
                disconnect(member.sender.clone());
            }
        }
    }
}

impl Drop for Membership<'_> {
    fn drop(&mut self) {
        let mut inner = self.channels.lock();
        if let Some(members) = inner.members.get_mut(self.name) {
            members.retain(|member| member.id != self.id);
            if members.is_empty() {
                inner.members.remove(self.name);
            }
        }
    }
}

/// A member that does not read fast enough would cost ever more memory, or hold up the others.
fn disconnect(slow: Sender) {
    tokio::spawn(async move {
        let closed = slow.close(1008, "too slow for this channel").await;
        tracing::debug!(?closed, "disconnected a slow member");
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_plain() {
        for name in ["a", "chat", "room-1_b.c", &"x".repeat(64)] {
            assert!(is_name(name), "{name}");
        }
        for name in ["", "a/b", "a b", "ä", "%41", &"x".repeat(65)] {
            assert!(!is_name(name), "{name}");
        }
    }
}
