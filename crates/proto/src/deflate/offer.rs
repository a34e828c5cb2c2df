//! The negotiation of permessage-deflate, RFC 7692 §5 and §7.1.

use super::agreement::{Agreement, Context, Takeover, WindowBits};
use super::config::Deflate;
use super::params::{ClientWindow, DeflateError, Params};
use crate::handshake::Extension;

impl Deflate {
    /// What a client offers, the preferred variant first.
    ///
    /// A server that does not know how to bind its window has to decline an offer that asks for it, so a second offer
    /// follows that does not (RFC 7692 §5.2).
    #[must_use]
    pub fn offers(&self) -> Vec<Extension> {
        let least = self.least_offer();
        if self.peer_window == WindowBits::MAX {
            return vec![least.extension()];
        }
        vec![Params { server_window: Some(self.peer_window), ..least }.extension(), least.extension()]
    }

    /// What the server's answer to the [`offers`](Deflate::offers) means for a client.
    ///
    /// # Errors
    ///
    /// The answer is malformed, or fits none of the offers. The client has to fail the connection (RFC 7692 §7.1).
    pub fn confirm(&self, answer: &Extension) -> Result<Agreement, DeflateError> {
        let answer = Params::read(answer)?;
        // What fits an offer that asks for more, fits this one too.
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

    /// What a server answers to one offer, and what that means for it; made for
    /// [`negotiate`](crate::handshake::negotiate()). `None`: the offer is declined, because it is malformed, or asks
    /// for a window of 256 bytes, which zlib does not compress with.
    #[must_use]
    pub fn answer(&self, offer: &Extension) -> Option<(Extension, Agreement)> {
        let offer = Params::read(offer).ok()?;
        let asked = offer.server_window.unwrap_or(WindowBits::MAX);
        let compress = self.compress(asked, offer.server_takeover)?;
        let inflate = Context {
            window: match offer.client_window {
                // It must not be answered if it was not offered (§7.1.2.2).
                None => WindowBits::MAX,
                Some(ClientWindow::Any) => self.peer_window,
                Some(ClientWindow::UpTo(bits)) => self.peer_window.min(bits),
            },
            // In an offer it says that the client is not going to use context takeover anyway (§7.1.1.2). Answered, it
            // binds the client, and this end need not remember what it received.
            takeover: self.peer_takeover.and(offer.client_takeover),
        };
        let answer = Params {
            server_takeover: compress.takeover,
            client_takeover: inflate.takeover,
            // It may be answered even if it was not offered (§7.1.2.1): the client learns that a small window does.
            server_window: (offer.server_window.is_some() || compress.window < WindowBits::MAX)
                .then_some(compress.window),
            client_window: (inflate.window < WindowBits::MAX).then_some(ClientWindow::UpTo(inflate.window)),
        };
        Some((answer.extension(), Agreement { compress: Some(compress), inflate }))
    }

    /// The offer that asks for nothing which a server may not know how to do.
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

    /// How this end compresses when the peer binds it to a window. `None` if it cannot with one so small.
    ///
    /// zlib took a raw window of 8 bits for 9 until 1.2.8, and refuses it since (madler/zlib#171). Of the peers, `ws`
    /// agrees to 8 and compresses with 9, which its zlib has distances for that happen to stay below 256; `websockets`
    /// declines as a server and gives up the connection as a client. Here a server declines, and a client agrees and
    /// sends every message uncompressed, as RFC 7692 §6 lets it. What a peer compresses with 8 bits is inflated as all
    /// else.
    fn compress(&self, bound: WindowBits, takeover: Takeover) -> Option<Context> {
        (bound >= WindowBits::MIN_COMPRESS)
            .then(|| Context { window: self.window.min(bound), takeover: self.takeover().and(takeover) })
    }
}

#[cfg(test)]
mod tests;
