//! Negotiates permessage-deflate (RFC 7692 §5, §7.1).

use super::agreement::{Agreement, Context, Takeover, WindowBits};
use super::config::Deflate;
use super::params::{ClientWindow, DeflateError, Params};
use crate::handshake::Extension;

impl Deflate {
    /// A client's offers, the preferred variant first.
    ///
    /// A server that cannot limit its window must decline an offer that demands it, so a second offer follows without
    /// it (RFC 7692 §5.2).
    #[must_use]
    pub fn offers(&self) -> Vec<Extension> {
        let least = self.least_offer();
        if self.peer_window == WindowBits::MAX {
            return vec![least.extension()];
        }
        vec![Params { server_window: Some(self.peer_window), ..least }.extension(), least.extension()]
    }

    /// Checks a server's response to the [`offers`](Deflate::offers), and returns the agreement for the client.
    ///
    /// # Errors
    ///
    /// [`DeflateError`] when the response is malformed or matches none of the offers. The client must then fail the
    /// connection (RFC 7692 §7.1).
    pub fn confirm(&self, answer: &Extension) -> Result<Agreement, DeflateError> {
        let answer = Params::read(answer)?;
        // A response that matches the more demanding offer matches this one, too.
        self.least_offer().check_answer(&answer)?;
        let bound = answer.answered_client_window()?.unwrap_or(WindowBits::MAX);
        Ok(Agreement {
            compress: self.compress(bound, answer.client_takeover),
            inflate: Context {
                window: answer.server_window.unwrap_or(WindowBits::MAX),
                takeover: answer.server_takeover,
            },
        })
    }

    /// A server's response to one offer, and the agreement; made for [`negotiate`](crate::handshake::negotiate()).
    /// `None`: the offer is declined, because it is malformed, or demands a window of 256 bytes, with which zlib cannot
    /// compress.
    #[must_use]
    pub fn answer(&self, offer: &Extension) -> Option<(Extension, Agreement)> {
        let offer = Params::read(offer).ok()?;
        let asked = offer.server_window.unwrap_or(WindowBits::MAX);
        let compress = self.compress(asked, offer.server_takeover)?;
        let inflate = Context {
            window: match offer.client_window {
                // The response must not contain it if the offer does not (§7.1.2.2).
                None => WindowBits::MAX,
                Some(ClientWindow::Any) => self.peer_window,
                Some(ClientWindow::UpTo(bits)) => self.peer_window.min(bits),
            },
            // In an offer it says that the client will not use context takeover (§7.1.1.2). In the response it binds
            // the client, so this end need not keep its context.
            takeover: self.peer_takeover.and(offer.client_takeover),
        };
        let answer = Params {
            server_takeover: compress.takeover,
            client_takeover: inflate.takeover,
            // The response may contain it even if the offer does not (§7.1.2.1): it tells the client that a small
            // window suffices.
            server_window: (offer.server_window.is_some() || compress.window < WindowBits::MAX)
                .then_some(compress.window),
            client_window: (inflate.window < WindowBits::MAX).then_some(ClientWindow::UpTo(inflate.window)),
        };
        Some((answer.extension(), Agreement { compress: Some(compress), inflate }))
    }

    /// The offer that demands nothing optional of the server.
    fn least_offer(&self) -> Params {
        Params {
            server_takeover: self.peer_takeover,
            client_takeover: self.takeover(),
            server_window: None,
            client_window: Some(if self.window < WindowBits::MAX {
                ClientWindow::UpTo(self.window)
            } else {
                ClientWindow::Any
            }),
        }
    }

    /// How this end compresses when the peer limits it to a window. `None` if the window is too small.
    ///
    /// Up to 1.2.8, zlib treated a raw window of 8 bits as 9; later versions refuse it (madler/zlib#171). `ws` agrees
    /// to 8 but compresses with 9, where the distances of its zlib happen to stay below 256. `websockets` declines as a
    /// server, and fails the connection as a client. Here, a server declines; a client agrees and sends every message
    /// uncompressed, as RFC 7692 §6 allows. Messages that a peer compressed with 8 bits are inflated as usual.
    fn compress(&self, bound: WindowBits, takeover: Takeover) -> Option<Context> {
        (bound >= WindowBits::MIN_COMPRESS)
            .then(|| Context { window: self.window.min(bound), takeover: self.takeover().and(takeover) })
    }
}

#[cfg(test)]
mod tests;
