//! The race on a paused clock: each address answers as its row says.

use std::cell::RefCell;
use std::future::pending;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::*;

const SECOND: Duration = Duration::from_secs(1);

/// The outcome of dialling an address.
#[derive(Clone, Copy)]
enum Answer {
    After(Duration),
    RefusedAfter(Duration),
    Never,
}
use Answer::{After, Never, RefusedAfter};

/// Returns the winner or the error, and the elapsed time. The addresses have the ports 1, 2, …
async fn raced(answers: &[Answer]) -> (Result<u16, String>, Duration) {
    let addresses = (1..).take(answers.len()).map(|port| SocketAddr::from(([127, 0, 0, 1], port))).collect();
    let dial = |address: SocketAddr| {
        let answer = answers[usize::from(address.port()) - 1];
        async move {
            match answer {
                After(time) => sleep(time).await,
                RefusedAfter(time) => {
                    sleep(time).await;
                    return Err(io::ErrorKind::ConnectionRefused.into());
                }
                Never => pending().await,
            }
            Ok(address.port())
        }
    };
    let begun = Instant::now();
    let outcome = race(Found { addresses, later: None }, dial, 10 * SECOND).await;
    (outcome.map_err(|lost| lost.to_string()), begun.elapsed())
}

#[tokio::test(start_paused = true)]
async fn the_first_address_has_a_head_start() {
    let quick = Duration::from_millis(249);
    assert_eq!(raced(&[After(quick), After(Duration::ZERO)]).await, (Ok(1), quick));
}

#[tokio::test(start_paused = true)]
async fn the_next_is_dialled_beside_one_that_is_slow_and_the_first_answer_wins() {
    assert_eq!(raced(&[After(SECOND), After(Duration::ZERO)]).await, (Ok(2), HEAD_START));
    assert_eq!(raced(&[After(SECOND), After(SECOND)]).await, (Ok(1), SECOND));
    assert_eq!(raced(&[Never, Never, Never, After(SECOND)]).await, (Ok(4), 3 * HEAD_START + SECOND));
}

#[tokio::test(start_paused = true)]
async fn after_a_refusal_the_next_is_dialled_at_once() {
    let refused = RefusedAfter(Duration::from_millis(10));
    assert_eq!(raced(&[refused, refused, After(SECOND)]).await, (Ok(3), Duration::from_millis(20) + SECOND));
}

#[tokio::test(start_paused = true)]
async fn when_all_have_failed_each_is_named() {
    let refused = RefusedAfter(Duration::ZERO);
    let (outcome, time) = raced(&[refused, refused]).await;
    assert_eq!(outcome.unwrap_err(), "127.0.0.1:1: connection refused; 127.0.0.1:2: connection refused");
    assert_eq!(time, Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn when_the_time_is_up_those_without_an_answer_are_named_too() {
    let (outcome, time) = raced(&[RefusedAfter(SECOND), Never]).await;
    assert_eq!(outcome.unwrap_err(), "127.0.0.1:1: connection refused; 127.0.0.1:2: no answer");
    assert_eq!(time, 10 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn no_time_at_all_is_time_for_one_attempt() {
    let found = Found { addresses: vec![([127, 0, 0, 1], 1).into()], later: None };
    let lost = race(found, |_| pending::<io::Result<()>>(), Duration::ZERO).await.unwrap_err();
    assert_eq!(lost.to_string(), "127.0.0.1:1: no answer");
}

#[tokio::test(start_paused = true)]
async fn only_so_many_addresses_are_tried() {
    let (outcome, _) = raced(&[RefusedAfter(Duration::ZERO); 100]).await;
    assert_eq!(outcome.unwrap_err().matches("refused").count(), ATTEMPTS);
}

/// Returns the ports in the order of dialling, each with its time. The addresses `known` are known at once, those in
/// `later` after a delay. Even ports belong to IPv6 addresses. No address answers.
async fn dialled(known: &[u16], after: Duration, later: &'static [u16]) -> Vec<(u16, Duration)> {
    let address = |port: &u16| {
        let ip = if port.is_multiple_of(2) {
            IpAddr::from(Ipv6Addr::LOCALHOST)
        } else {
            Ipv4Addr::LOCALHOST.into()
        };
        SocketAddr::new(ip, *port)
    };
    let begun = Instant::now();
    let order = RefCell::new(Vec::new());
    let dial = |address: SocketAddr| {
        order.borrow_mut().push((address.port(), begun.elapsed()));
        pending::<io::Result<()>>()
    };
    let later = async move {
        sleep(after).await;
        Ok(later.iter().map(address).collect())
    };
    let found = Found { addresses: known.iter().map(address).collect(), later: Some(Box::pin(later)) };
    race(found, dial, 10 * SECOND).await.unwrap_err();
    order.into_inner()
}

#[tokio::test(start_paused = true)]
async fn addresses_that_come_late_take_turns_with_those_that_wait() {
    let at = |turn: u32| turn * HEAD_START;
    assert_eq!(
        dialled(&[2, 4, 6], HEAD_START / 2, &[1, 3]).await,
        [(2, at(0)), (1, at(1)), (4, at(2)), (3, at(3)), (6, at(4))]
    );
    assert_eq!(
        dialled(&[1, 3], HEAD_START / 2, &[2, 4]).await,
        [(1, at(0)), (2, at(1)), (3, at(2)), (4, at(3))]
    );
    assert_eq!(dialled(&[2, 4], Duration::ZERO, &[1]).await, [(2, at(0)), (1, at(1)), (4, at(2))]);
    let after_all = at(5) + HEAD_START / 2;
    assert_eq!(dialled(&[1], after_all, &[2, 4]).await, [(1, at(0)), (2, after_all), (4, after_all + at(1))]);
}

#[tokio::test(start_paused = true)]
async fn what_comes_late_is_waited_for_when_all_else_has_failed() {
    let dial = async |address: SocketAddr| match address.ip() {
        IpAddr::V4(_) => Err(io::ErrorKind::ConnectionRefused.into()),
        IpAddr::V6(_) => Ok(address.port()),
    };
    let found = |answer: io::Result<Vec<SocketAddr>>| {
        let later = async {
            sleep(SECOND).await;
            answer
        };
        Found { addresses: vec![(Ipv4Addr::LOCALHOST, 1).into()], later: Some(Box::pin(later)) }
    };
    let begun = Instant::now();
    let late = found(Ok(vec![(Ipv6Addr::LOCALHOST, 2).into()]));
    assert_eq!(race(late, dial, 10 * SECOND).await.unwrap(), 2);
    assert_eq!(begun.elapsed(), SECOND);

    let nothing = found(Err(io::Error::other("no such name")));
    let lost = race(nothing, dial, 10 * SECOND).await.unwrap_err();
    assert_eq!(lost.to_string(), "127.0.0.1:1: connection refused");
}

/// The attempts are polled by the race itself, not by tasks, so dropping the race drops them at once.
#[tokio::test(start_paused = true)]
async fn the_losers_are_dropped_with_the_race() {
    let alive = std::sync::Arc::new(());
    let dial = |address: SocketAddr| {
        let held = std::sync::Arc::clone(&alive);
        async move {
            let _held = held;
            if address.port() == 2 { Ok(()) } else { pending().await }
        }
    };
    let found = || Found {
        addresses: (1..=2).map(|port| SocketAddr::from(([127, 0, 0, 1], port))).collect(),
        later: Some(Box::pin(pending())),
    };
    race(found(), dial, SECOND).await.unwrap();
    assert_eq!(std::sync::Arc::strong_count(&alive), 1);

    let given_up = tokio::time::timeout(HEAD_START / 2, race(found(), dial, SECOND)).await;
    assert!(given_up.is_err());
    assert_eq!(std::sync::Arc::strong_count(&alive), 1);
}

#[test]
fn an_error_names_the_attempts_unless_the_address_was_asked_for_as_such() {
    let lost = || Lost {
        failed: vec![("127.0.0.1:80".parse().unwrap(), io::ErrorKind::ConnectionRefused.into())],
        silent: Vec::new(),
    };
    let error_text = |host, lost: Lost| {
        let destination = Destination::new(host, 80);
        lost.into_error(&format!("connect to {destination}"), &destination, SECOND).to_string()
    };
    assert_eq!(error_text("127.0.0.1", lost()), "cannot connect to 127.0.0.1:80: connection refused");
    assert_eq!(
        error_text("a.example", lost()),
        "cannot connect to a.example:80: 127.0.0.1:80: connection refused"
    );
    let late = Lost { silent: vec!["[::1]:80".parse().unwrap()], ..lost() };
    assert_eq!(
        error_text("a.example", late),
        "cannot connect to a.example:80 (127.0.0.1:80: connection refused; [::1]:80: no answer): it took \
         longer than 1 s"
    );
}
