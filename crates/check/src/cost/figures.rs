//! What was measured around an attack.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use super::memory::MemoryFigures;

/// What was measured around an attack.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct AttackFigures {
    pub(crate) seconds: f64,
    pub(crate) connections: u64,
    pub(crate) bytes_sent: u64,
    /// How the endpoint ended connections of the attack, and how many in each way.
    pub(crate) answers: Vec<(String, u64)>,
    pub(crate) witness: WitnessFigures,
    pub(crate) newcomers: NewcomerFigures,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) memory: Option<MemoryFigures>,
}

/// The round trips of the witness.
#[derive(Debug, Clone, Default, Serialize)]
pub(crate) struct WitnessFigures {
    pub(crate) before: RoundTrips,
    pub(crate) during: RoundTrips,
    pub(crate) after: RoundTrips,
}

/// Round trips, in milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(crate) struct RoundTrips {
    pub(crate) count: usize,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) max_ms: f64,
}

/// Clients that came during an attack.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub(crate) struct NewcomerFigures {
    pub(crate) accepted: u64,
    /// Those whose connection or request was refused.
    pub(crate) refused: u64,
    /// Those that got no answer in time.
    pub(crate) unanswered: u64,
    /// The longest time until one was accepted.
    pub(crate) max_ms: f64,
}

impl RoundTrips {
    pub(crate) fn of(mut times: Vec<Duration>) -> RoundTrips {
        times.sort_unstable();
        RoundTrips {
            count: times.len(),
            p50_ms: percentile(&times, 50),
            p99_ms: percentile(&times, 99),
            max_ms: percentile(&times, 100),
        }
    }
}

/// The smallest value that at least so many percent of the values do not exceed, in milliseconds. 0 without values.
fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied().map(milliseconds).unwrap_or_default()
}

pub(crate) fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

/// Lines for people, like those of a dialogue.
impl fmt::Display for AttackFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sent = Mebibytes(self.bytes_sent);
        let plural = if self.connections == 1 { "" } else { "s" };
        writeln!(f, "  attack   {sent} on {} connection{plural} in {:.1} s", self.connections, self.seconds)?;
        if !self.answers.is_empty() {
            let answers = self.answers.iter().map(|(answer, count)| format!("{count} × {answer}"));
            writeln!(f, "  answers  {}", answers.collect::<Vec<_>>().join(", "))?;
        }
        let WitnessFigures { before, during, after } = &self.witness;
        writeln!(f, "  witness  {before} before, {during} during, {after} after (p50, p99, longest)")?;
        let NewcomerFigures { accepted, refused, unanswered, max_ms } = self.newcomers;
        writeln!(
            f,
            "  others   new clients: {accepted} accepted, {refused} refused, {unanswered} without an answer; longest {max_ms:.1} ms"
        )?;
        if let Some(MemoryFigures { before, peak, after, kept }) = self.memory {
            let [before, peak, after] = [before, peak, after].map(Mebibytes);
            writeln!(f, "  memory   {before} before, {peak} at the peak, {after} after")?;
            if let Some(kept) = kept.map(Mebibytes) {
                writeln!(
                    f,
                    "  note     {kept} of what was there before came during this run, and can hide growth: for an exact figure, \
                     start the server again and run this attack alone"
                )?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for RoundTrips {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.1} {:.1} {:.1} ms", self.p50_ms, self.p99_ms, self.max_ms)
    }
}

/// Bytes in MiB, or in KiB or alone if they are few.
pub(crate) struct Mebibytes(pub(crate) u64);

impl fmt::Display for Mebibytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        #[expect(clippy::cast_precision_loss, reason = "it is rounded")]
        let mebibytes = self.0 as f64 / f64::from(1 << 20);
        if self.0 < 1024 {
            write!(f, "{} byte{}", self.0, if self.0 == 1 { "" } else { "s" })
        } else if mebibytes < 0.1 {
            write!(f, "{:.1} KiB", mebibytes * 1024.0)
        } else {
            write!(f, "{mebibytes:.1} MiB")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_bytes_are_counted() {
        let shown = |bytes| Mebibytes(bytes).to_string();
        assert_eq!([0, 1, 1023].map(shown), ["0 bytes", "1 byte", "1023 bytes"]);
        assert_eq!([1024, 200 << 10].map(shown), ["1.0 KiB", "0.2 MiB"]);
    }

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let times = (1..=200).rev().map(Duration::from_millis).collect();
        let expected = RoundTrips { count: 200, p50_ms: 100.0, p99_ms: 198.0, max_ms: 200.0 };
        assert_eq!(RoundTrips::of(times), expected);
        assert_eq!(RoundTrips::of(vec![Duration::from_millis(3)]).p50_ms, 3.0);
        assert_eq!(RoundTrips::of(Vec::new()), RoundTrips::default());
    }
}
