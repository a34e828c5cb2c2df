#!/usr/bin/env python3
"""Makes tokens.json: tokens signed by another implementation, and the public keys to verify them with.

    pip install pyjwt==2.15.1 cryptography
    python make.py > tokens.json

The private keys are made anew each time and are not kept.
"""

import base64
import hashlib
import hmac
import json

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

SECRET = "a secret that has at least 64 bytes, so that it is long enough for HS512"
BEGIN, END = 1_900_000_000, 2_000_000_000

CONNECTION = {
    "sub": "42",
    "iat": BEGIN,
    "nbf": BEGIN,
    "exp": END,
    "jti": "token-1",
    "aud": ["chat", "news"],
    "iss": "https://accounts.example.com",
    "info": {"name": "Ann"},
    "meta": {"plan": 7},
    "channels": ["news"],
    "subs": {
        "room": {"info": {"role": "host"}, "data": [1, 2], "override": {"presence": {"value": True}}},
    },
}
SUBSCRIPTION = {
    "sub": "42",
    "channel": "$dialogs:a",
    "client": "c1",
    "exp": END,
    "expire_at": END + 60,
    "b64info": base64.b64encode(b'{"role":"guest"}').decode(),
    "override": {"join_leave": {"value": False}, "force_recovery": {"value": True}},
}

RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PRIVATE = {
    "RS256": RSA,
    "RS384": RSA,
    "RS512": RSA,
    "PS256": RSA,
    "PS384": RSA,
    "PS512": RSA,
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "ES384": ec.generate_private_key(ec.SECP384R1()),
    "ES512": ec.generate_private_key(ec.SECP521R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}


def pem(key, form=PublicFormat.SubjectPublicKeyInfo):
    return key.public_key().public_bytes(Encoding.PEM, form).decode()


def hs(claims, **header):
    return jwt.encode(claims, SECRET, "HS256", headers=header)


def without(claim):
    return hs({name: value for name, value in CONNECTION.items() if name != claim})


def changed(**claims):
    return hs({**CONNECTION, **claims})


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def confused():
    """HS256 with the RSA public key as the secret, which pyjwt refuses to make."""
    message = encoded(b'{"alg":"HS256","typ":"JWT"}') + "." + encoded(json.dumps(CONNECTION).encode())
    return message + "." + encoded(hmac.digest(pem(RSA).encode(), message.encode(), hashlib.sha256))


def jwk(key, algorithm, **members):
    of = {"R": RSAAlgorithm, "P": RSAAlgorithm, "E": ECAlgorithm}.get(algorithm[0], ECAlgorithm)
    of = OKPAlgorithm if algorithm == "EdDSA" else of
    return {**of.to_jwk(key.public_key(), as_dict=True), **members}


signed = {name: jwt.encode(CONNECTION, key, name, headers={"kid": name}) for name, key in PRIVATE.items()}
signed |= {name: jwt.encode(CONNECTION, SECRET, name) for name in ["HS256", "HS384", "HS512"]}
header, payload, signature = signed["HS256"].split(".")

print(json.dumps({
    "secret": SECRET,
    "pem": {name: pem(key) for name, key in PRIVATE.items()},
    "rsa_pkcs1": pem(RSA, PublicFormat.PKCS1),
    "jwks": {"keys": [
        jwk(PRIVATE["RS256"], "RS256", kid="RS256", alg="RS256", use="sig"),
        jwk(PRIVATE["RS512"], "RS512", kid="RS512"),
        jwk(PRIVATE["ES256"], "ES256", kid="ES256", alg="ES256"),
        jwk(PRIVATE["ES384"], "ES384", kid="ES384"),
        jwk(PRIVATE["EdDSA"], "EdDSA", kid="EdDSA"),
        jwk(PRIVATE["ES512"], "ES512", kid="ES512", alg="ES512"),
        jwk(PRIVATE["RS256"], "RS256", kid="enc", alg="RSA-OAEP", use="enc"),
        {"kty": "oct", "kid": "oct", "k": encoded(SECRET.encode())},
    ]},
    "signed": signed,
    "subscription": hs(SUBSCRIPTION),
    "none": jwt.encode(CONNECTION, None, "none"),
    "confused": confused(),
    "tampered": ".".join([header, encoded(json.dumps({**CONNECTION, "sub": "1"}).encode()), signature]),
    "other_secret": jwt.encode(CONNECTION, SECRET.upper(), "HS256"),
    "critical": hs(CONNECTION, crit=["exp"]),
    "no_sub": without("sub"),
    "no_aud": without("aud"),
    "sub_is_a_number": jwt.encode({**CONNECTION, "sub": 42}, SECRET, "HS256"),
    "anonymous": changed(sub=""),
    "exp_is_text": jwt.api_jws.PyJWS().encode(
        json.dumps({**CONNECTION, "exp": "tomorrow"}).encode(), SECRET, "HS256"),
    "exp_has_a_fraction": changed(exp=END + 0.5),
    "never_expires": changed(expire_at=0),
    "bad_channel": changed(channels=["a\nb"]),
    "binary_info": changed(b64info=base64.b64encode(b"\x00\xff").decode()),
}, indent=1))
