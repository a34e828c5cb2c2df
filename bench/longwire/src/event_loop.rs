//! The event loop on one thread, with either engine.

use anyhow::Result;
use bench_kit::Task;
use longwire::{Accept, Engine, Handler, MessageRef, Refusal, Server, Socket, Upgrade};

use crate::events;

/// Serves until the process is killed.
pub(crate) async fn serve(server: Server, task: &Task, engine: Engine) -> Result<()> {
    let server = server.engine(engine).workers(1);
    match task {
        Task::Broadcast => server.run(Share).await?,
        Task::Topics => server.run(Topics).await?,
        Task::Events => {
            let events = events::engine();
            server.route(events.path(), events.handler()).http(events.service()).run().await?;
        }
        Task::Echo | Task::Deflate | Task::Tls { .. } => server.run(Echo).await?,
    }
    Ok(())
}

struct Echo;

impl Handler for Echo {
    type State = ();

    async fn on_upgrade(&self, _request: &Upgrade<'_>) -> Result<Accept<()>, Refusal> {
        Ok(Accept::new())
    }

    fn on_message(&self, socket: &mut Socket<'_, Self>, message: MessageRef<'_>) {
        socket.send(message).or_drop();
    }
}

struct Share;

const TOPIC: &str = "all";

impl Handler for Share {
    type State = ();

    async fn on_upgrade(&self, _request: &Upgrade<'_>) -> Result<Accept<()>, Refusal> {
        Ok(Accept::new())
    }

    fn on_open(&self, socket: &mut Socket<'_, Self>) {
        socket.subscribe(TOPIC);
    }

    fn on_message(&self, socket: &mut Socket<'_, Self>, message: MessageRef<'_>) {
        socket.publish(TOPIC, message);
    }
}

/// Plain topics: the URL `/topic/NAME` subscribes, and the message `NAME`, line break, content publishes.
struct Topics;

impl Handler for Topics {
    type State = String;

    async fn on_upgrade(&self, request: &Upgrade<'_>) -> Result<Accept<String>, Refusal> {
        let name = request.path().strip_prefix("/topic/");
        name.map(|name| Accept::with(name.to_owned())).ok_or_else(|| Refusal::not_found("no topic"))
    }

    fn on_open(&self, socket: &mut Socket<'_, Self>) {
        let topic = std::mem::take(socket.state_mut());
        socket.subscribe(topic.as_str());
        socket.send("subscribed").or_drop();
    }

    fn on_message(&self, socket: &mut Socket<'_, Self>, message: MessageRef<'_>) {
        if let MessageRef::Text(text) = message
            && let Some((topic, content)) = text.split_once('\n')
        {
            socket.publish(topic, content);
        }
    }
}
