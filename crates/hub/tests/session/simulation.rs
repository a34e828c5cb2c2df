//! Thousands of random schedules in virtual time: what each simulated client sees is compared with what was published.
//!
//! A schedule follows from its seed. A failure names it: run that seed alone to see the same again.

mod model;
mod reader;

use self::model::{Answers, Model};

/// One random step.
fn step(model: &mut Model) {
    let client = model.random.below(model.clients());
    let channel = model.random.below(model.channels());
    match model.random.below(100) {
        0..18 => model.publish(channel),
        18..24 => (0..3).for_each(|_| model.answer_some()),
        24..30 => model.publish_by(client, channel),
        30..48 => model.deliver_some(),
        48..62 => model.read(client),
        62..72 => model.subscribe(client, channel),
        72..75 => model.unsubscribe(client, channel),
        75..80 => model.unsubscribe_by_server(client, channel),
        80..86 => model.cut(client),
        86..89 => model.pass_short(),
        89..90 => model.pass_long(),
        90..94 => model.expire(),
        94..95 => model.trim(channel),
        95..98 => model.check_presence(channel),
        _ => model.settle(),
    }
}

fn run(seed: u64, steps: usize, answers: Answers) -> String {
    let mut model = Model::new(seed, answers);
    for _ in 0..steps {
        step(&mut model);
    }
    model.end();
    model.transcript()
}

/// Runs a schedule per seed, and names the first seed that fails. Says how often clients were told that they may miss
/// something.
fn run_all(seeds: std::ops::Range<u64>, steps: usize, answers: Answers) -> usize {
    let mut told = 0;
    for seed in seeds {
        match std::panic::catch_unwind(|| run(seed, steps, answers)) {
            Ok(transcript) => told += transcript.matches("insufficient state").count(),
            Err(panic) => {
                eprintln!("the schedule of seed {seed} failed");
                std::panic::resume_unwind(panic);
            }
        }
    }
    told
}

#[test]
fn clients_see_what_was_published_in_short_schedules() {
    run_all(0..250, 60, Answers::AtOnce);
}

#[test]
fn clients_see_what_was_published_in_long_schedules() {
    run_all(10_000..10_012, 600, Answers::AtOnce);
}

#[test]
fn a_schedule_can_be_repeated() {
    assert_eq!(run(7, 300, Answers::AtOnce), run(7, 300, Answers::AtOnce));
}

#[test]
fn clients_see_what_was_published_with_a_broker_that_answers_later() {
    run_all(20_000..20_100, 80, Answers::Later);
}

#[test]
fn clients_see_what_was_published_with_a_broker_that_answers_at_any_time() {
    run_all(30_000..30_300, 120, Answers::AnyTime);
}

#[test]
fn clients_see_what_was_published_on_an_engine_that_loses_some_of_it_on_the_way() {
    let told = run_all(40_000..40_300, 120, Answers::Shared);
    assert!(told > 20, "clients were told {told} times");
}
