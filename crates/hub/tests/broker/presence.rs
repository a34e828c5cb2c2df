//! Presence: members, users, joins, leaves and time.

use longwire_hub::{Broker, BrokerError, MemoryLimits, MemoryUsage};

use crate::support::{Trial, member, ready};

#[test]
fn a_join_is_heard_only_of_a_new_client_and_a_leave_only_of_one_that_was_there() {
    let mut trial = Trial::new(0);
    trial.join("c1", "ann", 25);
    trial.pass(20);
    trial.join("c1", "ann", 25);
    trial.leave("c2");
    trial.pass(20);
    trial.expire();
    assert_eq!(trial.heard(), ["join c1"]);
    trial.leave("c1");
    trial.leave("c1");
    assert_eq!(trial.heard(), ["leave c1"]);
    assert_eq!(trial.broker.usage(), MemoryUsage::default());
}

#[test]
fn ids_of_any_form_are_read_as_they_came() {
    let trial = Trial::new(0);
    let ids =
        ["0012abff-1020-4f40-bf60-708090a0b0c0", "0012ABFF-1020-4F40-BF60-708090A0B0C0", "0012abff", ""];
    ids.iter().for_each(|id| trial.join(id, "ann", 25));
    assert_eq!(trial.present(), (4, 1));
    let read = ready(trial.broker.presence(&trial.channel, 9, trial.now)).unwrap().clients;
    assert!(ids.iter().all(|id| read[*id].client == *id));
    ids.iter().for_each(|id| trial.leave(id));
    assert_eq!(
        trial.heard(),
        [ids.map(|id| format!("join {id}")), ids.map(|id| format!("leave {id}"))].concat()
    );
    assert_eq!(trial.broker.usage(), MemoryUsage::default());
}

#[test]
fn a_user_with_three_tabs_is_one() {
    let trial = Trial::new(0);
    for (client, user) in [("c1", "ann"), ("c2", "ann"), ("c3", "ann"), ("c4", "bob"), ("c5", ""), ("c6", "")]
    {
        trial.join(client, user, 25);
    }
    assert_eq!(trial.present(), (6, 3));
    trial.leave("c1");
    trial.leave("c3");
    assert_eq!(trial.present(), (4, 3));
    trial.leave("c2");
    assert_eq!(trial.present(), (3, 2));
    trial.join("c4", "cleo", 25);
    trial.leave("c4");
    assert_eq!(trial.present(), (2, 1));
}

#[test]
fn a_client_that_is_not_renewed_is_gone_and_its_leave_is_heard() {
    let mut trial = Trial::new(0);
    trial.join("c1", "ann", 25);
    trial.join("c2", "bob", 50);
    trial.pass(24);
    assert_eq!(trial.present(), (2, 2));
    trial.join("c2", "bob", 25);
    trial.pass(1);
    assert_eq!(trial.present(), (1, 1), "also before it is swept");
    trial.expire();
    assert_eq!(trial.heard(), ["join c1", "join c2", "leave c1"]);
    trial.pass(24);
    trial.expire();
    assert_eq!(trial.heard(), ["leave c2"], "a shorter time counts from its renewal");
    assert_eq!(trial.broker.usage(), MemoryUsage::default());
}

#[test]
fn a_client_that_comes_back_after_its_time_leaves_and_joins() {
    let mut trial = Trial::new(0);
    trial.join("c1", "ann", 25);
    trial.pass(25);
    trial.join("c1", "ann", 25);
    assert_eq!(trial.heard(), ["join c1", "leave c1", "join c1"]);
    trial.pass(25);
    trial.leave("c1");
    assert_eq!(trial.heard(), ["leave c1"]);
}

#[test]
fn many_that_come_and_go_leave_nothing_behind() {
    let mut trial = Trial::new(0);
    trial.join("stays", "ann", 3600);
    for number in 0..1_000 {
        trial.join(&format!("c{number}"), "ann", 3600);
        trial.join("returns", "bob", 25);
        trial.leave(&format!("c{number}"));
        trial.leave("returns");
    }
    trial.join("returns", "bob", 50);
    trial.heard();
    trial.pass(49);
    trial.expire();
    assert_eq!((trial.present(), trial.heard()), ((2, 2), vec![]));
    trial.pass(1);
    trial.expire();
    assert_eq!((trial.present(), trial.heard()), ((1, 1), vec!["leave returns".to_owned()]));
}

#[test]
fn nothing_is_heard_unless_it_is_to_be_announced() {
    let mut trial = Trial::new(0);
    for client in ["c1", "c2"] {
        let member = member(client, "ann", 25);
        ready(trial.broker.add_presence(&trial.channel, member, false, trial.now)).unwrap();
    }
    ready(trial.broker.remove_presence(&trial.channel, "c1", false, trial.now)).unwrap();
    trial.pass(25);
    trial.expire();
    assert_eq!(trial.heard(), [""; 0]);
    assert_eq!(trial.present(), (0, 0));
}

#[test]
fn no_more_clients_are_read_than_asked() {
    let trial = Trial::new(0);
    for client in ["c3", "c1", "c2"] {
        trial.join(client, "ann", 25);
    }
    let read = |limit| ready(trial.broker.presence(&trial.channel, limit, trial.now)).unwrap().clients;
    assert_eq!((read(0).len(), read(2).len()), (0, 2));
    assert_eq!(read(9).keys().map(|id| &**id).collect::<Vec<_>>(), ["c1", "c2", "c3"]);
    assert!(read(9).iter().all(|(id, info)| *id == info.client && &*info.user == "ann"));
}

#[test]
fn clients_are_bounded_in_a_channel_and_in_all() {
    let mut limits = MemoryLimits::default();
    (limits.presences_per_channel, limits.presences) = (2, 3);
    let mut trial = Trial::with_limits(0, limits);
    trial.join("c1", "ann", 25);
    trial.join("c2", "ann", 25);
    assert_eq!(trial.try_join("c3", "ann", 25), Err(BrokerError::LimitExceeded), "in the channel");
    trial.on("other").join("c3", "ann", 25);
    assert_eq!(trial.on("third").try_join("c4", "ann", 25), Err(BrokerError::LimitExceeded), "in all");
    trial.on("news").join("c2", "ann", 30);
    trial.leave("c1");
    trial.join("c3", "ann", 25);
    assert_eq!((trial.broker.usage().presences, trial.broker.usage().channels), (3, 2));
    assert_eq!(trial.heard(), ["join c1", "join c2", "join c3", "leave c1", "join c3"]);
}
