//! Questions to other nodes whose answers have not all come.

use std::collections::{BTreeSet, HashMap};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytestring::ByteString;

use super::question::NodeAnswer;
use crate::time::Millis;

/// The most questions of this node at a time.
const MAX_SURVEYS: usize = 64;

/// The most bytes of answers that wait until the last node has answered.
const MAX_ANSWERS: usize = 64 << 20;

/// How long the others may take. The end is noticed by the next [`Hub::expire`](crate::Hub::expire).
const ANSWER_TIME: Duration = Duration::from_secs(2);

/// The questions that wait for answers.
#[derive(Debug, Clone, Default)]
pub(in crate::hub) struct Surveys(Arc<Mutex<Table>>);

#[derive(Debug, Default)]
struct Table {
    last: u64,
    open: HashMap<u64, Survey>,
    /// Of all answers that have come.
    bytes: usize,
}

#[derive(Debug)]
struct Survey {
    /// The nodes that have not answered.
    missing: BTreeSet<ByteString>,
    /// Those that will not answer any more.
    gone: BTreeSet<ByteString>,
    answers: Vec<(ByteString, NodeAnswer)>,
    bytes: usize,
    deadline: Millis,
    is_over: bool,
    waker: Option<Waker>,
}

/// The answers of the other nodes.
#[derive(Debug, Default)]
pub(in crate::hub) struct Replies {
    /// By node.
    pub(in crate::hub) answers: Vec<(ByteString, NodeAnswer)>,
    /// The nodes that did not answer in time.
    pub(in crate::hub) unanswered: BTreeSet<ByteString>,
}

/// As many questions wait for answers as may.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::hub) struct TooManySurveys;

impl Surveys {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many questions wait for answers.
    pub(in crate::hub) fn len(&self) -> usize {
        self.table().open.len()
    }

    /// Begins to wait for answers of these nodes.
    pub(in crate::hub) fn begin(
        &self,
        nodes: BTreeSet<ByteString>,
        now: Millis,
    ) -> Result<WaitingSurvey, TooManySurveys> {
        let mut table = self.table();
        if table.open.len() >= MAX_SURVEYS {
            return Err(TooManySurveys);
        }
        table.last += 1;
        let id = table.last;
        let survey = Survey {
            missing: nodes,
            gone: BTreeSet::new(),
            answers: Vec::new(),
            bytes: 0,
            deadline: now + ANSWER_TIME,
            is_over: false,
            waker: None,
        };
        table.open.insert(id, survey);
        Ok(WaitingSurvey { surveys: self.clone(), id })
    }

    /// A node has answered. The second answer of a node, and one that comes too late, are dropped.
    pub(in crate::hub) fn answered(&self, id: u64, node: &str, answer: NodeAnswer, len: usize) {
        let mut table = self.table();
        let has_room = table.bytes.saturating_add(len) <= MAX_ANSWERS;
        let Some(survey) = table.open.get_mut(&id).filter(|survey| !survey.is_over) else { return };
        // A node whose answer has no room did not answer.
        let Some(node) = has_room.then(|| survey.missing.take(node)).flatten() else { return };
        survey.answers.push((node, answer));
        survey.bytes += len;
        let waker = if survey.missing.is_empty() { survey.end() } else { None };
        table.bytes += len;
        drop(table);
        waker.into_iter().for_each(Waker::wake);
    }

    /// Nodes are gone: nobody waits for their answers any more, and they count as unanswered.
    pub(in crate::hub) fn gone(&self, nodes: &[ByteString]) {
        if nodes.is_empty() {
            return;
        }
        self.end_if(|survey| {
            let gone = nodes.iter().filter_map(|node| survey.missing.take(node));
            survey.gone.extend(gone);
            survey.missing.is_empty()
        });
    }

    pub(in crate::hub) fn expire(&self, now: Millis) {
        self.end_if(|survey| survey.deadline <= now);
    }

    fn end_if(&self, is_over: impl Fn(&mut Survey) -> bool) {
        let mut table = self.table();
        let end = |survey: &mut Survey| if is_over(survey) { survey.end() } else { None };
        let wakers: Vec<Waker> = table.open.values_mut().filter_map(end).collect();
        drop(table);
        wakers.into_iter().for_each(Waker::wake);
    }
}

impl Survey {
    fn end(&mut self) -> Option<Waker> {
        self.is_over = true;
        self.waker.take()
    }
}

/// Waits for the answers to one question. Dropping it gives the question up.
#[derive(Debug)]
pub(in crate::hub) struct WaitingSurvey {
    surveys: Surveys,
    pub(in crate::hub) id: u64,
}

impl WaitingSurvey {
    /// The question did not reach the others.
    pub(in crate::hub) fn give_up(&self) {
        if let Some(survey) = self.surveys.table().open.get_mut(&self.id) {
            survey.is_over = true;
        }
    }
}

impl Future for WaitingSurvey {
    type Output = Replies;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Replies> {
        let mut table = self.surveys.table();
        let Some(survey) = table.open.get_mut(&self.id) else { return Poll::Ready(Replies::default()) };
        if survey.is_over {
            let mut unanswered = std::mem::take(&mut survey.missing);
            unanswered.append(&mut survey.gone);
            return Poll::Ready(Replies { answers: std::mem::take(&mut survey.answers), unanswered });
        }
        survey.waker = Some(cx.waker().clone());
        Poll::Pending
    }
}

impl Drop for WaitingSurvey {
    fn drop(&mut self) {
        let mut table = self.surveys.table();
        if let Some(survey) = table.open.remove(&self.id) {
            table.bytes = table.bytes.saturating_sub(survey.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes(names: &[&'static str]) -> BTreeSet<ByteString> {
        names.iter().map(|name| ByteString::from_static(name)).collect()
    }

    fn poll(waiting: &mut WaitingSurvey) -> Option<Replies> {
        match Pin::new(waiting).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(replies) => Some(replies),
            Poll::Pending => None,
        }
    }

    #[test]
    fn a_survey_ends_with_the_last_answer_and_counts_each_node_once() {
        let surveys = Surveys::default();
        let mut waiting = surveys.begin(nodes(&["a", "b"]), Millis(0)).unwrap();
        for node in ["a", "a", "stranger"] {
            surveys.answered(waiting.id, node, NodeAnswer::default(), 1);
            assert!(poll(&mut waiting).is_none());
        }
        surveys.answered(waiting.id, "b", NodeAnswer::default(), 1);
        let replies = poll(&mut waiting).unwrap();
        assert_eq!((replies.answers.len(), replies.unanswered), (2, nodes(&[])));
    }

    #[test]
    fn a_survey_ends_at_its_deadline_or_when_the_last_node_is_gone_and_names_the_silent() {
        let surveys = Surveys::default();
        let mut waiting = surveys.begin(nodes(&["a", "b"]), Millis(0)).unwrap();
        surveys.answered(waiting.id, "a", NodeAnswer::default(), 1);
        surveys.expire(Millis(1_999));
        assert!(poll(&mut waiting).is_none());
        surveys.expire(Millis(2_000));
        surveys.answered(waiting.id, "b", NodeAnswer::default(), 1);
        let replies = poll(&mut waiting).unwrap();
        assert_eq!((replies.answers.len(), replies.unanswered), (1, nodes(&["b"])));
        let mut waiting = surveys.begin(nodes(&["a", "b"]), Millis(0)).unwrap();
        surveys.gone(&["a".into()]);
        assert!(poll(&mut waiting).is_none());
        surveys.answered(waiting.id, "b", NodeAnswer::default(), 1);
        assert_eq!(poll(&mut waiting).unwrap().unanswered, nodes(&["a"]));
    }

    #[test]
    fn questions_and_answers_that_wait_are_bounded_and_given_back() {
        let surveys = Surveys::default();
        let begin = || surveys.begin(nodes(&["a", "b"]), Millis(0));
        let waiting: Vec<WaitingSurvey> = (0..MAX_SURVEYS).map(|_| begin().unwrap()).collect();
        assert_eq!(begin().err(), Some(TooManySurveys));
        surveys.answered(waiting[0].id, "a", NodeAnswer::default(), MAX_ANSWERS);
        surveys.answered(waiting[1].id, "a", NodeAnswer::default(), 1);
        assert_eq!(surveys.table().open[&waiting[1].id].answers.len(), 0);
        drop(waiting);
        let table = surveys.table();
        assert_eq!((table.open.len(), table.bytes), (0, 0));
    }
}
