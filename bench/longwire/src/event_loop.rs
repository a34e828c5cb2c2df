//! The event loop on one thread, with either engine.

use anyhow::Result;
use bench_kit::Task;
use longwire::{Accept, Engine, Handler, MessageRef, Refusal, Server, Socket, Upgrade};

/// Serves until the process is killed.
pub(crate) async fn serve(server: Server, task: &Task, engine: Engine) -> Result<()> {
    let server = server.engine(engine).workers(1);
    if *task == Task::Broadcast {
        server.run(Share).await?
    } else {
        server.run(Echo).await?
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
