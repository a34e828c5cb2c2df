//! Certificates for the tests with TLS: a test authority, and a server on this machine.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Makes a new authority and server certificate. Returns the directory that contains `ca.pem`, `ca-key.pem`,
/// `cert.pem` and `key.pem`.
pub(crate) fn make(target: &Path) -> Result<PathBuf> {
    let dir = target.join("interop-certs");
    std::fs::create_dir_all(&dir).with_context(|| format!("creating {}", dir.display()))?;
    let write = |name: &str, pem: String| {
        let path = dir.join(name);
        std::fs::write(&path, pem).with_context(|| format!("writing {}", path.display()))
    };

    let authority_key = KeyPair::generate()?;
    let authority = authority_params();
    write("ca.pem", authority.self_signed(&authority_key)?.pem())?;
    write("ca-key.pem", authority_key.serialize_pem())?;

    let server_key = KeyPair::generate()?;
    let issuer = Issuer::from_params(&authority, &authority_key);
    write("cert.pem", server_params()?.signed_by(&server_key, &issuer)?.pem())?;
    write("key.pem", server_key.serialize_pem())?;
    Ok(dir)
}

fn authority_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Longwire test authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    valid_for_a_year(params)
}

fn server_params() -> Result<CertificateParams> {
    let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.push(DnType::CommonName, "localhost");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages =
        vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    params.use_authority_key_identifier_extension = true;
    Ok(valid_for_a_year(params))
}

/// Valid from yesterday, to allow for clock differences. Browsers refuse certificates valid for more than 398 days.
fn valid_for_a_year(mut params: CertificateParams) -> CertificateParams {
    let now = SystemTime::now();
    params.not_before = (now - DAY).into();
    params.not_after = (now + 365 * DAY).into();
    params
}
