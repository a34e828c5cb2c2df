//~ error[E0061]: this method takes 0 arguments but 1 argument was supplied
//~ remove the extra argument

use longwire::{Handler, Server};

pub async fn run(server: Server, chat: impl Handler, other: impl Handler) -> longwire::Result<()> {
    server.route("/chat", chat).run(other).await
}
