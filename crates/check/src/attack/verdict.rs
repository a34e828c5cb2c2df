//! The verdict on an endpoint that was attacked.

use crate::attack_kind::Kind;
use crate::cost::figures::{AttackFigures, Mebibytes};
use crate::verdict::{Finding, Verdict};

/// How often as long as before an answer may take during an attack, and the share of the patience that it may take in any
/// case.
const TIMES: f64 = 20.0;
const OF_PATIENCE: f64 = 0.2;

/// What was observed.
pub(super) struct Observed {
    /// How the witness was lost.
    pub(super) lost: Option<String>,
    /// Whether a new client was accepted after the attack.
    pub(super) accepts_after: bool,
    /// What the endpoint took and should have refused.
    pub(super) taken: Option<String>,
    /// Whether the process of the endpoint is gone.
    pub(super) is_gone: bool,
    pub(super) figures: AttackFigures,
}

impl Observed {
    /// The verdict, if an attack may cost so many bytes of memory.
    pub(super) fn judge(&self, kind: Kind, memory: u64, patience_ms: f64) -> (Verdict, Option<Finding>) {
        let broken = self.broken(kind, memory, patience_ms).map(|finding| (Verdict::Fail, finding));
        match broken.or_else(|| self.weak(kind, patience_ms).map(|finding| (Verdict::Should, finding))) {
            Some((verdict, finding)) => (verdict, Some(finding)),
            None => (Verdict::Pass, None),
        }
    }

    /// What an endpoint must not do.
    fn broken(&self, kind: Kind, memory: u64, patience_ms: f64) -> Option<Finding> {
        if self.is_gone {
            return Some(Finding::new("the process goes on", "it has ended"));
        }
        if let Some(why) = &self.lost {
            return Some(Finding::new("the witness is answered", why));
        }
        if !self.accepts_after {
            let expected = "a new client is accepted after the attack";
            return Some(Finding::new(expected, format!("none was within {patience_ms:.0} ms")));
        }
        let newcomers = &self.figures.newcomers;
        if newcomers.unanswered > 0 {
            let got = format!("{} had none within {patience_ms:.0} ms", newcomers.unanswered);
            return Some(Finding::new("each new client gets an answer during the attack", got));
        }
        // Who waits for most of an attack would wait for most of a longer one.
        let longest = self.allowed_ms(patience_ms).max(self.figures.seconds * 1e3 / 2.0);
        if newcomers.max_ms > longest {
            let expected = format!("a new client is accepted within {longest:.0} ms, during the attack");
            return Some(Finding::new(expected, format!("{:.0} ms", newcomers.max_ms)));
        }
        if let Some(grown) = self.figures.memory.map(|memory| memory.growth()).filter(|grown| *grown > memory)
        {
            let expected = format!("the memory grows by at most {}", Mebibytes(memory));
            return Some(Finding::new(expected, Mebibytes(grown).to_string()));
        }
        match &self.taken {
            Some(taken) if kind != Kind::EchoUnread => Some(Finding::new("the endpoint refuses it", taken)),
            _ => None,
        }
    }

    /// How long an answer may take.
    fn allowed_ms(&self, patience_ms: f64) -> f64 {
        (self.figures.witness.before.max_ms * TIMES).max(patience_ms * OF_PATIENCE)
    }

    /// What an endpoint should not do.
    fn weak(&self, kind: Kind, patience_ms: f64) -> Option<Finding> {
        let witness = &self.figures.witness;
        let allowed = self.allowed_ms(patience_ms);
        let slowest = witness.during.max_ms.max(witness.after.max_ms);
        if slowest > allowed {
            let expected = format!("the witness has each answer within {allowed:.0} ms");
            return Some(Finding::new(expected, format!("{slowest:.0} ms")));
        }
        let newcomers = &self.figures.newcomers;
        if newcomers.max_ms > allowed {
            let expected = format!("a new client is accepted within {allowed:.0} ms");
            return Some(Finding::new(expected, format!("{:.0} ms", newcomers.max_ms)));
        }
        if newcomers.refused > 0 {
            let (refused, all) = (newcomers.refused, newcomers.refused + newcomers.accepted);
            let got = format!("{refused} of {all} were refused");
            return Some(Finding::new("new clients are accepted during the attack", got));
        }
        // Unread echoes that are kept are memory. If that was measured, it has been judged.
        let is_measured = self.figures.memory.is_some();
        let taken = self.taken.as_ref().filter(|_| kind == Kind::EchoUnread && !is_measured)?;
        Some(Finding::new("the endpoint stops reading, or closes", taken))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::figures::{NewcomerFigures, RoundTrips, WitnessFigures};
    use crate::cost::memory::MemoryFigures;

    fn calm() -> Observed {
        let trips = |max_ms| RoundTrips { count: 100, p50_ms: 1.0, p99_ms: 2.0, max_ms };
        Observed {
            lost: None,
            accepts_after: true,
            taken: None,
            is_gone: false,
            figures: AttackFigures {
                seconds: 4.0,
                connections: 1,
                bytes_sent: 1,
                answers: Vec::new(),
                witness: WitnessFigures { before: trips(3.0), during: trips(1000.0), after: trips(4.0) },
                newcomers: NewcomerFigures { accepted: 3, refused: 0, unanswered: 0, max_ms: 9.0 },
                memory: Some(MemoryFigures { before: 10, peak: 110, after: 90, kept: None }),
            },
        }
    }

    fn verdict(change: impl Fn(&mut Observed)) -> Verdict {
        let mut observed = calm();
        change(&mut observed);
        observed.judge(Kind::Bomb, 100, 5000.0).0
    }

    #[test]
    fn each_rule_has_its_verdict_and_its_margin() {
        assert_eq!(verdict(|_| ()), Verdict::Pass);
        assert_eq!(verdict(|observed| observed.lost = Some("late".into())), Verdict::Fail);
        assert_eq!(verdict(|observed| observed.accepts_after = false), Verdict::Fail);
        assert_eq!(verdict(|observed| observed.is_gone = true), Verdict::Fail);
        assert_eq!(verdict(|observed| observed.taken = Some("all".into())), Verdict::Fail);
        assert_eq!(verdict(|observed| observed.figures.newcomers.unanswered = 1), Verdict::Fail);
        assert_eq!(verdict(|observed| observed.figures.newcomers.refused = 1), Verdict::Should);
        assert_eq!(verdict(|observed| observed.figures.newcomers.max_ms = 1001.0), Verdict::Should);
        assert_eq!(verdict(|observed| observed.figures.newcomers.max_ms = 2001.0), Verdict::Fail);
        let grown = MemoryFigures { before: 10, peak: 111, after: 10, kept: None };
        assert_eq!(verdict(|observed| observed.figures.memory = Some(grown)), Verdict::Fail);
        assert_eq!(verdict(|observed| observed.figures.witness.during.max_ms = 1001.0), Verdict::Should);
        let far_away = |observed: &mut Observed| {
            observed.figures.witness.before.max_ms = 100.0;
            observed.figures.witness.during.max_ms = 2000.0;
        };
        assert_eq!(verdict(far_away), Verdict::Pass);
    }

    #[test]
    fn unread_echoes_are_judged_by_the_memory_if_it_is_known() {
        let mut observed = calm();
        observed.taken = Some("all".into());
        assert_eq!(observed.judge(Kind::EchoUnread, 100, 5000.0).0, Verdict::Pass);
        observed.figures.memory = None;
        assert_eq!(observed.judge(Kind::EchoUnread, 100, 5000.0).0, Verdict::Should);
    }
}
