//! The arguments of attacks.

use std::time::Duration;

use clap::Args;

use crate::values::{Size, parse_time_above_0};

const DEFAULT_TIME: &str = "5s";
const DEFAULT_MEMORY: &str = "64MiB";

/// Attacks on the endpoint.
#[derive(Debug, Args)]
#[command(next_help_heading = "Attacks")]
pub(crate) struct AttackArgs {
    /// Also attack the endpoint, after the other cases: floods, bombs, slow and endless requests and messages
    ///
    /// Each attack has a bounded time and at most 256 MiB. A well-behaved client beside it is timed before, during and
    /// after. Only an endpoint on this machine is attacked. `--only attack` leaves out the other cases.
    #[arg(long, conflicts_with = "listen")]
    pub(crate) attack: bool,

    /// Attack an endpoint that is not on this machine: it must be yours, and so must what is between here and there
    #[arg(long, requires = "attack")]
    pub(crate) i_own_this_host: bool,

    /// Measure the memory of this process, which is the endpoint's, and of the processes that it has started (Linux)
    #[arg(long, value_name = "PID", requires = "attack")]
    pub(crate) pid: Option<u32>,

    /// How long each attack takes at most
    #[arg(long, value_name = "TIME", default_value = DEFAULT_TIME, requires = "attack", value_parser = parse_time_above_0)]
    pub(crate) attack_time: Duration,

    /// How much memory an attack may cost the endpoint
    #[arg(long, value_name = "SIZE", default_value = DEFAULT_MEMORY, requires = "pid")]
    pub(crate) attack_memory: Size,
}

impl AttackArgs {
    /// Whether an endpoint is attacked that must be on this machine.
    pub(crate) fn are_near(&self) -> bool {
        self.attack && !self.i_own_this_host
    }

    /// The flags that were given, for the command that repeats a run.
    pub(crate) fn words(&self) -> Vec<String> {
        let AttackArgs { attack, i_own_this_host, pid, attack_time, attack_memory } = self;
        let mut words = Vec::new();
        words.extend(attack.then(|| "--attack".to_owned()));
        words.extend(i_own_this_host.then(|| "--i-own-this-host".to_owned()));
        words.extend(pid.map(|pid| format!("--pid {pid}")));
        if parse_time_above_0(DEFAULT_TIME).as_ref() != Ok(attack_time) {
            words.push(format!("--attack-time {attack_time:?}"));
        }
        if DEFAULT_MEMORY.parse().as_ref() != Ok(attack_memory) {
            words.push(format!("--attack-memory {}", attack_memory.0));
        }
        words
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Args {
        #[command(flatten)]
        attacks: AttackArgs,

        #[arg(long)]
        listen: bool,
    }

    #[test]
    fn the_flags_that_were_given_are_repeated() {
        for line in ["", "--attack", "--attack --pid 7 --attack-time 300ms --attack-memory 1024"] {
            let args = Args::parse_from(["check"].into_iter().chain(line.split_whitespace()));
            assert!(!args.listen);
            assert_eq!(args.attacks.words().join(" "), line);
        }
    }
}
