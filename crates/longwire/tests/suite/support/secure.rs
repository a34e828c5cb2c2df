//! TLS for servers under test.

use std::io::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;

use longwire::Tls;
use rcgen::{CertificateParams, KeyPair};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::raw::Raw;

/// A raw client inside of TLS.
pub(crate) type RawTls = Raw<TlsStream<TcpStream>>;

/// A self-signed certificate for `localhost`.
pub(crate) struct Identity {
    pem: String,
    key: KeyPair,
}

impl Identity {
    pub(crate) fn new() -> Identity {
        let key = KeyPair::generate().unwrap();
        let pem =
            CertificateParams::new(vec!["localhost".to_owned()]).unwrap().self_signed(&key).unwrap().pem();
        Identity { pem, key }
    }

    /// The server's TLS identity.
    pub(crate) fn tls(&self) -> Tls {
        Tls::pem(&self.pem, self.key.serialize_pem()).unwrap()
    }

    /// A raw client that trusts the certificate.
    pub(crate) async fn raw(&self, server: SocketAddr) -> RawTls {
        self.over(TcpStream::connect(server).await.unwrap()).await
    }

    /// The same over a connection.
    pub(crate) async fn over(&self, stream: TcpStream) -> RawTls {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap()).unwrap();
        let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        let name = ServerName::try_from("localhost").unwrap();
        Raw::new(TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap())
    }
}

/// Sends the bytes in TLS records of these lengths, all at once.
pub(crate) async fn send_in_records(
    raw: RawTls,
    mut bytes: &[u8],
    mut length: impl FnMut() -> usize,
) -> RawTls {
    let mut stream = raw.into_inner();
    let (_, session) = stream.get_mut();
    session.set_buffer_limit(None);
    while !bytes.is_empty() {
        let (record, rest) = bytes.split_at(length().min(bytes.len()));
        session.writer().write_all(record).unwrap();
        bytes = rest;
    }
    stream.flush().await.unwrap();
    Raw::new(stream)
}
