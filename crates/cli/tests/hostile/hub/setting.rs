//! A hub with tokens, an API and hooks, and an honest client in one of its channels.

use std::io::Write as _;

use serde_json::Value;

use crate::peer::Peer;
use crate::server::Server;
use crate::trial::Trial;

pub(super) const API_KEY: &str = "an-api-key-of-the-tests";

/// The namespaces, and what `[tokens]` and `[hooks]` do not need.
const CONFIG: &str = "
[api]
keys = ['an-api-key-of-the-tests']

[namespaces.honest]
subscribe = ['anonymous']
publish = ['anonymous']

[namespaces.open]
subscribe = ['anonymous']
publish = ['anonymous']

[namespaces.kept]
subscribe = ['anonymous']
publish = ['anonymous']
read_history = ['anonymous']
history = { size = 1000, ttl = '1h' }
recovery = 'on_request'
delta = true

[namespaces.seen]
subscribe = ['anonymous']
presence = true
join_leave = true
read_presence = ['anonymous']
";

/// Begins a trial of a hub whose configuration has these tables, too.
pub(super) fn begin(more: &str, flags: &[&str]) -> Trial {
    Trial::of("/channel/honest:witness", || {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(CONFIG.as_bytes()).unwrap();
        file.write_all(more.as_bytes()).unwrap();
        let mut all = vec!["--config", file.path().to_str().unwrap()];
        all.extend(flags);
        Server::start(&all)
    })
}

/// Calls a method of the API, and returns its result.
pub(super) fn api(server: &Server, method: &str, params: &Value) -> Value {
    let body = params.to_string();
    let answer = Peer::connect(server).ask(format!(
        "POST /api/{method} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nX-API-Key: {API_KEY}\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{answer}");
    serde_json::from_str::<Value>(body).unwrap()["result"].take()
}
