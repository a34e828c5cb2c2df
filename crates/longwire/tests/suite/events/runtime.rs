//! Tasks that the handler or the HTTP service spawns run on the runtime that runs the server.

use std::collections::BTreeSet;

use axum::Router;
use axum::routing::get;
use longwire::Accept;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use crate::support::{CLOSE, Frame, Script, TEXT, close, for_each_engine, masked, upgrade_request};

/// Spawns a task that reports which runtime it runs on.
fn spawn(place: &'static str, tasks: &UnboundedSender<(&'static str, bool)>, own: tokio::runtime::Id) {
    let tasks = tasks.clone();
    tokio::spawn(async move {
        let _unheard = tasks.send((place, Handle::current().id() == own));
    });
}

/// On io_uring there was once no runtime at all, and the connection ended with 1011. With readiness it was the loop's
/// own, and spawned tasks ended with the loop.
#[test]
fn a_task_of_every_method_is_one_of_the_callers() {
    for_each_engine(async |engine| {
        let own = Handle::current().id();
        let (tasks, mut told) = unbounded_channel();
        let note = move |place| spawn(place, &tasks, own);
        let (upgrade, open, message, closed) = (note.clone(), note.clone(), note.clone(), note.clone());
        let script = Script::new()
            .on_upgrade(move |_| {
                upgrade("on_upgrade");
                Ok(Accept::with(String::new()))
            })
            .on_open(move |_| open("on_open"))
            .on_message(move |_, _| message("on_message"))
            .on_close(move |_| closed("on_close"));
        let router = Router::new().route("/page", get(async move || note("http")));
        let server = script.run(engine, |server| server.http(router)).await;
        let mut raw = server.raw().await;
        raw.send("GET /page HTTP/1.1\r\nHost: example.com\r\n\r\n").await;
        assert!(raw.head().await.starts_with("HTTP/1.1 200 "));
        for _ in 0..2 {
            // The second time it is the first request of its connection.
            raw.send(upgrade_request("")).await;
            assert!(raw.head().await.starts_with("HTTP/1.1 101 "));
            raw.send([masked(TEXT, "hello"), masked(CLOSE, close(1000, ""))].concat()).await;
            assert_eq!(raw.frame().await, Frame::new(CLOSE, close(1000, "")));
            raw.expect_end().await;
            raw = server.raw().await;
        }
        let mut heard = Vec::new();
        while heard.len() < 9 {
            heard.push(told.recv().await.unwrap());
        }
        let expected = ["http", "on_close", "on_message", "on_open", "on_upgrade"].map(|place| (place, true));
        assert_eq!(BTreeSet::from_iter(heard), BTreeSet::from(expected));
    });
}
