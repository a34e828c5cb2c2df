//! What carries messages between nodes: in one order, when the test wants it.

use std::collections::{HashSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use longwire_hub::{BrokerError, Fanout};

#[derive(Default)]
pub(crate) struct Bus(Mutex<BusState>);

#[derive(Default)]
struct BusState {
    nodes: Vec<Arc<dyn Fanout>>,
    /// Those that hear nothing, by their number.
    cut: HashSet<usize>,
    mail: VecDeque<Bytes>,
    told: usize,
    is_down: bool,
}

impl Bus {
    fn state(&self) -> MutexGuard<'_, BusState> {
        self.0.lock().unwrap()
    }

    pub(super) fn join(&self, node: Arc<dyn Fanout>) {
        self.state().nodes.push(node);
    }

    pub(crate) fn tell(&self, message: Bytes) -> Result<(), BrokerError> {
        let mut state = self.state();
        if state.is_down {
            return Err(BrokerError::Unavailable);
        }
        state.told += 1;
        state.mail.push_back(message);
        Ok(())
    }

    /// From now on, nothing can be told.
    pub(crate) fn fail(&self) {
        self.state().is_down = true;
    }

    /// From now on, everything can be told again.
    pub(crate) fn mend(&self) {
        self.state().is_down = false;
    }

    /// From now on, a node hears nothing.
    pub(crate) fn cut(&self, node: usize) {
        self.state().cut.insert(node);
    }

    /// Every node hears what was told. Says whether there was anything.
    pub(crate) fn carry(&self) -> bool {
        let mut state = self.state();
        let mail = std::mem::take(&mut state.mail);
        let hears = |(number, node): (usize, &Arc<dyn Fanout>)| {
            (!state.cut.contains(&number)).then(|| Arc::clone(node))
        };
        let nodes: Vec<_> = state.nodes.iter().enumerate().filter_map(hears).collect();
        drop(state);
        for message in &mail {
            nodes.iter().for_each(|node| node.told(message.clone()));
        }
        !mail.is_empty()
    }

    /// How many messages were told so far.
    pub(crate) fn told(&self) -> usize {
        self.state().told
    }
}
