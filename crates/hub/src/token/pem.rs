//! Public keys in PEM format: `SubjectPublicKeyInfo` (RFC 5280 §4.1), and RSA's own format (RFC 8017 §A.1.1).

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

/// A public key, of which the length is checked and nothing else.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum PublicKey {
    /// Big-endian, without leading zeros.
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
    /// An uncompressed point.
    P256(Vec<u8>),
    /// An uncompressed point.
    P384(Vec<u8>),
    /// 32 bytes.
    Ed25519(Vec<u8>),
}

/// `id-ecPublicKey` with `secp256r1`, up to the point (RFC 5480).
const P256: &[u8] = b"\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00";

/// `id-ecPublicKey` with `secp384r1`, up to the point.
const P384: &[u8] =
    b"\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22\x03\x62\x00";

/// `id-Ed25519`, up to the key (RFC 8410).
const ED25519: &[u8] = b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00";

/// The `AlgorithmIdentifier` of `rsaEncryption`: the object identifier and NULL.
const RSA: &[u8] = b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00";

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const SEQUENCE: u8 = 0x30;

/// Reads the first key in a PEM file.
pub(super) fn read(text: &str) -> Result<PublicKey, &'static str> {
    if let Some(der) = section(text, "PUBLIC KEY") {
        return subject_public_key(&der?).ok_or(
            "the key is not RSA, P-256, P-384 or Ed25519 (tokens signed with P-521 or Ed448 are not supported)",
        );
    }
    if let Some(der) = section(text, "RSA PUBLIC KEY") {
        return rsa(&der?).ok_or("the RSA key cannot be read");
    }
    Err(if text.contains("PRIVATE KEY-----") {
        "it contains a private key; tokens are verified with the public key: openssl pkey -in FILE -pubout"
    } else if text.contains("-----BEGIN CERTIFICATE-----") {
        "it contains a certificate; extract its public key: openssl x509 -in FILE -noout -pubkey"
    } else {
        "it contains no public key (BEGIN PUBLIC KEY)"
    })
}

/// The content of the first section with this label.
fn section(text: &str, label: &str) -> Option<Result<Vec<u8>, &'static str>> {
    let (_, rest) = text.split_once(&format!("-----BEGIN {label}-----"))?;
    let Some((body, _)) = rest.split_once(&format!("-----END {label}-----")) else {
        return Some(Err("the key has no end (END PUBLIC KEY)"));
    };
    let body: String = body.chars().filter(|character| !character.is_ascii_whitespace()).collect();
    Some(BASE64_STANDARD.decode(body).map_err(|_| "the key is not valid Base64"))
}

fn subject_public_key(der: &[u8]) -> Option<PublicKey> {
    let rest =
        |prefix: &[u8], len| der.strip_prefix(prefix).filter(|key| key.len() == len).map(<[u8]>::to_vec);
    if let Some(point) = rest(P256, 65) {
        return Some(PublicKey::P256(point));
    }
    if let Some(point) = rest(P384, 97) {
        return Some(PublicKey::P384(point));
    }
    if let Some(key) = rest(ED25519, 32) {
        return Some(PublicKey::Ed25519(key));
    }
    let (inner, _) = element(SEQUENCE, der)?;
    let (algorithm, inner) = element(SEQUENCE, inner)?;
    let (bits, _) = element(BIT_STRING, inner)?;
    if algorithm != RSA {
        return None;
    }
    rsa(bits.strip_prefix(&[0])?)
}

/// `RSAPublicKey`.
fn rsa(der: &[u8]) -> Option<PublicKey> {
    let (inner, _) = element(SEQUENCE, der)?;
    let (modulus, inner) = element(INTEGER, inner)?;
    let (exponent, _) = element(INTEGER, inner)?;
    Some(PublicKey::rsa(modulus, exponent))
}

impl PublicKey {
    /// From big-endian numbers.
    pub(super) fn rsa(modulus: &[u8], exponent: &[u8]) -> PublicKey {
        let number = |bytes: &[u8]| bytes.iter().copied().skip_while(|byte| *byte == 0).collect();
        PublicKey::Rsa { modulus: number(modulus), exponent: number(exponent) }
    }
}

/// The content of a DER element with this tag, and what follows it.
fn element(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (found, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (len, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81..=0x83 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (bytes.iter().fold(0, |len, byte| len << 8 | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    if *found != tag {
        return None;
    }
    rest.split_at_checked(len)
}
