//! The route to the endpoint under test: that of `longwire connect`, up to the opening handshake.

use std::io;

use longwire::Client;
use longwire_check::{Dial, Dialing, Target};

use crate::args::CheckArgs;
use crate::failure::Failure;

/// Connects through the proxy of the flags or of the environment, with TLS for `wss://`.
#[derive(Debug)]
pub(super) struct EndpointDialer {
    client: Client,
    url: String,
}

impl EndpointDialer {
    pub(super) fn new(args: &CheckArgs, target: &Target) -> Result<EndpointDialer, Failure> {
        let (proxy, certificates) = (&args.route.proxy, &args.route.certificates);
        if !target.is_secure() && certificates.given().is_some() && !proxy.may_speak_tls() {
            let message = format!(
                "{} is not encrypted, so flags for TLS have no effect; use wss:// instead",
                target.url()
            );
            return Err(Failure::Usage(message));
        }
        let client = Client::new().tls(certificates.client_tls()?);
        let client = if args.attacks.are_near() && !proxy.is_named() {
            // What is attacked is on this machine. A proxy of the environment may lead to another one.
            client.proxy(None)
        } else {
            proxy.apply(client)?
        };
        Ok(EndpointDialer { client, url: target.url().to_owned() })
    }
}

impl Dial for EndpointDialer {
    fn dial(&self) -> Dialing<'_> {
        Box::pin(async {
            let stream = self.client.dial(&self.url).await.map_err(io::Error::other)?;
            Ok(Box::new(stream) as _)
        })
    }
}
