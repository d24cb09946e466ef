"""Credentials: which ones a call needs, how they travel, and when a token is renewed."""

from __future__ import annotations

import base64
import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

RENEW_AT: Final = 2 / 3
"""Share of its life after which a token is renewed."""

RENEW_JITTER: Final = 0.1
RENEW_PAUSE: Final = 10.0
"""Seconds between two tries to renew when the first one failed."""


@dataclass(frozen=True)
class Scheme:
    """How one kind of credential travels."""

    kind: Literal["bearer", "basic", "header", "query", "cookie"]
    wire_name: str = "Authorization"


@dataclass(kw_only=True)
class Attached:
    """What credentials add to a request."""

    headers: dict[str, str] = field(default_factory=dict, repr=False)
    query: dict[str, str] = field(default_factory=dict, repr=False)
    cookies: dict[str, str] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """The schemes of the contract and the secrets the caller gave, by name of the scheme."""

    schemes: Mapping[str, Scheme]
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    has_token: bool = False
    """Whether there is a token for the schemes of kind `bearer`."""

    def choose(self, security: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
        """The first alternative that can be met; nothing is sent when none can."""
        for alternative in security:
            if alternative and all(self._has(name) for name in alternative):
                return alternative
        return ()

    def needs_token(self, names: tuple[str, ...]) -> bool:
        """Whether one of these schemes takes the token."""
        return any(self.schemes[name].kind == "bearer" for name in names)

    def attach(self, names: tuple[str, ...], token: str | None) -> Attached:
        """Puts the secrets of these schemes where they travel."""
        attached = Attached()
        for name in names:
            scheme, secret = self.schemes[name], self.secrets.get(name, "")
            if scheme.kind == "bearer":
                attached.headers["Authorization"] = f"Bearer {token}"
            elif scheme.kind == "basic":
                text = base64.b64encode(secret.encode()).decode("ascii")
                attached.headers["Authorization"] = f"Basic {text}"
            elif scheme.kind == "header":
                attached.headers[scheme.wire_name] = secret
            elif scheme.kind == "query":
                attached.query[scheme.wire_name] = secret
            else:
                attached.cookies[scheme.wire_name] = secret
        return attached

    def _has(self, name: str) -> bool:
        scheme = self.schemes.get(name)
        if scheme is None:
            return False
        return self.has_token if scheme.kind == "bearer" else name in self.secrets


@dataclass(frozen=True, kw_only=True)
class Lease:
    """A token and the moments that matter. Times are seconds since the epoch."""

    token: str = field(repr=False)
    renew_at: float | None = None
    """None when its life is not known; then it is never renewed."""

    expires_at: float | None = None

    @classmethod
    def of(
        cls,
        token: str,
        now: float,
        expires_in: float | None = None,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> Lease:
        """Reads the life of a token from the answer that brought it, else from its claims.

        The claims are read unverified: they only say when to ask for the next token.
        """
        start, end = now, None if expires_in is None else now + expires_in
        if end is None:
            claims = _read_claims(token)
            end = _number(claims, "exp")
            start = _number(claims, "iat") or now
        if end is None or end <= start:
            return cls(token=token)
        share = RENEW_AT * (1.0 + uniform(-RENEW_JITTER, RENEW_JITTER))
        return cls(token=token, renew_at=start + (end - start) * share, expires_at=end)

    def is_due(self, now: float) -> bool:
        """Whether it is time to renew."""
        return self.renew_at is not None and now >= self.renew_at

    def is_over(self, now: float) -> bool:
        """Whether the token has ended."""
        return self.expires_at is not None and now >= self.expires_at

    def postponed(self, now: float) -> Lease:
        """The same token, to be renewed a little later."""
        return Lease(
            token=self.token, renew_at=now + RENEW_PAUSE, expires_at=self.expires_at
        )


@dataclass(frozen=True, kw_only=True)
class Renewal:
    """The operation that answers a new token, and where in its answer the token stands."""

    operation: Any
    token_field: str
    expires_in_field: str | None = None
    body: Any = None

    def lease(self, answer: Mapping[str, Any], now: float) -> Lease | None:
        """The lease an answer brings; None when there is no token in it."""
        token = answer.get(self.token_field)
        if not isinstance(token, str):
            return None
        return Lease.of(token, now, _number(answer, self.expires_in_field or ""))


def _read_claims(token: str) -> Mapping[str, Any]:
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        claims = json.loads(
            base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4))
        )
    except (ValueError, RecursionError):
        return {}
    return claims if isinstance(claims, dict) else {}


def _number(values: Mapping[str, Any], name: str) -> float | None:
    value = values.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    return float(value)
