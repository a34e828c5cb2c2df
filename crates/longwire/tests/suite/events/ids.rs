//! The identifiers of connections.

use std::collections::HashSet;
use std::sync::mpsc::channel;

use longwire::SocketId;

use crate::support::{CLOSE, Frame, Script, TEXT, for_each_engine, masked};

#[test]
fn a_connection_has_one_id_for_its_life_and_no_other_connection_has_it() {
    for_each_engine(async |engine| {
        let (ids, given) = channel::<(&str, SocketId)>();
        let [at_close, at_open] = [ids.clone(), ids];
        let server = Script::new()
            .on_open(move |socket| at_open.send(("open", socket.id())).unwrap())
            .on_text(|socket, _| {
                assert_eq!(socket.remote().id(), socket.id());
                let id = socket.id().to_string();
                socket.send(id.as_str()).or_drop();
            })
            .on_close(move |socket| at_close.send(("close", socket.id())).unwrap())
            .run(engine, |server| server.workers(2))
            .await;
        let mut seen = HashSet::new();
        // One after the other, so that slots are reused.
        for _ in 0..10 {
            let mut raw = server.open("/").await;
            raw.send(masked(TEXT, "who am I?")).await;
            let told = raw.frame().await;
            raw.send(masked(CLOSE, "")).await;
            assert_eq!(raw.frame().await, Frame::new(CLOSE, ""));
            raw.expect_end().await;
            let (opened, id) = given.recv().unwrap();
            assert_eq!(told, Frame::new(TEXT, id.to_string()));
            let (closed, id_at_close) = given.recv().unwrap();
            assert_eq!((opened, closed, id), ("open", "close", id_at_close));
            assert!(seen.insert(id), "{id} was another connection's");
        }
    });
}
