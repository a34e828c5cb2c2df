//! The code that a newcomer writes first compiles, and does what it says.

use std::collections::HashMap;
use std::error::Error as StdError;
use std::sync::{Arc, Mutex};

use longwire::{By, HandlerResult, Message, Server, WebSocket, connect};
use serde::Deserialize;

use crate::support::{Script, end, for_each_engine, run, serve};

#[derive(Deserialize)]
struct Order {
    item: String,
    count: u32,
}

/// Sends `text`, and returns the answer, or how the connection ended.
async fn answer(url: &str, text: &str) -> Result<String, (u16, By)> {
    let mut socket = connect(url).await.unwrap();
    socket.send(text).await.unwrap();
    match socket.recv().await.unwrap() {
        Some(message) => Ok(message.to_string()),
        None => {
            let closed = socket.closed();
            let (code, _, by, _) = end(&closed);
            Err((code, by))
        }
    }
}

#[test]
fn a_closure_that_has_captured_an_arc_serves_every_connection() {
    run(async {
        let stock = Arc::new(Mutex::new(HashMap::from([("tea".to_owned(), 7)])));
        let kept = Arc::clone(&stock);
        let handler = async move |mut socket: WebSocket| {
            while let Some(message) = socket.recv().await? {
                let left = *stock
                    .lock()
                    .unwrap()
                    .entry(message.to_string())
                    .and_modify(|left| *left -= 1)
                    .or_insert(0);
                socket.send(left.to_string()).await?;
            }
            Ok(())
        };
        let serving = serve(|server| server, handler).await;
        let url = serving.url("/");
        assert_eq!(answer(&url, "tea").await.as_deref(), Ok("6"));
        assert_eq!(answer(&url, "tea").await.as_deref(), Ok("5"));
        assert_eq!(kept.lock().unwrap()["tea"], 5);
    });
}

#[test]
fn errors_of_any_type_leave_a_handler_by_a_question_mark_and_close_with_1011() {
    run(async {
        let handler = async |mut socket: WebSocket| {
            let message = socket.recv().await?.ok_or("nothing was ordered")?;
            let order: Order = serde_json::from_str(message.as_text().unwrap_or_default())?;
            let item: u32 = order.item.parse()?;
            socket.send((item * order.count).to_string()).await?;
            Ok(())
        };
        let serving = serve(|server| server, handler).await;
        let url = serving.url("/");
        assert_eq!(answer(&url, r#"{"item":"21","count":2}"#).await.as_deref(), Ok("42"));
        assert_eq!(answer(&url, "no JSON").await, Err((1011, By::Peer)));
        assert_eq!(answer(&url, r#"{"item":"tea","count":2}"#).await, Err((1011, By::Peer)));
    });
}

#[test]
fn a_handler_may_be_a_function_that_returns_a_boxed_error() {
    async fn boxed(mut socket: WebSocket) -> Result<(), Box<dyn StdError + Send + Sync>> {
        let message = socket.recv().await?.ok_or("nothing came")?;
        Err(format!("{message} is wrong"))?
    }
    async fn named(mut socket: WebSocket) -> HandlerResult {
        socket.send("Hello").await?;
        Ok(())
    }
    run(async {
        let serving = serve(|server| server, boxed).await;
        assert_eq!(answer(&serving.url("/"), "all").await, Err((1011, By::Peer)));
        let serving = serve(|server| server, named).await;
        assert_eq!(answer(&serving.url("/"), "all").await.as_deref(), Ok("Hello"));
    });
}

/// Text and bytes of common types are sent without conversion, by async sockets and by those of an event loop.
#[test]
fn text_and_bytes_of_every_type_are_sent_as_they_are() {
    const TEXT: &str = "text";
    run(async {
        let handler = async |mut socket: WebSocket| {
            let (text, bytes) = (String::from(TEXT), vec![1u8, 2]);
            socket.send(&text).await?;
            socket.send(text).await?;
            socket.send(&bytes).await?;
            socket.send([1, 2]).await?;
            Ok(())
        };
        let serving = serve(|server| server, handler).await;
        let mut socket = connect(serving.url("/")).await.unwrap();
        let bytes = Message::from([1, 2]);
        for expected in [TEXT.into(), TEXT.into(), bytes.clone(), bytes] {
            assert_eq!(socket.recv().await.unwrap(), Some(expected));
        }
        assert_eq!(socket.recv().await.unwrap(), None);
    });
    for_each_engine(async |engine| {
        let script = Script::new().on_open(|socket| {
            let (text, bytes) = (String::from(TEXT), vec![1u8, 2]);
            socket.send(&text).or_drop();
            socket.send(text).or_drop();
            socket.send(&bytes).or_drop();
            socket.send([1, 2]).or_drop();
            socket.send(Message::from(bytes)).or_drop();
        });
        let server = script.run(engine, |server| server).await;
        let mut socket = connect(server.url("/")).await.unwrap();
        let bytes = Message::from([1, 2]);
        for expected in [TEXT.into(), TEXT.into(), bytes.clone(), bytes.clone(), bytes] {
            assert_eq!(socket.recv().await.unwrap(), Some(expected));
        }
    });
}

#[test]
fn an_address_is_text_or_numbers_and_is_named_when_it_is_taken() {
    run(async {
        let first = Server::bind(("127.0.0.1", 0)).await.unwrap();
        let port = first.local_addr().port();
        let said = [
            Server::bind(("127.0.0.1", port)).await.unwrap_err().to_string(),
            Server::bind(format!("127.0.0.1:{port}")).await.unwrap_err().to_string(),
        ];
        assert!(said[0].starts_with(&format!("cannot listen on (\"127.0.0.1\", {port}): ")), "{}", said[0]);
        assert!(said[1].starts_with(&format!("cannot listen on 127.0.0.1:{port}: ")), "{}", said[1]);
    });
}

/// The future of a closure that captured an `Arc` owns it, and is not larger than one with a manual clone.
#[test]
fn what_a_closure_has_captured_costs_a_connection_no_more_than_its_own_size() {
    fn size<F, Fut>(_handler: F, future: impl Fn() -> Option<Fut>) -> usize
    where
        F: FnOnce(WebSocket) -> Fut + Clone,
        Fut: Future<Output = HandlerResult>,
    {
        drop(future);
        size_of::<Fut>()
    }
    let state = Arc::new(Mutex::new(0));
    let plain = size(
        async |mut socket: WebSocket| {
            while let Some(message) = socket.recv().await? {
                socket.send(message).await?;
            }
            Ok(())
        },
        || None,
    );
    let by_hand = {
        let state = Arc::clone(&state);
        move |mut socket: WebSocket| {
            let state = Arc::clone(&state);
            async move {
                while let Some(message) = socket.recv().await? {
                    *state.lock().unwrap() += 1;
                    socket.send(message).await?;
                }
                Ok(())
            }
        }
    };
    let by_hand = size(by_hand, || None);
    let captured = size(
        async move |mut socket: WebSocket| {
            while let Some(message) = socket.recv().await? {
                *state.lock().unwrap() += 1;
                socket.send(message).await?;
            }
            Ok(())
        },
        || None,
    );
    println!("plain {plain}, cloned by hand {by_hand}, captured {captured}");
    assert!(captured <= plain + 2 * size_of::<Arc<Mutex<i32>>>(), "{captured} bytes, {plain} without");
}
