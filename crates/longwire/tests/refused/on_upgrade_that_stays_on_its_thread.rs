//~ error: future cannot be sent between threads safely
//~ has type `Rc<i32>` which is not `Send`

use std::rc::Rc;

use longwire::{Accept, Server};

pub fn set(server: Server) {
    let _ = server.on_upgrade(async |_| {
        let count = Rc::new(1);
        std::future::ready(()).await;
        drop(count);
        Ok(Accept::new())
    });
}
