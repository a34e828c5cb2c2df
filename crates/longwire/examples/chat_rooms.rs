//! Chat rooms by path, with a database, and every second a tick for each room: `cargo run -p longwire --example chat_rooms`,
//! then `longwire connect --header "authorization: Bearer sesame" "ws://127.0.0.1:8080/chat/tea?name=Ada"` in several
//! terminals.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use longwire::{Accept, Handler, MessageRef, Refusal, Server, Socket, Upgrade};

/// Stands for a database that takes its time.
#[derive(Clone, Default)]
struct Database(Arc<Mutex<HashMap<Arc<str>, Vec<String>>>>);

impl Database {
    async fn save(&self, room: Arc<str>, line: String) {
        tokio::time::sleep(Duration::from_millis(50)).await;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(room).or_default().push(line);
    }

    async fn history(self, room: Arc<str>) -> Vec<String> {
        tokio::time::sleep(Duration::from_millis(50)).await;
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&room).cloned().unwrap_or_default()
    }
}

struct Member {
    room: Arc<str>, // also the topic: cheap to clone, since a topic cannot be borrowed from the state
    name: String,
}

struct Chat {
    database: Database,
}

impl Handler for Chat {
    type State = Member; // one per connection

    async fn on_upgrade(&self, request: &Upgrade<'_>) -> Result<Accept<Member>, Refusal> {
        if request.header("authorization") != Some("Bearer sesame") {
            return Err(Refusal::unauthorized("a token is needed"));
        }
        let room = request.param("room").unwrap_or_default().into();
        let name = request.query("name").ok_or_else(|| Refusal::bad_request("say who you are: ?name="))?;
        Ok(Accept::with(Member { room, name: name.into_owned() }))
    }

    fn on_open(&self, socket: &mut Socket<'_, Self>) {
        let room = socket.state().room.clone();
        socket.spawn(self.database.clone().history(room.clone()), move |_, socket, lines| {
            for line in lines {
                socket.send(line).or_drop();
            }
            socket.subscribe(&room);
        });
    }

    fn on_message(&self, socket: &mut Socket<'_, Self>, message: MessageRef<'_>) {
        let Some(text) = message.as_text() else { return };
        let (room, line) = (socket.state().room.clone(), format!("{}: {text}", socket.state().name));
        let (database, topics) = (self.database.clone(), socket.server_topics());
        // A task of tokio's saves the line even if the client leaves meanwhile.
        let saved = tokio::spawn(async move {
            database.save(room.clone(), line.clone()).await;
            topics.publish(&room, line);
        });
        // The connection waits for it, so that a client cannot start more of them than the server allows.
        socket.spawn(saved, |_, _, _| ());
    }
}

#[tokio::main]
async fn main() -> longwire::Result<()> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let server = Server::bind(address).await?;
    println!("chat: ws://{}/chat/{{room}}?name=…", server.local_addr());
    let mut tick = 0_u64;
    server
        .route("/chat/{room}", Chat { database: Database::default() })
        .spawned_per_connection(1) // the messages of a client are saved in their order
        .every(Duration::from_secs(1), move |topics| {
            tick += 1;
            for room in topics.names() {
                topics.publish(&room, format!("tick {tick}: {} here", topics.subscribers(&room)));
            }
        })
        .run()
        .await
}
