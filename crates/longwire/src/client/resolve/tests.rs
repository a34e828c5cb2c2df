//! Lookups that finish in every order, on a paused clock.

use std::future::pending;

use tokio::time::{Instant, sleep};

use super::*;

const MOMENT: Duration = Duration::from_millis(10);
const LONG: Duration = Duration::from_secs(1);

fn addresses(list: &[&str]) -> Vec<SocketAddr> {
    list.iter().map(|address| address.parse().unwrap()).collect()
}

fn after(time: Duration, list: &[&str]) -> Lookup {
    let answer = addresses(list);
    Box::pin(async move {
        sleep(time).await;
        Ok(answer)
    })
}

fn failing(time: Duration, kind: io::ErrorKind, error: &'static str) -> Lookup {
    Box::pin(async move {
        sleep(time).await;
        Err(io::Error::new(kind, error))
    })
}

/// The addresses to try, the later ones, and the time until the first ones.
async fn answered(v6: Lookup, v4: Lookup) -> (Vec<SocketAddr>, Option<Vec<SocketAddr>>, Duration) {
    let begun = Instant::now();
    let found = first_answer(v6, v4).await.unwrap();
    let time = begun.elapsed();
    let later = match found.later {
        Some(later) => Some(later.await.unwrap()),
        None => None,
    };
    (found.addresses, later, time)
}

#[test]
fn families_take_turns_and_keep_their_order() {
    let ordered = |list, v6_first| in_turns(addresses(list), v6_first);
    assert_eq!(
        ordered(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1"], true),
        addresses(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"])
    );
    assert_eq!(
        ordered(&["1.1.1.1:1", "[::1]:1", "2.2.2.2:1"], false),
        addresses(&["1.1.1.1:1", "[::1]:1", "2.2.2.2:1"])
    );
    assert_eq!(ordered(&["[::1]:1"], false), addresses(&["[::1]:1"]));
}

#[tokio::test(start_paused = true)]
async fn v6_addresses_are_tried_as_soon_as_they_are_known() {
    let (found, later, time) =
        answered(after(MOMENT, &["[::1]:1", "[::2]:1"]), after(LONG, &["1.1.1.1:1"])).await;
    assert_eq!((found, time), (addresses(&["[::1]:1", "[::2]:1"]), MOMENT));
    assert_eq!(later.unwrap(), addresses(&["1.1.1.1:1"]));
}

#[tokio::test(start_paused = true)]
async fn v4_addresses_wait_a_little_for_the_others() {
    let v4 = || after(MOMENT, &["1.1.1.1:1", "2.2.2.2:1"]);
    let (found, later, time) = answered(after(MOMENT + RESOLUTION_DELAY / 2, &["[::1]:1"]), v4()).await;
    assert_eq!((found, later), (addresses(&["[::1]:1", "1.1.1.1:1", "2.2.2.2:1"]), None));
    assert_eq!(time, MOMENT + RESOLUTION_DELAY / 2);

    let (found, later, time) = answered(after(LONG, &["[::1]:1"]), v4()).await;
    assert_eq!((found, time), (addresses(&["1.1.1.1:1", "2.2.2.2:1"]), MOMENT + RESOLUTION_DELAY));
    assert_eq!(later.unwrap(), addresses(&["[::1]:1"]));
}

#[tokio::test(start_paused = true)]
async fn a_family_without_addresses_is_not_waited_for_and_does_no_harm() {
    let one = |time| after(time, &["1.1.1.1:1"]);
    let expected = |time| (addresses(&["1.1.1.1:1"]), None, time);
    for none in [after(MOMENT, &[]), failing(MOMENT, io::ErrorKind::NotFound, "no such name")] {
        assert_eq!(answered(none, one(LONG)).await, expected(LONG));
    }
    for none in [after(MOMENT, &[]), failing(MOMENT, io::ErrorKind::NotFound, "no such name")] {
        assert_eq!(answered(none, one(Duration::ZERO)).await, expected(MOMENT));
    }
    for none in [after(MOMENT, &[]), failing(MOMENT, io::ErrorKind::NotFound, "no such name")] {
        let (found, later, time) = answered(after(LONG, &["[::1]:1"]), none).await;
        assert_eq!((found, later, time), (addresses(&["[::1]:1"]), None, LONG));
    }
}

#[tokio::test]
async fn an_address_is_not_looked_up() {
    let nobody = Resolver::custom(async |_| pending().await);
    let found = nobody.resolve(&Destination::new("[::1]", 80)).await.unwrap();
    assert_eq!(found.addresses, addresses(&["[::1]:80"]));
    assert!(found.later.is_none());
}

#[tokio::test]
async fn the_system_knows_itself() {
    let mut found = Resolver::System.resolve(&Destination::new("localhost", 80)).await.unwrap();
    if let Some(later) = found.later {
        found.addresses.extend(later.await.unwrap_or_default());
    }
    assert!(found.addresses.contains(&SocketAddr::from(([127, 0, 0, 1], 80))), "{:?}", found.addresses);
    assert!(found.addresses.iter().all(|address| address.ip().is_loopback() && address.port() == 80));
}

/// A name that does not exist has no addresses of either family. A family without addresses says nothing about the
/// other.
#[tokio::test(start_paused = true)]
async fn of_two_failures_the_one_that_says_more_is_told_whichever_comes_first() {
    const UNKNOWN: Result<&[&str], (io::ErrorKind, &str)> = Err((io::ErrorKind::NotFound, "no such name"));
    const UNANSWERED: Result<&[&str], (io::ErrorKind, &str)> = Err((io::ErrorKind::Other, "no answer"));
    const FAILED: Result<&[&str], (io::ErrorKind, &str)> = Err((io::ErrorKind::Other, "failed"));
    const NONE: Result<&[&str], (io::ErrorKind, &str)> = Ok(&[]);
    for (v6, v4, expected) in [
        (UNKNOWN, UNANSWERED, "no such name"),
        (UNANSWERED, UNKNOWN, "no such name"),
        (UNANSWERED, FAILED, "failed"),
        (NONE, FAILED, "failed"),
        (FAILED, NONE, "failed"),
        (NONE, NONE, "it has no address"),
    ] {
        for (v6_time, v4_time) in [(MOMENT, LONG), (LONG, MOMENT)] {
            let answer = |time, answer: Result<&'static [&str], (io::ErrorKind, &'static str)>| match answer {
                Ok(list) => after(time, list),
                Err((kind, error)) => failing(time, kind, error),
            };
            let Err(error) = first_answer(answer(v6_time, v6), answer(v4_time, v4)).await else {
                panic!("the lookup found addresses")
            };
            assert_eq!(error.to_string(), expected);
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn what_the_system_knows_is_told_apart_from_what_it_could_not_find_out() {
    // EAI_NONAME, EAI_NODATA and EAI_AGAIN of the C library.
    let [unknown, none, again] = [-2, -5, -3].map(|code| known(LookupError::new(code)));
    assert_eq!(unknown.unwrap_err().kind(), io::ErrorKind::NotFound);
    assert_eq!(none.unwrap(), []);
    assert_ne!(again.unwrap_err().kind(), io::ErrorKind::NotFound);
}

/// Regression: a name server was asked for `app.localhost` and did not know it.
#[tokio::test(start_paused = true)]
async fn names_below_localhost_are_the_loopback_address_without_a_question() {
    for host in ["app.localhost", "a.b.localhost", "app.localhost."] {
        let found = Resolver::System.resolve(&Destination::new(host, 80)).await.unwrap();
        assert_eq!(found.addresses, addresses(&["[::1]:80", "127.0.0.1:80"]), "{host}");
    }
    for host in ["localhost", "localhost.example", "notlocalhost", "app.localhosts"] {
        assert!(!Destination::new(host, 80).is_below_localhost(), "{host}");
    }
    let elsewhere = Resolver::custom(async |_| Ok(addresses(&["192.0.2.1:80"])));
    let found = elsewhere.resolve(&Destination::new("app.localhost", 80)).await.unwrap();
    assert_eq!(found.addresses, addresses(&["192.0.2.1:80"]), "the application's resolver was not asked");
}
