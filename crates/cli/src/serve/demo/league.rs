//! Matches that nobody plays: a minute of play takes a second.

use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use serde::Serialize;

const TEAMS: [&str; 8] = ["Arno", "Duero", "Elbe", "Loire", "Meuse", "Oder", "Rhine", "Tiber"];

/// The length of a match.
const PLAY: u32 = 90;

/// How long the final scores stay, in minutes of play.
const PAUSE: u32 = 10;

/// Goals of a team in a match, on average.
const GOALS: f64 = 1.6;

/// The matches of a round as they stand.
#[derive(Debug, Clone, Serialize)]
pub(super) struct League {
    round: u32,
    minute: u32,
    matches: Vec<Match>,
    #[serde(skip)]
    random: SmallRng,
}

#[derive(Debug, Clone, Serialize)]
struct Match {
    home: &'static str,
    away: &'static str,
    score: [u32; 2],
}

/// What must not be missed.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Goal {
    round: u32,
    minute: u32,
    by: &'static str,
    #[serde(flatten)]
    after: Match,
}

impl League {
    pub(super) fn new(seed: u64) -> League {
        let random = SmallRng::seed_from_u64(seed);
        let mut league = League { round: 0, minute: 0, matches: Vec::new(), random };
        league.next_round();
        league
    }

    /// Plays for a minute.
    pub(super) fn play(&mut self) -> Vec<Goal> {
        if self.minute >= PLAY + PAUSE {
            self.next_round();
            return Vec::new();
        }
        self.minute += 1;
        let mut goals = Vec::new();
        if self.minute > PLAY {
            return goals;
        }
        for playing in &mut self.matches {
            let [home, away] = &mut playing.score;
            let by = if self.random.random_bool(GOALS / f64::from(PLAY)) {
                *home += 1;
                playing.home
            } else if self.random.random_bool(GOALS / f64::from(PLAY)) {
                *away += 1;
                playing.away
            } else {
                continue;
            };
            goals.push(Goal { round: self.round, minute: self.minute, by, after: playing.clone() });
        }
        goals
    }

    fn next_round(&mut self) {
        let mut teams = TEAMS;
        teams.shuffle(&mut self.random);
        let (pairs, _) = teams.as_chunks();
        self.matches = pairs.iter().map(|&[home, away]| Match { home, away, score: [0, 0] }).collect();
        self.round += 1;
        self.minute = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_goal_of_a_round_is_told_and_the_next_round_begins_at_nil() {
        let mut league = League::new(3);
        let mut goals = 0;
        for _ in 0..PLAY + PAUSE {
            goals += league.play().len();
        }
        let scored: u32 = league.matches.iter().flat_map(|played| played.score).sum();
        assert_eq!(goals, scored as usize);
        assert!(goals > 0, "with this seed");
        assert!(league.play().is_empty());
        assert_eq!((league.round, league.minute), (2, 0));
        assert!(league.matches.iter().all(|played| played.score == [0, 0]));
    }
}
