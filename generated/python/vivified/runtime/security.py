"""Verifies the token of an inbound call. Needs the extra `server` (PyJWT).

The order is fixed and fails closed: size, form, header, key, signature, claims, replay, binding
to the call. A refusal says which step failed and never repeats anything of the token.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

LARGEST_TOKEN: Final = 4096
LONGEST_LIFE: Final = 60.0
SKEW: Final = 30.0
KEYS_LIFE: Final = 300.0
KEYS_PAUSE: Final = 30.0
"""Seconds between two fetches that unknown keys ask for."""

_SEGMENT: Final = re.compile(rb"[A-Za-z0-9_-]+")
_CLAIMS: Final[Mapping[str, type | tuple[type, ...]]] = {
    "iss": str,
    "aud": str,
    "sub": str,
    "jti": str,
    "exp": (int, float),
    "nbf": (int, float),
    "iat": (int, float),
}


class TokenRefusedError(Exception):
    """The token is not one for this call. `step` names the check that failed."""

    def __init__(self, step: str) -> None:
        super().__init__(f"the token of the call is refused: {step}")
        self.step = step


@dataclass(frozen=True, kw_only=True)
class VerifiedCall:
    """Who calls, and what the token says about it."""

    caller: str
    operation: str
    chain: tuple[str, ...]
    """Everyone the call came through: the first caller first, the present one last."""

    claims: Mapping[str, Any] = field(repr=False)


class KeySet:
    """The public keys of the issuer, fetched when needed. Threads may share it."""

    def __init__(
        self,
        fetch: Callable[[], Mapping[str, Any]],
        clock: Callable[[], float] = time.time,
    ) -> None:
        """`fetch` gives the JWK set (RFC 7517) as JSON data."""
        self._fetch = fetch
        self._clock = clock
        self._keys: Mapping[str, bytes] = {}
        self._fetched_at: float | None = None
        self._asked_at: float | None = None
        self._fetching = threading.Lock()

    def find(self, key_id: str) -> bytes | None:
        """The 32 octets of a key, or None. An unknown id asks again, but not often."""
        with self._fetching:
            now = self._clock()
            fresh = self._fetched_at is not None and now - self._fetched_at < KEYS_LIFE
            if fresh and key_id in self._keys:
                return self._keys[key_id]
            if self._asked_at is None or now - self._asked_at >= KEYS_PAUSE:
                self._asked_at = now
                self._keys = _read_keys(self._fetch())
                self._fetched_at = now
                fresh = True
            return self._keys.get(key_id) if fresh else None


class CallVerifier:
    """Accepts each token once, for one audience of one issuer. Threads may share it."""

    def __init__(
        self,
        keys: KeySet,
        *,
        issuer: str,
        audience: str,
        token_type: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._token_type = token_type
        self._clock = clock
        self._seen: dict[str, float] = {}
        self._seeing = threading.Lock()

    def verify(
        self, authorization: str, *, operation: str, body: bytes
    ) -> VerifiedCall:
        """Checks the `Authorization` header of a call against the call itself."""
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise TokenRefusedError("authorization")
        claims = self._read(token)
        self._check_claims(claims)
        chain = _chain(claims)
        self._check_replay(claims)
        _check_binding(claims, operation, body)
        return VerifiedCall(
            caller=claims["sub"], operation=operation, chain=chain, claims=claims
        )

    def _read(self, token: str) -> dict[str, Any]:
        raw = token.encode("utf-8", errors="replace")
        if len(raw) > LARGEST_TOKEN:
            raise TokenRefusedError("size")
        segments = raw.split(b".")
        if len(segments) != 3 or not all(map(_SEGMENT.fullmatch, segments)):
            raise TokenRefusedError("form")
        header = _object(segments[0], "header")
        if set(header) != {"alg", "kid", "typ"}:
            raise TokenRefusedError("header")
        if header["alg"] != "EdDSA" or header["typ"] != self._token_type:
            raise TokenRefusedError("header")
        key_id = header["kid"]
        key = self._keys.find(key_id) if isinstance(key_id, str) else None
        if key is None:
            raise TokenRefusedError("key")
        if not _is_signed(
            key, b".".join(segments[:2]), _decode(segments[2], "signature")
        ):
            raise TokenRefusedError("signature")
        return _object(segments[1], "claims")

    def _check_claims(self, claims: Mapping[str, Any]) -> None:
        for name, kind in _CLAIMS.items():
            value = claims.get(name)
            if isinstance(value, bool) or not isinstance(value, kind) or value == "":
                raise TokenRefusedError(f"claim {name}")
        if claims["iss"] != self._issuer:
            raise TokenRefusedError("issuer")
        if claims["aud"] != self._audience:
            raise TokenRefusedError("audience")
        now, exp, iat = self._clock(), claims["exp"], claims["iat"]
        if not (now < exp + SKEW and claims["nbf"] <= now + SKEW and iat <= now + SKEW):
            raise TokenRefusedError("time")
        if not 0 < exp - iat <= LONGEST_LIFE:
            raise TokenRefusedError("life")

    def _check_replay(self, claims: Mapping[str, Any]) -> None:
        now = self._clock()
        with self._seeing:
            for jti in [jti for jti, end in self._seen.items() if end <= now]:
                del self._seen[jti]
            if claims["jti"] in self._seen:
                raise TokenRefusedError("replay")
            self._seen[claims["jti"]] = claims["exp"] + SKEW


def body_digest(body: bytes) -> str:
    """The digest that binds a token to a body: SHA-256 in lower-case hexadecimal."""
    return hashlib.sha256(body).hexdigest()


def _check_binding(claims: Mapping[str, Any], operation: str, body: bytes) -> None:
    if claims.get("op") != operation:
        raise TokenRefusedError("operation")
    digest = claims.get("body_sha256")
    if not isinstance(digest, str) or not hmac.compare_digest(
        digest.encode(), body_digest(body).encode()
    ):
        raise TokenRefusedError("body")


def _chain(claims: Mapping[str, Any]) -> tuple[str, ...]:
    """The `act` claims (RFC 8693 section 4.1); the outermost one is the caller."""
    chain: list[str] = []
    actor = claims.get("act")
    while isinstance(actor, dict) and isinstance(actor.get("sub"), str):
        chain.append(actor["sub"])
        actor = actor.get("act")
    if actor is not None or (chain and chain[0] != claims["sub"]):
        raise TokenRefusedError("claim act")
    return tuple(reversed(chain)) or (claims["sub"],)


def _read_keys(document: Mapping[str, Any]) -> dict[str, bytes]:
    """Ed25519 signing keys by id. A set with a private part or a repeated id is refused whole."""
    keys: dict[str, bytes] = {}
    entries = document.get("keys")
    for entry in entries if isinstance(entries, list) else []:
        if not isinstance(entry, dict) or "d" in entry or "k" in entry:
            return {}
        if entry.get("kty") != "OKP" or entry.get("crv") != "Ed25519":
            continue
        if entry.get("use", "sig") != "sig" or entry.get("alg", "EdDSA") != "EdDSA":
            continue
        key_id, octets = entry.get("kid"), _key_octets(entry.get("x"))
        if not isinstance(key_id, str) or octets is None:
            continue
        if key_id in keys:
            return {}
        keys[key_id] = octets
    return keys


def _key_octets(text: Any) -> bytes | None:
    if not isinstance(text, str):
        return None
    try:
        octets = _decode(text.encode(), "key")
    except TokenRefusedError:
        return None
    return octets if len(octets) == 32 else None


def _is_signed(key: bytes, message: bytes, signature: bytes) -> bool:
    # Imported here, so that clients which serve nothing do not need the extra.
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from jwt.algorithms import OKPAlgorithm

    try:
        public = Ed25519PublicKey.from_public_bytes(key)
        return bool(OKPAlgorithm().verify(message, public, signature))
    except (InvalidSignature, ValueError):
        return False


def _decode(segment: bytes, step: str) -> bytes:
    """Strict base64url: no padding, no stray bits."""
    try:
        octets = base64.b64decode(
            segment + b"=" * (-len(segment) % 4), altchars=b"-_", validate=True
        )
    except ValueError:
        octets = b""
    if base64.urlsafe_b64encode(octets).rstrip(b"=") != segment:
        raise TokenRefusedError(step)
    return octets


def _object(segment: bytes, step: str) -> dict[str, Any]:
    """A JSON object without repeated names."""
    octets = _decode(segment, step)
    try:
        value = json.loads(
            octets.decode(), object_pairs_hook=_distinct, parse_constant=_no_constant
        )
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise TokenRefusedError(step)
    return value


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name appears twice")
    return found


def _no_constant(name: str) -> Any:
    raise ValueError("not JSON")
