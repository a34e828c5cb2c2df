//~ error[E0308]: mismatched types

use longwire::{Accept, Handler, MessageRef, Refusal, Socket, Upgrade};

struct Echo;

impl Handler for Echo {
    type State = ();

    async fn on_upgrade(&self, _request: &Upgrade<'_>) -> Result<Accept, Refusal> {
        Ok(Accept::new().attach("a name"))
    }

    fn on_message(&self, _socket: &mut Socket<'_, Self>, _message: MessageRef<'_>) {}
}
