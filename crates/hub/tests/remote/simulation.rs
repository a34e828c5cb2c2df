//! Thousands of random schedules: what each simulated client sees is compared with what the engine has taken.
//!
//! A schedule follows from its seed. A failure names it: run that seed alone to see the same again.
//!
//! How many seeds find a mutation of the broker, of the 2,000 short and the 60 long schedules:
//!
//! | mutation | short | long |
//! |---|---|---|
//! | a subscription begins before the others are brought to its position: no ordering point | 215 | 55 |
//! | what arrives after a gap is dropped instead of held | 13 | 3 |
//! | what arrives during a first read is dropped instead of held | 2 | 0 |
//! | what was delivered during a read is left out of the recovery | 29 | 19 |
//! | a gap is passed over | 114 | 55 |
//! | nobody is told of what is lost | 324 | 58 |
//! | nothing is read after an interruption | 116 | 7 |
//! | positions are not compared with the engine's in silent channels | 20 | 1 |
//! | a read that began before a subscriber asked serves it | 21 | 7 |
//! | what is held of a lost stream is kept | 9 | 4 |
//!
//! Of the 2,000 short and the 60 long schedules in which nodes go on alone:
//!
//! | mutation | short | long |
//! |---|---|---|
//! | nobody is told when the broker changes | 419 | 58 |
//! | each time alone has the same epochs | 0 | 37 |
//! | subscriptions stay at the shared broker | 377 | 48 |
//! | a broker reaches subscribers while it does not have their channels | 101 | 19 |
//! | the end of a subscription is said to the present broker, whichever it began at | 502 | 53 |

use crate::world::{Figures, World};

/// How large a world is, and for how long it runs.
#[derive(Clone, Copy)]
struct Extent {
    nodes: usize,
    clients: usize,
    steps: usize,
    /// Whether nodes go on alone while they do not reach the engine.
    goes_alone: bool,
}

const SHORT: Extent = Extent { nodes: 2, clients: 2, steps: 120, goes_alone: false };

const LONG: Extent = Extent { nodes: 3, clients: 4, steps: 1_500, goes_alone: false };

fn run(seed: u64, extent: Extent) -> Figures {
    let Extent { nodes, clients, steps, goes_alone } = extent;
    let mut world = World::new(seed, nodes, clients, goes_alone);
    for _ in 0..steps {
        world.step();
    }
    world.end()
}

/// Runs a schedule per seed, and names the first seed that fails.
fn run_all(seeds: std::ops::Range<u64>, extent: Extent) -> Figures {
    let mut all = Figures::default();
    for seed in seeds {
        let run = || run(seed, extent);
        match std::panic::catch_unwind(run) {
            Ok(figures) => all.add(&figures),
            Err(panic) => {
                eprintln!("the schedule of seed {seed} failed");
                std::panic::resume_unwind(panic);
            }
        }
    }
    all
}

#[test]
fn clients_of_all_nodes_see_what_was_published_in_short_schedules() {
    let all = run_all(0..2_000, SHORT);
    assert!(all.recovered > 300 && all.unrecovered > 300 && all.told > 50, "{all:?}");
}

#[test]
fn clients_of_all_nodes_see_what_was_published_in_long_schedules() {
    let all = run_all(10_000..10_060, LONG);
    assert!(all.gaps_filled > 100 && all.duplicates > 100 && all.refused > 100, "{all:?}");
}

#[test]
fn nodes_that_go_on_alone_and_come_back_keep_the_promises_in_short_schedules() {
    let all = run_all(20_000..22_000, Extent { goes_alone: true, ..SHORT });
    assert!(all.turns > 300 && all.recovered > 300 && all.unrecovered > 300 && all.told > 300, "{all:?}");
}

#[test]
fn nodes_that_go_on_alone_and_come_back_keep_the_promises_in_long_schedules() {
    let all = run_all(30_000..30_060, Extent { goes_alone: true, ..LONG });
    assert!(all.turns > 300 && all.gaps_filled > 30 && all.refused > 300, "{all:?}");
}
