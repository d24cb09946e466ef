"""A key of Core, tokens signed with it, and the verifier of the plugin under test."""

import base64
import hashlib
import time
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from vivified.runtime.security import CallVerifier, KeySet

KEY = Ed25519PrivateKey.generate()
KID = "key-1"


def public_jwk(kid: str = KID) -> dict[str, Any]:
    raw = KEY.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    x = base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
    return {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": kid, "x": x}


def claims(body: bytes = b"{}", **changes: Any) -> dict[str, Any]:
    now = int(time.time())
    good = {
        "iss": "vivified-core",
        "sub": "caller",
        "aud": "hello_py",
        "iat": now,
        "nbf": now,
        "exp": now + 60,
        "jti": f"jti-{time.monotonic_ns()}",
        "op": "ping",
        "body_sha256": hashlib.sha256(body).hexdigest(),
        "act": {"sub": "caller"},
    }
    merged = {**good, **changes}
    return {name: value for name, value in merged.items() if value is not ...}


def sign(content: dict[str, Any], **header: Any) -> str:
    headers = {"kid": KID, "typ": "viv-call+jwt", **header}
    return jwt.encode(content, KEY, algorithm="EdDSA", headers=headers)


@pytest.fixture
def verifier() -> CallVerifier:
    keys = KeySet(lambda: {"keys": [public_jwk()]})
    return CallVerifier(
        keys, issuer="vivified-core", audience="hello_py", token_type="viv-call+jwt"
    )
