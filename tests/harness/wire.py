"""One HTTP exchange, as plain as it gets: nothing here repairs what a test wants to be wrong.

A request may leave from any loopback address, so that limits per address meet many addresses, as
they do outside.
"""

import dataclasses
import http.client
import itertools
import json
import socket
import ssl
import urllib.parse

_sources = itertools.count(1)


def next_source() -> str:
    """A loopback address that was not used a moment ago."""
    number = next(_sources)
    return f"127.{1 + number // 62500 % 100}.{number // 250 % 250}.{1 + number % 250}"


def free_port() -> int:
    """A loopback port that is free now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@dataclasses.dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> dict:
        try:
            value = json.loads(self.body)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}

    @property
    def code(self) -> str:
        """Code of a problem; empty for other answers."""
        return str(self.json.get("code", "")) if self.status >= 400 else ""


def exchange(
    url: str,
    method: str,
    path: str,
    *,
    token: str | None = None,
    body: object = None,
    headers: dict[str, str] | None = None,
    source: str | None = None,
    context: ssl.SSLContext | None = None,
    timeout: float = 20,
) -> Answer:
    """Sends one request. A body of bytes travels as it is, everything else as JSON."""
    parts = urllib.parse.urlsplit(url)
    address = (source or next_source(), 0) if (parts.hostname or "").startswith("127.") else None
    host, port = parts.hostname or "", parts.port or 443
    connection: http.client.HTTPConnection
    if parts.scheme == "https":
        connection = http.client.HTTPSConnection(host, port, timeout=timeout, source_address=address, context=context)
    else:
        connection = http.client.HTTPConnection(host, port, timeout=timeout, source_address=address)
    fields = {"connection": "close"}
    data = None
    if body is not None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        fields["content-type"] = "application/json"
    if token is not None:
        fields["authorization"] = f"Bearer {token}"
    fields.update(headers or {})
    try:
        connection.request(method, path, data, fields)
        answer = connection.getresponse()
        return Answer(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
    finally:
        connection.close()
