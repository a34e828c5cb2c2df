use super::*;

fn topic(name: &str) -> Topic {
    Topic::Channel(name.parse().unwrap())
}

fn add(subscriptions: &mut Subscriptions, name: &str) -> oneshot::Receiver<()> {
    subscriptions.add(name.as_bytes(), topic(name))
}

/// The requests that are sent now: `+name`, `-name`, `ping`.
fn sent(subscriptions: &mut Subscriptions, most: usize) -> Vec<String> {
    let shown = |request: &Request| match request {
        Request::Subscribe { name, .. } => format!("+{}", String::from_utf8_lossy(name)),
        Request::Unsubscribe(name) => format!("-{}", String::from_utf8_lossy(name)),
        Request::Ping => "ping".to_owned(),
    };
    subscriptions.next_requests(most).iter().map(shown).collect()
}

/// The answer to a request to subscribe.
fn subscribed(subscriptions: &mut Subscriptions, request: &str) -> Restored {
    subscriptions.subscribed(request.strip_prefix('+').unwrap().as_bytes()).unwrap()
}

fn set(names: &[&str]) -> HashSet<Topic> {
    names.iter().map(|name| topic(name)).collect()
}

/// Connected, and listening to these.
fn listening(names: &[&str]) -> Subscriptions {
    let mut subscriptions = Subscriptions::default();
    subscriptions.connected();
    for name in names {
        let mut receiver = add(&mut subscriptions, name);
        assert_eq!(sent(&mut subscriptions, 9), [format!("+{name}")]);
        assert_eq!(subscriptions.subscribed(name.as_bytes()), Ok(None));
        assert!(receiver.try_recv().is_ok());
    }
    subscriptions
}

#[test]
fn an_interruption_is_over_when_all_is_listened_to_again() {
    let mut subscriptions = listening(&["a", "b"]);
    assert_eq!(subscriptions.disconnected(), set(&["a", "b"]));
    assert_eq!(subscriptions.disconnected(), set(&[]), "told once");
    subscriptions.connected();
    for request in sent(&mut subscriptions, 1) {
        assert_eq!(subscribed(&mut subscriptions, &request), None);
    }
    // The connection ends before the other one is answered.
    assert_eq!(subscriptions.disconnected().len(), 1, "one was listened to, but nobody was told");
    subscriptions.connected();
    let mut restored = None;
    for request in sent(&mut subscriptions, 9) {
        assert_eq!(restored, None);
        restored = subscribed(&mut subscriptions, &request);
    }
    assert_eq!(restored, Some(set(&["a", "b"])));
}

#[test]
fn what_is_begun_during_an_interruption_is_not_restored() {
    let mut subscriptions = Subscriptions::default();
    let mut receiver = add(&mut subscriptions, "a");
    subscriptions.connected();
    assert_eq!(sent(&mut subscriptions, 9), ["+a"]);
    assert!(receiver.try_recv().is_err());
    assert_eq!(subscriptions.disconnected(), set(&[]), "nobody was told that it listens");
    subscriptions.connected();
    assert_eq!(sent(&mut subscriptions, 9), ["+a"]);
    assert_eq!(subscriptions.subscribed(b"a"), Ok(None));
    assert!(receiver.try_recv().is_ok());
}

#[test]
fn what_ends_and_begins_again_is_listened_to_after_its_second_answer() {
    let mut subscriptions = listening(&["a"]);
    subscriptions.take(b"a");
    let mut first = add(&mut subscriptions, "a");
    subscriptions.take(b"a");
    let mut second = add(&mut subscriptions, "a");
    assert_eq!(sent(&mut subscriptions, 9), ["-a", "+a", "-a", "+a"]);
    assert_eq!(subscriptions.unsubscribed(b"a"), None);
    assert_eq!(subscriptions.subscribed(b"a"), Ok(None));
    assert!(second.try_recv().is_err(), "another end follows");
    assert_eq!(subscriptions.unsubscribed(b"a"), None);
    assert_eq!(subscriptions.subscribed(b"a"), Ok(None));
    assert!(second.try_recv().is_ok() && first.try_recv().is_err());
}

#[test]
fn an_end_that_nobody_asked_for_is_an_interruption_until_another_server_has_it() {
    let mut subscriptions = listening(&["a", "b"]);
    assert_eq!(subscriptions.unsubscribed(b"a"), Some(topic("a")));
    assert_eq!(subscriptions.unsubscribed(b"a"), None, "told once");
    let (moved, newly_lost) = subscriptions.take_lost(vec![b"a".to_vec(), b"b".to_vec()]);
    assert_eq!(newly_lost, set(&["b"]));
    let mut other = listening(&["c"]);
    for (name, entry) in moved {
        other.put(name, entry);
    }
    assert_eq!(sent(&mut other, 9), ["+a", "+b"]);
    assert_eq!(other.subscribed(b"a"), Ok(None));
    assert_eq!(other.subscribed(b"b"), Ok(Some(set(&["a", "b"]))));
}

#[test]
fn what_a_server_refuses_is_asked_for_again_and_keeps_nothing_else_waiting() {
    let mut subscriptions = listening(&["a", "b"]);
    subscriptions.disconnected();
    subscriptions.connected();
    let requests = sent(&mut subscriptions, 9);
    assert_eq!(subscriptions.answered(true), Ok(None));
    let restored = subscribed(&mut subscriptions, &requests[1]).unwrap();
    assert_eq!(restored.len(), 1);
    subscriptions.ping();
    assert_eq!(sent(&mut subscriptions, 9), [&*requests[0], "ping"]);
    assert_eq!(subscribed(&mut subscriptions, &requests[0]).map(|restored| restored.len()), Some(1));
    assert_eq!(subscriptions.answered(false), Ok(None));
}

#[test]
fn what_ends_during_an_interruption_keeps_nothing_else_waiting() {
    let mut subscriptions = listening(&["a", "b"]);
    subscriptions.disconnected();
    subscriptions.connected();
    let requests = sent(&mut subscriptions, 9);
    assert_eq!(subscribed(&mut subscriptions, &requests[0]), None);
    let (first, second) = (requests[0].replace('+', ""), requests[1].replace('+', ""));
    subscriptions.take(second.as_bytes());
    assert_eq!(subscribed(&mut subscriptions, &requests[1]), None, "it is not listened to");
    subscriptions.ping();
    assert_eq!(sent(&mut subscriptions, 1), [format!("-{second}")]);
    assert_eq!(subscriptions.unsubscribed(second.as_bytes()), None);
    assert_eq!(sent(&mut subscriptions, 1), ["ping"]);
    assert_eq!(subscriptions.answered(false), Ok(Some(set(&[&first]))));
}

#[test]
fn a_caller_that_gives_up_leaves_nothing_but_what_others_want() {
    let mut subscriptions = Subscriptions::default();
    subscriptions.connected();
    let (first, second) = (add(&mut subscriptions, "a"), add(&mut subscriptions, "a"));
    drop(first);
    assert!(!subscriptions.cancel(b"a"), "another one waits");
    drop(second);
    assert!(subscriptions.cancel(b"a"));
    assert_eq!(sent(&mut subscriptions, 9), ["+a", "-a"]);

    let mut held = listening(&["a"]);
    held.disconnected();
    drop(add(&mut held, "a"));
    assert!(!held.cancel(b"a"), "it was listened to before");
}

#[test]
fn unanswered_requests_are_bounded() {
    let mut subscriptions = Subscriptions::default();
    subscriptions.connected();
    for number in 0..2 * WINDOW {
        drop(add(&mut subscriptions, &number.to_string()));
    }
    assert_eq!(subscriptions.next_requests(usize::MAX).len(), WINDOW);
    assert!(!subscriptions.has_to_send());
    for number in 0..WINDOW / 2 {
        subscriptions.subscribed(number.to_string().as_bytes()).unwrap();
    }
    assert!(subscriptions.has_to_send());
}

#[test]
fn answers_that_belong_to_no_request_are_refused() {
    let mut subscriptions = listening(&["a"]);
    assert_eq!(subscriptions.subscribed(b"a"), Err(Unexpected));
    assert_eq!(subscriptions.answered(false), Err(Unexpected));
    drop(add(&mut subscriptions, "b"));
    subscriptions.next_requests(9);
    assert_eq!(subscriptions.answered(false), Err(Unexpected), "a PONG for a subscription");
}
