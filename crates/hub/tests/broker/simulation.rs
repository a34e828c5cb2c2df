//! Thousands of random schedules in virtual time. What each simulated client sees is compared with what was published.
//!
//! A schedule follows from its seed. A failure names it: run that seed alone to see the same again.

mod model;
mod node;
mod random;
mod world;

use std::time::Duration;

use longwire_hub::Broker;

use self::node::LOOPS;
use self::world::World;

const CLIENTS: usize = 4;

/// One random step.
fn step(world: &mut World) {
    let channels = world.channels.clone();
    let channel = &world.random.pick(&channels);
    let client = world.random.below(CLIENTS);
    match world.random.below(100) {
        0..25 => world.publish(channel),
        25..50 => {
            let event_loop = world.random.below(LOOPS);
            world.handle_mail(event_loop);
        }
        50..65 => world.subscribe(client, channel),
        65..69 => world.unsubscribe(client, channel, false),
        69..75 => world.cut(client),
        75..81 => {
            let time = world.random.pick(&[1, 700, 1_000, 5_000, 20_000]);
            world.pass(Duration::from_millis(time));
        }
        81..82 => {
            let time = world.random.pick(&[25, 60, 61, 600, 900]);
            world.pass(Duration::from_secs(time));
        }
        82..87 => world.broker.expire(world.now),
        87..88 => world.remove_history(channel),
        88..91 => world.read_history(channel),
        91..95 => world.renew(client, channel),
        95..99 => world.read_presence(channel),
        _ if world.random.once_in(4) => world.restart(),
        _ => world.handle_all_mail(),
    }
}

fn run(seed: u64, steps: usize, give_way: bool) {
    let mut world = World::new(seed, CLIENTS, give_way);
    for _ in 0..steps {
        step(&mut world);
    }
    world.end();
}

/// Runs a schedule per seed, and names the first seed that fails.
fn run_all(seeds: std::ops::Range<u64>, steps: usize, give_way: bool) {
    for seed in seeds {
        let run = || run(seed, steps, give_way);
        if let Err(panic) = std::panic::catch_unwind(run) {
            eprintln!("the schedule of seed {seed} failed");
            std::panic::resume_unwind(panic);
        }
    }
}

#[test]
fn clients_see_what_was_published_in_short_schedules() {
    run_all(0..2_000, 60, false);
}

#[test]
fn clients_see_what_was_published_in_long_schedules() {
    run_all(10_000..10_060, 800, false);
}

#[test]
fn clients_see_what_was_published_while_history_gives_way() {
    run_all(20_000..20_200, 200, true);
}
