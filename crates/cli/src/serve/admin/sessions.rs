//! The sessions of operators: who has signed in.

use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use ring::digest::{Digest, SHA256, digest};
use ring::rand::{SecureRandom as _, SystemRandom};

/// How long a session lasts.
pub(super) const LIFETIME: Duration = Duration::from_secs(12 * 3_600);

/// The most sessions. One more ends the oldest.
const MAX_SESSIONS: usize = 64;

/// Names a session in this process. It is no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SessionNumber(u64);

/// Who has signed in. Only digests of the secret keys are kept.
#[derive(Default)]
pub(super) struct OperatorSessions(Mutex<Known>);

#[derive(Default)]
struct Known {
    /// The oldest first.
    sessions: Vec<OperatorSession>,
    count: u64,
}

struct OperatorSession {
    key: Digest,
    number: SessionNumber,
    end: Instant,
}

impl SessionNumber {
    /// The topic of the session's pages. It contains spaces, so no channel's topic is the same.
    pub(super) fn topic(self) -> String {
        format!("the admin session {}", self.0)
    }
}

impl OperatorSessions {
    /// Begins a session. Returns its secret key, which is 64 hexadecimal digits, and the sessions that end for it; `None`
    /// if the system has no random numbers.
    pub(super) fn begin(&self, now: Instant) -> Option<(String, Vec<SessionNumber>)> {
        let mut bytes = [0; 32];
        SystemRandom::new().fill(&mut bytes).ok()?;
        let mut key = String::with_capacity(2 * bytes.len());
        for byte in bytes {
            // Writing to a `String` never fails.
            let _ = write!(key, "{byte:02x}");
        }
        let mut known = self.lock();
        known.count += 1;
        let number = SessionNumber(known.count);
        known.sessions.push(OperatorSession { key: digest_of(&key), number, end: now + LIFETIME });
        let surplus = known.sessions.len().saturating_sub(MAX_SESSIONS);
        let ended = known.sessions.drain(..surplus).map(|session| session.number).collect();
        Some((key, ended))
    }

    /// The session that has this key.
    pub(super) fn find(&self, key: &str, now: Instant) -> Option<SessionNumber> {
        let key = digest_of(key);
        let known = self.lock();
        let found = known.sessions.iter().find(|session| session.key.as_ref() == key.as_ref());
        found.filter(|session| session.end > now).map(|session| session.number)
    }

    /// Ends one session.
    pub(super) fn end(&self, number: SessionNumber) {
        self.lock().sessions.retain(|session| session.number != number);
    }

    /// Ends all sessions, and returns them.
    pub(super) fn end_all(&self) -> Vec<SessionNumber> {
        self.lock().sessions.drain(..).map(|session| session.number).collect()
    }

    /// Ends those whose time is over, and returns them.
    pub(super) fn expire(&self, now: Instant) -> Vec<SessionNumber> {
        self.lock().sessions.extract_if(.., |session| session.end <= now).map(|ended| ended.number).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long a comparison of digests takes says nothing of the key.
fn digest_of(key: &str) -> Digest {
    digest(&SHA256, key.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_lasts_until_its_end() {
        let (sessions, now) = (OperatorSessions::default(), Instant::now());
        let (first, _) = sessions.begin(now).unwrap();
        let (second, _) = sessions.begin(now + Duration::from_secs(1)).unwrap();
        let number = sessions.find(&first, now).unwrap();
        assert_eq!(sessions.find("", now), None);
        assert_eq!(sessions.find(&first, now + LIFETIME), None, "it has expired");
        assert_eq!(sessions.expire(now + LIFETIME), [number]);
        assert!(sessions.find(&second, now).is_some());
        sessions.end(sessions.find(&second, now).unwrap());
        assert_eq!(sessions.find(&second, now), None);
    }

    #[test]
    fn the_oldest_give_way() {
        let (sessions, now) = (OperatorSessions::default(), Instant::now());
        let (first, ended) = sessions.begin(now).unwrap();
        assert_eq!(ended, []);
        let number = sessions.find(&first, now).unwrap();
        let begun: Vec<_> = (0..MAX_SESSIONS).map(|_| sessions.begin(now).unwrap()).collect();
        assert_eq!(begun.last().unwrap().1, [number]);
        assert_eq!(sessions.find(&first, now), None);
        assert_eq!(sessions.end_all().len(), MAX_SESSIONS);
    }
}
