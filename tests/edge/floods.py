"""Floods of HTTP/2: each is cheap to send and meant to be dear to serve.

`waves` gives the octets in the order they are sent, as many as the count says. A flood of frames
that are legal in any number has no end in the protocol; a connection that sends only those asks
for nothing and has its limit of time.
"""

import dataclasses
from collections.abc import Callable, Iterator

from frames import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    INITIAL_WINDOW_SIZE,
    PING,
    PRIORITY,
    block,
    frame,
    headers,
    number,
    request,
    reset,
    settings,
    text,
    window,
)

TARGET = b"/.well-known/jwks.json"
"""What floods ask for and nothing else in the test does, so that the answers can be counted."""
LARGE = b"/openapi.json"
BATCH = 500


@dataclasses.dataclass
class Flood:
    name: str
    waves: Callable[[int], Iterator[bytes]]
    count: int
    values: dict[int, int] = dataclasses.field(default_factory=dict)
    reads: bool = True
    """Whether the client takes what comes back."""
    longer: bool = True
    """Whether more of it is another attack; what large answers take is bounded by the pace of requests."""


def each(make: Callable[[int], bytes]) -> Callable[[int], Iterator[bytes]]:
    """Octets made for every stream in turn."""

    def waves(count: int) -> Iterator[bytes]:
        for start in range(0, count, BATCH):
            yield b"".join(make(2 * at + 1) for at in range(start, min(start + BATCH, count)))

    return waves


def after(start: bytes, repeated: bytes) -> Callable[[int], Iterator[bytes]]:
    """A beginning, then the same octets again and again."""

    def waves(count: int) -> Iterator[bytes]:
        yield start
        for done in range(0, count, BATCH):
            yield repeated * min(BATCH, count - done)

    return waves


GET = request(TARGET)
OPEN = request(b"/auth/login", b"POST", [(b"content-type", b"application/json")])
UNFINISHED = frame(HEADERS, END_STREAM, 1, block(GET))


def bomb(stream: int) -> bytes:
    """One field of 3.9 KiB into the table, then a reference to it for every octet: 1 to 4,000."""
    large = b"\x40" + text(b"x") + text(b"a" * 3_900)
    fields = block(GET) + (large if stream == 1 else b"")
    return frame(HEADERS, END_HEADERS | END_STREAM, stream, fields + number(62, 7, 0x80) * 8_000)


def trickle(count: int) -> Iterator[bytes]:
    """Large answers, taken octet by octet."""
    streams = range(1, 20, 2)
    yield b"".join(headers(stream, request(LARGE)) for stream in streams)
    for _ in range(count):
        yield b"".join(window(stream, 1) for stream in streams)


FLOODS = [
    Flood("rapid reset", each(lambda stream: headers(stream, GET) + reset(stream)), 10_000),
    Flood("streams that are never ended", each(lambda stream: headers(stream, OPEN, END_HEADERS)), 10_000),
    Flood("CONTINUATION", after(UNFINISHED, frame(CONTINUATION, 0, 1, block([(b"x", b"a" * 90)]))), 20_000),
    Flood("empty CONTINUATION", after(UNFINISHED, frame(CONTINUATION, 0, 1)), 100_000),
    Flood("empty DATA", after(headers(1, OPEN, END_HEADERS), frame(DATA, 0, 1)), 100_000),
    Flood("DATA of one octet", after(headers(1, OPEN, END_HEADERS), frame(DATA, 0, 1, b" ")), 60_000),
    Flood("SETTINGS", after(b"", settings({INITIAL_WINDOW_SIZE: 70_000})), 50_000),
    Flood("SETTINGS, nothing read", after(b"", settings()), 500_000, reads=False),
    Flood("PING", after(b"", frame(PING, payload=b"flooding")), 100_000),
    Flood("PING, nothing read", after(b"", frame(PING, payload=b"flooding")), 500_000, reads=False),
    Flood("PRIORITY", after(b"", frame(PRIORITY, 0, 3, b"\0\0\0\1\x10")), 100_000),
    Flood("WINDOW_UPDATE", after(b"", window(0, 1)), 100_000),
    Flood("frames of an unknown kind", after(b"", frame(0xBA, 0, 0, b"x" * 100)), 50_000),
    Flood(
        "a window that is never opened", each(lambda stream: headers(stream, request(LARGE))), 10, {4: 1}, longer=False
    ),
    Flood("a window of one octet at a time", trickle, 5_000, {4: 1}),
    Flood("references to a large field", each(bomb), 2_000),
    Flood("fields without a name", each(lambda stream: headers(stream, [*GET, *[(b"", b"")] * 90])), 2_000),
    Flood("provoked resets by a window of 0", each(lambda stream: headers(stream, GET) + window(stream, 0)), 2_000),
    Flood(
        "provoked resets by a window too large",
        each(lambda stream: headers(stream, GET) + window(stream, 2**31 - 1)),
        2_000,
    ),
    Flood(
        "provoked resets by DATA after the end",
        each(lambda stream: headers(stream, GET) + frame(DATA, END_STREAM, stream, b"late")),
        2_000,
    ),
    Flood(
        "provoked resets by a stream that depends on itself",
        each(lambda stream: headers(stream, GET) + frame(PRIORITY, 0, stream, stream.to_bytes(4) + b"\0")),
        2_000,
    ),
    Flood(
        "provoked resets by a length that does not agree",
        each(lambda stream: headers(stream, [*GET, (b"content-length", b"9")])),
        2_000,
    ),
]
