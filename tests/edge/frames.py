"""HTTP/2 by hand: frames as octets, so that nothing repairs what a test wants to be wrong.

Core reads HTTP/2 with prior knowledge on a plain connection in development mode. Fields are
written as literals that enter no table (RFC 7541, 6.2.2), which every decoder must take.
"""

import contextlib
import dataclasses
import select
import socket
import struct
import time
from collections.abc import Sequence

import hpack
import wire

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS = 0, 1, 2, 3, 4
PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 6, 7, 8, 9
END_STREAM, END_HEADERS, ACK = 1, 4, 1
HEADER_TABLE_SIZE, INITIAL_WINDOW_SIZE = 1, 4

Fields = Sequence[tuple[bytes, bytes]]


def frame(kind: int, flags: int = 0, stream: int = 0, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream) + payload


def block(fields: Fields) -> bytes:
    """A field block of literals, byte for byte what the fields are."""
    return b"".join(b"\0" + text(name) + text(value) for name, value in fields)


def text(octets: bytes) -> bytes:
    return number(len(octets), 7) + octets


def number(value: int, bits: int, pattern: int = 0) -> bytes:
    """An integer with a prefix of so many bits (RFC 7541, 5.1)."""
    most = (1 << bits) - 1
    if value < most:
        return bytes([pattern | value])
    octets, value = [pattern | most], value - most
    while value > 127:
        octets.append(128 | value & 127)
        value >>= 7
    return bytes([*octets, value])


def request(path: bytes = b"/health", method: bytes = b"GET", more: Fields = ()) -> list[tuple[bytes, bytes]]:
    start = [(b":method", method), (b":scheme", b"http"), (b":path", path), (b":authority", b"core")]
    return [*start, *more]


def headers(stream: int, fields: Fields, flags: int = END_HEADERS | END_STREAM) -> bytes:
    return frame(HEADERS, flags, stream, block(fields))


def settings(values: dict[int, int] | None = None) -> bytes:
    pairs = (struct.pack(">HI", key, value) for key, value in (values or {}).items())
    return frame(SETTINGS, payload=b"".join(pairs))


def reset(stream: int, code: int = 8) -> bytes:
    return frame(RST_STREAM, 0, stream, struct.pack(">I", code))


def window(stream: int, more: int) -> bytes:
    return frame(WINDOW_UPDATE, 0, stream, struct.pack(">I", more))


@dataclasses.dataclass
class Heard:
    """What Core said on one connection."""

    statuses: dict[int, int] = dataclasses.field(default_factory=dict)
    bodies: dict[int, bytes] = dataclasses.field(default_factory=dict)
    ended: set[int] = dataclasses.field(default_factory=set)
    resets: dict[int, int] = dataclasses.field(default_factory=dict)
    goaway: int | None = None
    closed: bool = False

    @property
    def refused(self) -> bool:
        """The connection has come to its end."""
        return self.goaway is not None or self.closed

    def __str__(self) -> str:
        ending = "closed" if self.closed else "open"
        said = "" if self.goaway is None else f", GOAWAY {self.goaway}"
        return f"{len(self.statuses)} answers, {len(self.resets)} resets{said}, {ending}"


class Client:
    """One connection. It acknowledges nothing unless told to."""

    def __init__(self, port: int, values: dict[int, int] | None = None, source: str | None = None) -> None:
        address = (source or wire.next_source(), 0)
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10, source_address=address)
        self.heard = Heard()
        self.decoder = hpack.Decoder()
        self.left = b""
        self.send(PREFACE + settings(values))

    def send(self, octets: bytes, patience: float = 10.0, reads: bool = True) -> bool:
        """Writes, and reads meanwhile so that neither side waits for the other. False when Core
        took no more."""
        deadline = time.monotonic() + patience
        view = memoryview(octets)
        self.socket.setblocking(False)
        while view and not self.heard.closed and time.monotonic() < deadline:
            readable, writable, _ = select.select([self.socket] if reads else [], [self.socket], [], 0.2)
            if readable:
                self.take()
            if writable:
                try:
                    view = view[self.socket.send(view[:65536]) :]
                except BlockingIOError:
                    pass
                except OSError:
                    self.heard.closed = True
        return not view and not self.heard.closed

    def read(self, seconds: float, until: int | None = None) -> Heard:
        """Listens so long, or to the end of the connection or of the stream."""
        deadline = time.monotonic() + seconds
        while not self.heard.closed and (left := deadline - time.monotonic()) > 0:
            if until is not None and (until in self.heard.ended or until in self.heard.resets):
                break
            if select.select([self.socket], [], [], left)[0]:
                self.take()
        return self.heard

    def ask(self, stream: int, fields: Fields, body: bytes | None = None, patience: float = 10.0) -> int | None:
        """One polite request; its status."""
        flags = END_HEADERS if body is not None else END_HEADERS | END_STREAM
        octets = headers(stream, fields, flags)
        if body is not None:
            octets += frame(DATA, END_STREAM, stream, body)
        self.send(octets)
        return self.read(patience, until=stream).statuses.get(stream)

    def close(self) -> None:
        self.socket.close()

    def take(self) -> None:
        self.socket.setblocking(False)
        try:
            octets = self.socket.recv(1 << 20)
        except BlockingIOError:
            return
        except OSError:
            octets = b""
        self.heard.closed = not octets
        data, at = self.left + octets, 0
        while len(data) >= at + 9 and len(data) >= (end := at + 9 + int.from_bytes(data[at : at + 3])):
            kind, flags, stream = struct.unpack(">BBI", data[at + 3 : at + 9])
            self.hear(kind, flags, stream, data[at + 9 : end])
            at = end
        self.left = data[at:]

    def hear(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        heard = self.heard
        if kind in (HEADERS, DATA) and flags & END_STREAM:
            heard.ended.add(stream)
        if kind == HEADERS:
            with contextlib.suppress(hpack.HPACKError):
                fields = dict(self.decoder.decode(payload))
                heard.statuses[stream] = int(fields[":status"])
        elif kind == DATA:
            heard.bodies[stream] = heard.bodies.get(stream, b"") + payload
        elif kind == RST_STREAM:
            heard.resets[stream] = int.from_bytes(payload)
        elif kind == GOAWAY:
            heard.goaway = int.from_bytes(payload[4:8])
