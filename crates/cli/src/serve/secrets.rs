//! Secrets that others have to know.

use std::sync::{PoisonError, RwLock};

use ring::hmac;
use ring::rand::SystemRandom;

use crate::config::Secret;
use crate::failure::Failure;

/// Secrets, of which SIGHUP may bring others.
///
/// Only their HMACs are kept, under a key of this process. Two HMACs take the same time to compare, wherever they differ.
pub(super) struct Secrets {
    mac: hmac::Key,
    known: RwLock<Vec<hmac::Tag>>,
}

impl Secrets {
    pub(super) fn new(secrets: &[Secret]) -> Result<Secrets, Failure> {
        let mac = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new())
            .map_err(|_| Failure::Other("the system has no random numbers for comparing secrets".into()))?;
        let own = Secrets { mac, known: RwLock::default() };
        own.replace(secrets);
        Ok(own)
    }

    /// Says whether they are others than before.
    pub(super) fn replace(&self, secrets: &[Secret]) -> bool {
        let tags: Vec<hmac::Tag> =
            secrets.iter().map(|secret| hmac::sign(&self.mac, secret.as_bytes())).collect();
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let is_same = known.iter().map(AsRef::as_ref).eq(tags.iter().map(|tag| -> &[u8] { tag.as_ref() }));
        *known = tags;
        !is_same
    }

    pub(super) fn is_empty(&self) -> bool {
        self.known.read().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// Whether this is one of them.
    pub(super) fn has(&self, given: &[u8]) -> bool {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        // Each is compared, also after one has fitted.
        known.iter().fold(false, |found, tag| found | hmac::verify(&self.mac, given, tag.as_ref()).is_ok())
    }
}
