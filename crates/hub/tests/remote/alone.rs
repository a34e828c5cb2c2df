//! A node that goes on alone while it does not reach the engine.

use std::task::Poll;
use std::time::Duration;

use longwire_hub::{
    BrokerError, Call, ChannelName, ClientInfo, Joined, Member, PresenceStats, Recovery, Since,
    StreamPosition,
};

use crate::node::poll;
use crate::store::lock;
use crate::support::{Trial, channel};

const SECOND: Duration = Duration::from_secs(1);

fn trial() -> Trial {
    Trial::alone_after(5 * SECOND)
}

fn since(joined: &Joined) -> Since {
    Since::Position { position: joined.position.clone(), limit: 100 }
}

impl Trial {
    fn set_down(&self, is_down: bool) {
        lock(&self.network).engine.is_down = is_down;
    }

    /// Seconds pass until the node is alone, or is not any more.
    fn pass_until(&mut self, is_alone: bool) -> u32 {
        for seconds in 1..100 {
            self.pass(SECOND);
            self.settle();
            if self.status().is_alone == is_alone {
                return seconds;
            }
        }
        panic!("it does not change");
    }

    fn go_alone(&mut self) {
        self.set_down(true);
        // Something notices that the engine is down.
        assert!(self.publish("other", "refused").is_err());
        assert_eq!(self.pass_until(true), 6);
    }

    fn come_back(&mut self) {
        self.set_down(false);
        self.pass_until(false);
    }

    fn members(&self) -> PresenceStats {
        match self.node.broker.presence_stats(&channel("news"), self.now) {
            Call::Ready(stats) => stats.unwrap(),
            Call::Later(_) => panic!("memory answers at once"),
        }
    }

    fn add_member(&self, client: &str) {
        let info = ClientInfo { user: "ann".into(), client: client.into(), conn_info: None, chan_info: None };
        let member = Member { info, ttl: 600 * SECOND };
        let added = self.node.broker.add_presence(&channel("news"), member, false, self.now);
        assert!(matches!(added, Call::Ready(Ok(()))));
    }
}

#[test]
fn subscribers_are_told_when_it_goes_and_when_it_comes_back_and_no_position_goes_over() {
    let mut trial = trial();
    let (first, joined) = trial.try_subscribe("news", Since::Now).unwrap();
    trial.publish("news", "together").unwrap();
    trial.settle();
    assert_eq!(trial.got(first), ["1 together"]);
    let before = StreamPosition { offset: 1, ..joined.position };

    trial.go_alone();
    assert_eq!(trial.got(first), ["lost"]);
    trial.unsubscribe("news", first);
    let position = Since::Position { position: before.clone(), limit: 100 };
    let (second, alone) = trial.try_subscribe("news", position).unwrap();
    assert!(matches!(alone.recovery, Recovery::Unrecoverable));
    trial.publish("news", "alone").unwrap();
    assert_eq!(trial.got(second), ["1 alone"]);
    let (third, again) = trial.try_subscribe("news", since(&alone)).unwrap();
    assert!(
        matches!(&again.recovery, Recovery::Recovered(missed) if missed.len() == 1),
        "within its time alone"
    );

    trial.come_back();
    assert_eq!([trial.got(second), trial.got(third)], [["lost"], ["lost"]]);
    trial.unsubscribe("news", second);
    trial.unsubscribe("news", third);
    let (fourth, back) = trial.try_subscribe("news", since(&again)).unwrap();
    assert!(matches!(back.recovery, Recovery::Unrecoverable));
    assert_eq!(back.position, before, "what was published alone is not there");
    trial.publish("news", "together again").unwrap();
    trial.settle();
    assert_eq!(trial.got(fourth), ["2 together again"]);
    trial.unsubscribe("news", fourth);

    trial.go_alone();
    let (_, another) = trial.try_subscribe("news", since(&again)).unwrap();
    assert!(matches!(another.recovery, Recovery::Unrecoverable), "another time alone");
}

#[test]
fn presence_is_its_own_while_it_is_alone() {
    let mut trial = trial();
    trial.go_alone();
    trial.add_member("a");
    trial.add_member("b");
    assert_eq!(trial.members(), PresenceStats { clients: 2, users: 1 });
    trial.come_back();
    trial.go_alone();
    assert_eq!(trial.members(), PresenceStats::default());
}

#[test]
fn a_subscription_that_begins_while_the_broker_changes_is_refused_and_leaves_nothing() {
    let mut trial = trial();
    let mut begun = trial.ask("news", Since::Now);
    // The engine answers, and nobody looks at the answer before the node is alone.
    trial.settle();
    trial.go_alone();
    let mut asked = trial.ask("news", Since::Now);
    assert!(matches!(poll(&mut begun.answer), Poll::Ready(Err(BrokerError::Unavailable))));
    assert!(matches!(poll(&mut asked.answer), Poll::Ready(Ok(_))));
    trial.unsubscribe("news", asked.id);
    assert_eq!(trial.node.fallback.as_ref().unwrap().subscriptions(), 0);
    trial.come_back();
    trial.pass(10 * SECOND);
    trial.settle();
    assert_eq!(trial.status().followed, 0);
}

/// Clients need not come back.
#[test]
fn subscriptions_of_earlier_times_end_in_any_order() {
    let mut trial = trial();
    let first = trial.subscribe("news");
    trial.go_alone();
    let second = trial.subscribe("news");
    trial.come_back();
    let third = trial.subscribe("news");
    for id in [third, first, second] {
        trial.unsubscribe("news", id);
    }
    assert_eq!(trial.node.fallback.as_ref().unwrap().subscriptions(), 0);
    trial.pass(10 * SECOND);
    trial.settle();
    assert_eq!(trial.status().followed, 0);
    assert!(!trial.listens("news"));
}

#[test]
fn a_short_failure_changes_nothing() {
    let mut trial = trial();
    let id = trial.subscribe("news");
    trial.set_down(true);
    assert!(trial.publish("news", "refused").is_err());
    for _ in 0..4 {
        trial.pass(SECOND);
        trial.settle();
    }
    trial.set_down(false);
    for _ in 0..60 {
        trial.pass(SECOND);
        trial.settle();
        assert!(!trial.status().is_alone);
    }
    assert_eq!(trial.got(id), [""; 0]);
}

/// A shard, or a stream without a replica.
#[test]
fn a_part_that_cannot_be_reached_waits_and_takes_no_other_channel_along() {
    let mut trial = trial();
    let (here, there) = (trial.subscribe("news"), trial.subscribe("elsewhere"));
    let of_part = |of: &ChannelName| *of == channel("elsewhere");
    trial.network().engine.unreachable.insert(channel("longwire:probe:0"));
    trial.node.events.interrupted(&of_part);
    trial.publish("elsewhere", "missed").unwrap();
    trial.take_message();
    for _ in 0..60 {
        trial.pass(SECOND);
        trial.settle();
        assert!(!trial.status().is_alone);
    }
    trial.publish("news", "goes on").unwrap();
    trial.settle();
    assert_eq!((trial.got(here), trial.got(there).len()), (vec!["1 goes on".to_owned()], 0));

    trial.network().engine.unreachable.clear();
    trial.node.events.restored(&of_part);
    trial.settle();
    assert_eq!(trial.got(there), ["1 missed"]);
    trial.go_alone();
    assert_eq!([trial.got(here), trial.got(there)], [["lost"], ["lost"]]);
}

#[test]
fn a_part_that_hangs_holds_up_no_other() {
    let mut trial = trial();
    trial.set_down(true);
    assert!(trial.publish("news", "refused").is_err());
    for _ in 0..4 {
        trial.pass(SECOND);
        trial.settle();
    }
    // All questions of one probe but one are answered before its time is over.
    trial.set_down(false);
    trial.pass(SECOND);
    let hanging = trial.network().calls.pop();
    trial.settle();
    assert!(hanging.is_some());
    trial.pass(SECOND);
    assert!(!trial.status().is_alone);
    assert_eq!(trial.pass_until(true), 5, "nothing else is heard");
}
