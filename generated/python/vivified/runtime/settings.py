"""Where a client may connect to, and how: base URL, TLS, environment."""

from __future__ import annotations

import ipaddress
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

DEFAULT_TIMEOUT: Final = 30.0
CONNECT_TIMEOUT: Final = 5.0
LARGEST_ANSWER: Final = 32 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is the same for every call of a client."""

    base_url: str
    user_agent: str
    timeout: float = DEFAULT_TIMEOUT
    max_retries: int = 2
    headers: Mapping[str, str] = field(default_factory=dict)
    largest_answer: int = LARGEST_ANSWER


def find_base_url(given: str | None, variable: str | None, default: str | None) -> str:
    """The base URL: as given, else from the environment, else the contract's server."""
    base_url = given or from_environment(variable) or default
    if not base_url:
        remedy = f" or set {variable}" if variable else ""
        raise ValueError(f"no base URL: pass base_url{remedy}")
    return check_base_url(base_url)


def from_environment(variable: str | None) -> str | None:
    """The value of an environment variable; None when there is none or it is empty."""
    return (os.environ.get(variable) or None) if variable else None


def check_base_url(base_url: str) -> str:
    """Refuses a base URL that would send the token in the clear or to an unclear place."""
    parts = urlsplit(base_url)
    host = parts.hostname or ""
    if parts.scheme not in ("https", "http") or not host:
        raise ValueError("base_url must be an https:// URL with a host")
    if parts.username is not None or parts.password is not None:
        raise ValueError("base_url must not hold a user name or a password")
    if parts.query or parts.fragment:
        raise ValueError("base_url must not have a query or a fragment")
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError(
            "base_url may be http:// on a loopback host only; use https://"
        )
    return base_url.rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether a host can only be this machine."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def tls_context(
    base_url: str, ca_bundle: str | os.PathLike[str] | None = None
) -> ssl.SSLContext:
    """TLS 1.3 or newer, certificate and name verified. There is no switch to turn this off.

    `ca_bundle` is a PEM file of authorities to trust in place of those of the system.
    """
    if base_url.startswith("http://"):
        # Never used, so it trusts nobody; reading the authorities takes tens of milliseconds.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    else:
        context = ssl.create_default_context(cafile=ca_bundle)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    return context
