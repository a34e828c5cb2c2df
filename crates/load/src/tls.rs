//! TLS in memory. The engine moves the bytes.

use std::io::{ErrorKind, Read as _, Write as _};
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection};

/// A client's TLS session.
#[derive(Debug)]
pub(crate) struct Session(ClientConnection);

impl Session {
    pub(crate) fn new(
        config: &Arc<ClientConfig>,
        name: &ServerName<'static>,
    ) -> Result<Session, rustls::Error> {
        let mut session = ClientConnection::new(Arc::clone(config), name.clone())?;
        session.set_buffer_limit(None);
        Ok(Session(session))
    }

    pub(crate) fn is_handshaking(&self) -> bool {
        self.0.is_handshaking()
    }

    /// Appends what the session has to send.
    pub(crate) fn output(&mut self, out: &mut Vec<u8>) {
        while self.0.wants_write() {
            if self.0.write_tls(out).is_err() {
                break;
            }
        }
    }

    /// Encrypts bytes, and appends them.
    pub(crate) fn encrypt(&mut self, plain: &[u8], out: &mut Vec<u8>) {
        // The session has no limit, so it takes everything.
        let _taken = self.0.writer().write_all(plain);
        self.output(out);
    }

    /// Decrypts bytes that have arrived, and appends them.
    ///
    /// # Errors
    ///
    /// The server breaks TLS, or is not trusted.
    pub(crate) fn decrypt(&mut self, mut encrypted: &[u8], plain: &mut Vec<u8>) -> Result<(), rustls::Error> {
        while !encrypted.is_empty() {
            let read =
                self.0.read_tls(&mut encrypted).map_err(|error| rustls::Error::General(error.to_string()))?;
            self.0.process_new_packets()?;
            match self.0.reader().read_to_end(plain) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(rustls::Error::General(error.to_string())),
            }
            if read == 0 {
                break;
            }
        }
        Ok(())
    }
}
