//! The namespaces of a server.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use bytestring::ByteString;

use super::auth::Auth;
use super::context::Context;
use super::dynamic_namespace::DynamicNamespace;
use super::namespace::Namespace;

/// The namespaces of a server, except the main one.
pub(super) struct Registry {
    context: Arc<Context>,
    state: Mutex<RegistryState>,
    /// For namespaces that end.
    itself: Weak<Registry>,
}

#[derive(Default)]
struct RegistryState {
    namespaces: HashMap<ByteString, Namespace>,
    /// How many of them clients have asked for.
    dynamic: usize,
    patterns: Vec<DynamicNamespace>,
}

/// There is no such namespace, or no room for it.
#[derive(Debug)]
pub(super) struct NoNamespace;

impl Registry {
    pub(super) fn new(context: Arc<Context>) -> Arc<Registry> {
        Arc::new_cyclic(|itself| Registry { context, state: Mutex::default(), itself: Weak::clone(itself) })
    }

    fn lock(&self) -> MutexGuard<'_, RegistryState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The namespace of this name, for the application.
    pub(super) fn of(&self, name: ByteString) -> Namespace {
        let mut state = self.lock();
        let state = &mut *state;
        let namespace =
            state.namespaces.entry(name.clone()).or_insert_with(|| self.new_namespace(name)).clone();
        if namespace.members().keep() {
            state.dynamic = state.dynamic.saturating_sub(1);
        }
        namespace
    }

    /// The namespace of this name, if there is one.
    pub(super) fn find(&self, name: &str) -> Option<Namespace> {
        self.lock().namespaces.get(name).cloned()
    }

    fn new_namespace(&self, name: ByteString) -> Namespace {
        Namespace::new(name, Arc::clone(&self.context))
    }

    pub(super) fn add_pattern(&self, pattern: DynamicNamespace) {
        self.lock().patterns.push(pattern);
    }

    /// The namespace of this name for a client that [joins](super::members::Members::end_joining) it.
    pub(super) fn join(&self, name: &ByteString, auth: &Auth) -> Result<Namespace, NoNamespace> {
        let state = self.lock();
        if let Some(namespace) = state.namespaces.get(name) {
            namespace.members().begin_joining();
            return Ok(namespace.clone());
        }
        let patterns = state.patterns.clone();
        drop(state);
        // The application is called without the lock.
        let pattern = patterns.iter().find(|pattern| pattern.matches(name, auth)).ok_or(NoNamespace)?;
        let mut state = self.lock();
        if !state.namespaces.contains_key(name) {
            if state.dynamic >= self.context.config.dynamic_namespaces {
                tracing::debug!(%name, "a namespace was not begun: there are as many as may be");
                return Err(NoNamespace);
            }
            let (registry, of) = (Weak::clone(&self.itself), name.clone());
            let on_unused = move || {
                if let Some(registry) = registry.upgrade() {
                    registry.end_if_unused(&of);
                }
            };
            let context = Arc::clone(&self.context);
            let new =
                Namespace::dynamic(name.clone(), context, pattern.hooks().copied(), Box::new(on_unused));
            state.namespaces.insert(name.clone(), new);
            state.dynamic = state.dynamic.saturating_add(1);
        }
        let namespace = state.namespaces.get(name).ok_or(NoNamespace)?;
        namespace.members().begin_joining();
        Ok(namespace.clone())
    }

    /// Ends a namespace that clients have asked for, when nobody is in it.
    fn end_if_unused(&self, name: &ByteString) {
        let mut state = self.lock();
        let ended = match state.namespaces.get(name) {
            Some(namespace) if namespace.members().is_unused() => state.namespaces.remove(name),
            _ => None,
        };
        if ended.is_some() {
            state.dynamic = state.dynamic.saturating_sub(1);
        }
        drop(state);
        drop(ended);
    }

    /// How many namespaces there are because clients have asked for them.
    #[cfg(test)]
    pub(super) fn dynamic(&self) -> usize {
        self.lock().dynamic
    }
}
