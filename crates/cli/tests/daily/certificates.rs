//! Replacing certificates while the server runs.

use std::fs;
use std::path::PathBuf;

use longwire::{Client, ClientTls, Roots, WebSocket};

use crate::program::{port, serve};

/// The files of a certificate and its key, deleted at the end of the test.
pub(crate) struct Files(PathBuf);

impl Files {
    pub(crate) fn new(name: &str) -> Files {
        let folder = std::env::temp_dir().join(format!("longwire-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Files(folder)
    }

    pub(crate) fn certificate(&self) -> String {
        self.0.join("cert.pem").to_str().unwrap().to_owned()
    }

    pub(crate) fn key(&self) -> String {
        self.0.join("key.pem").to_str().unwrap().to_owned()
    }

    /// Writes a new certificate for `localhost`, and returns it.
    pub(crate) fn renew(&self) -> String {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        fs::write(self.certificate(), made.cert.pem()).unwrap();
        fs::write(self.key(), made.signing_key.serialize_pem()).unwrap();
        made.cert.pem()
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.0);
    }
}

async fn connect(url: &str, certificate: &str) -> longwire::Result<WebSocket> {
    let trust = ClientTls::new(Roots::None).add_pem(certificate)?;
    Client::new().proxy(None).tls(trust).connect(url).await
}

/// Regression: SIGHUP ended the server, and its clients saw 1006.
#[tokio::test]
async fn a_hang_up_has_the_certificate_read_again_and_ends_no_connection() {
    let files = Files::new("renewed");
    let old = files.renew();
    for engine in ["auto", "readiness"] {
        let first = files.renew();
        let (certificate, key) = (files.certificate(), files.key());
        let flags =
            ["--listen", "127.0.0.1:0", "--engine", engine, "--tls-cert", &certificate, "--tls-key", &key];
        let (mut server, page) = serve(&flags);
        let mut told = server.stderr();
        let url = format!("wss://localhost:{}/echo", port(&page));
        let mut before = connect(&url, &first).await.unwrap();

        let second = files.renew();
        server.signal("HUP");
        let line = told.next().unwrap().unwrap();
        assert!(line.starts_with("Reloaded ") && line.contains("cert.pem"), "{line}");
        connect(&url, &second).await.unwrap();
        connect(&url, &first).await.unwrap_err();

        fs::write(&key, "no key at all").unwrap();
        server.signal("HUP");
        let line = told.next().unwrap().unwrap();
        assert!(line.contains("the current certificate stays in use") && line.contains("key.pem"), "{line}");
        connect(&url, &second).await.unwrap();
        connect(&url, &old).await.unwrap_err();

        before.send("still here").await.unwrap();
        assert_eq!(before.recv().await.unwrap(), Some("still here".into()));
        before.close(1000, "").await.unwrap();
    }
}
