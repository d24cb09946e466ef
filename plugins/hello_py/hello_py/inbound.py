"""Verifies that a call comes from Core, before anything of it is believed.

Each step may rely on the one before (RFC 8725): size, algorithm and type, key, signature, claims,
audience, operation, body, replay. Any surprise is a refusal.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import time
from collections.abc import Awaitable, Callable
from typing import Any, Final

import jwt

LARGEST_TOKEN: Final = 4096
LONGEST_LIFE: Final = 60
"""Seconds; a call token that claims to live longer is refused."""

SKEW: Final = 30
KEYS_FRESH: Final = 300
"""Seconds for which the key set is kept."""

KEYS_PAUSE: Final = 30
"""Seconds between two reads of the key set for keys that are not in it."""

CLAIMS: Final = ("iss", "sub", "aud", "exp", "nbf", "iat", "jti", "op", "body_sha256", "act")

ReadKeys = Callable[[], Awaitable[list[dict[str, Any]]]]


class Refused(Exception):
    """The call is not from Core, not for this plugin, or not this call. Says nothing more."""


class KeySet:
    """The public keys of Core, read when needed and kept for a while."""

    def __init__(self, read: ReadKeys, now: Callable[[], float] = time.monotonic) -> None:
        self._read = read
        self._now = now
        self._keys: dict[str, jwt.PyJWK] = {}
        self._read_at: float | None = None
        self._reading = asyncio.Lock()

    async def find(self, kid: str) -> jwt.PyJWK | None:
        """The key with this id. An unknown id reads the set again, but not at every call."""
        if kid in self._keys and self._age() < KEYS_FRESH:
            return self._keys[kid]
        async with self._reading:
            wait = KEYS_FRESH if kid in self._keys else KEYS_PAUSE
            if self._age() >= wait:
                self._read_at = self._now()
                self._keys = {
                    key["kid"]: jwt.PyJWK(key, algorithm="EdDSA")
                    for key in await self._read()
                    if key.get("kty") == "OKP" and key.get("crv") == "Ed25519"
                }
        return self._keys.get(kid)

    def _age(self) -> float:
        return float("inf") if self._read_at is None else self._now() - self._read_at


class CallVerifier:
    """Checks the token of one inbound call; each token is taken once."""

    def __init__(self, keys: KeySet, plugin_id: str, now: Callable[[], float] = time.time) -> None:
        self._keys = keys
        self._plugin_id = plugin_id
        self._now = now
        self._seen: dict[str, float] = {}

    async def caller(self, authorization: str | None, operation: str, body: bytes) -> str:
        """The plugin that calls.

        Raises:
            Refused: when anything about the token is not as it must be.
        """
        claims = await self._claims(_bearer(authorization))
        if not _same(claims["op"], operation):
            raise Refused("operation")
        if not _same(claims["body_sha256"], hashlib.sha256(body).hexdigest()):
            raise Refused("body")
        self._take_once(claims["jti"], float(claims["exp"]))
        return str(claims["sub"])

    async def _claims(self, token: str) -> dict[str, Any]:
        if len(token) > LARGEST_TOKEN:
            raise Refused("size")
        try:
            header = jwt.get_unverified_header(token)
            if set(header) != {"alg", "kid", "typ"} or header["typ"] != "viv-call+jwt":
                raise Refused("header")
            key = await self._keys.find(str(header["kid"]))
            if key is None:
                raise Refused("key")
            claims: dict[str, Any] = jwt.decode(
                token,
                key,
                algorithms=["EdDSA"],
                audience=self._plugin_id,
                issuer="vivified-core",
                leeway=SKEW,
                options={"require": list(CLAIMS), "strict_aud": True},
            )
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError) as error:
            raise Refused("token") from error
        times = [claims["exp"], claims["iat"], claims["nbf"]]
        if not all(type(moment) is int for moment in times):
            raise Refused("times")
        if claims["exp"] - claims["iat"] > LONGEST_LIFE:
            raise Refused("life")
        return claims

    def _take_once(self, token_id: str, expires_at: float) -> None:
        now = self._now()
        self._seen = {seen: end for seen, end in self._seen.items() if end + SKEW > now}
        if token_id in self._seen:
            raise Refused("replay")
        self._seen[token_id] = expires_at


def _bearer(authorization: str | None) -> str:
    scheme, _, token = (authorization or "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Refused("no token")
    return token


def _same(claim: object, expected: str) -> bool:
    return isinstance(claim, str) and hmac.compare_digest(claim.encode(), expected.encode())
