//~ error[E0308]: mismatched types
//~ expected `Accept<String>`, found `Accept<Attached>`

use longwire::{Accept, Handler, MessageRef, Refusal, Socket, Upgrade};

struct Chat;

impl Handler for Chat {
    type State = String;

    async fn on_upgrade(&self, _request: &Upgrade<'_>) -> Result<Accept<String>, Refusal> {
        Ok(Accept::new().attach("a name"))
    }

    fn on_message(&self, _socket: &mut Socket<'_, Self>, _message: MessageRef<'_>) {}
}
