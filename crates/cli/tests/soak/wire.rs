//! A connection that can send anything.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use longwire_wire::{Head, Mask, RawFrame, Role};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

pub(crate) trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

pub(crate) type Raw = Box<dyn Stream>;

/// A TCP connection that is reset when it is dropped.
pub(crate) async fn tcp_reset_at_end(server: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(server).await?;
    stream.set_zero_linger()?;
    Ok(stream)
}

/// A raw connection over `stream`, inside of TLS if there is a certificate.
pub(crate) async fn over(stream: TcpStream, certificate: Option<&str>) -> io::Result<Raw> {
    stream.set_nodelay(true)?;
    let Some(certificate) = certificate else { return Ok(Box::new(stream)) };
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let name = ServerName::try_from("localhost").unwrap();
    Ok(Box::new(connector.connect(name, stream).await?))
}

/// A client's frame (RFC 6455 §5.1). The masking key leaves the payload unchanged.
pub(crate) fn of_client(first: u8, payload: impl AsRef<[u8]>) -> RawFrame {
    RawFrame::new(first, payload.as_ref()).masked(Mask::Key([0; 4]))
}

/// The bytes of a client's frame.
pub(crate) fn masked(first: u8, payload: impl AsRef<[u8]>) -> Vec<u8> {
    of_client(first, payload).encode(Role::Client)
}

/// A request for a WebSocket.
pub(crate) fn upgrade_request(path: &str, more: &str) -> String {
    let mut request = String::from_utf8(Head::upgrade(path, "localhost").encode()).unwrap();
    request.insert_str(request.len() - "\r\n".len(), more);
    request
}
