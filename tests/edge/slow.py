"""Clients that are slow in each way a connection lets them be.

Each takes its time until Core lets go of its connection, and says when that was. They are
coroutines on bare sockets, so that thousands of them cost the test little.
"""

import asyncio
import contextlib
import dataclasses
import pathlib
import socket
import time

import frames

PACE = 0.3
"""Seconds between two octets of who drips."""
LARGE = b"GET /openapi.json HTTP/1.1\r\nhost: core\r\n\r\n"
ANSWERS = 30
"""So many large answers are asked for that no buffer on the way holds them all."""
PUBLISH = b"POST /events/publish HTTP/1.1\r\nhost: core\r\ncontent-type: application/json\r\ncontent-length: 9000\r\n"
BODY = b" " * 9_000
SETTINGS = frames.PREFACE + frames.settings()
NO_WINDOW = frames.PREFACE + frames.settings({frames.INITIAL_WINDOW_SIZE: 0})


@dataclasses.dataclass(frozen=True)
class Kind:
    """What is sent at once, and what is dripped after it."""

    name: str
    start: bytes
    rest: bytes = b""
    reads: bool = True
    """Whether it takes what comes back."""


FEW_UNREAD = 5
"""A large answer is dear to make; some clients that do not read it are enough."""


def kinds(token: bytes) -> list[Kind]:
    bearer = b"Bearer " + token
    fields = [(b"content-type", b"application/json"), (b"authorization", bearer)]
    publish = frames.headers(1, frames.request(b"/events/publish", b"POST", fields), frames.END_HEADERS)
    return [
        Kind("an answer that is not read", LARGE * ANSWERS, reads=False),
        Kind("nothing", b""),
        Kind("a dripping header", b"GET /health HTTP/1.1\r\nhost: core\r\nx-note: ", b"a" * 9_000),
        Kind("nothing after a request", b"GET /health HTTP/1.1\r\nhost: core\r\n\r\n"),
        Kind("a dripping body", PUBLISH + b"authorization: " + bearer + b"\r\n\r\n", BODY),
        Kind("a dripping body without a token", PUBLISH + b"\r\n", BODY),
        Kind("nothing after the preface of HTTP/2", SETTINGS),
        Kind(
            "a dripping header of HTTP/2",
            SETTINGS + frames.frame(frames.HEADERS, frames.END_STREAM, 1, b"\x82"),
            frames.frame(frames.CONTINUATION, 0, 1, b"\x86") * 900,
        ),
        Kind("a dripping body of HTTP/2", SETTINGS + publish, frames.frame(frames.DATA, 0, 1, b" ") * 900),
        Kind("a window of HTTP/2 that is not opened", NO_WINDOW + frames.headers(1, frames.request())),
    ]


HANDSHAKES = [Kind("no handshake", b""), Kind("half a handshake", b"\x16\x03\x01\x02\x00\x01\x00", b"\0" * 400)]


@dataclasses.dataclass
class Slow:
    """One connection of one kind."""

    kind: Kind
    port: int
    source: str
    seconds: float | None = None
    """From the connection to its end; none while Core holds it."""

    async def run(self, held: "Held", patience: float) -> None:
        """Is slow so long at most."""
        loop = asyncio.get_running_loop()
        with socket.socket() as connection:
            connection.setblocking(False)
            if not self.kind.reads:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            connection.bind((self.source, 0))
            began = time.monotonic()
            await loop.sock_connect(connection, ("127.0.0.1", self.port))
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    with contextlib.suppress(OSError):
                        await self.drip(loop, connection, held)
                    self.seconds = time.monotonic() - began

    async def drip(self, loop: asyncio.AbstractEventLoop, connection: socket.socket, held: "Held") -> None:
        sending = asyncio.create_task(self.send(loop, connection))
        try:
            if self.kind.reads:
                while await loop.sock_recv(connection, 65536):
                    pass
            else:
                await held.released(connection.getsockname())
        finally:
            sending.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError):
                await sending

    async def send(self, loop: asyncio.AbstractEventLoop, connection: socket.socket) -> None:
        await loop.sock_sendall(connection, self.kind.start)
        for octet in self.kind.rest:
            await asyncio.sleep(PACE)
            await loop.sock_sendall(connection, bytes([octet]))


class Held:
    """The connections that Core has not ended, as the kernel lists them.

    Who does not read would not see the end of a connection, which lies behind what is unread.
    """

    ESTABLISHED = "01"

    def __init__(self, port: int) -> None:
        self.port = port
        self.peers: set[tuple[str, int]] = set()
        self.looks = 0

    async def watch(self) -> None:
        while True:
            rows = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
            mine = f":{self.port:04X}"
            self.peers = {address(row[2]) for row in rows if row[1].endswith(mine) and row[3] == self.ESTABLISHED}
            self.looks += 1
            await asyncio.sleep(0.1)

    async def released(self, name: tuple[str, int]) -> None:
        before = self.looks
        while self.looks < before + 2 or name in self.peers:
            await asyncio.sleep(0.1)


def address(text: str) -> tuple[str, int]:
    """`0100007F:1F90`: the octets of the address in the order of the machine."""
    host, port = text.split(":")
    return socket.inet_ntoa(int(host, 16).to_bytes(4, "little")), int(port, 16)


def mixed(token: bytes, many: int) -> list[Kind]:
    unread, *cheap = kinds(token)
    return [unread] * FEW_UNREAD + [cheap[number % len(cheap)] for number in range(many - FEW_UNREAD)]


async def spend(port: int, chosen: list[Kind], patience: float) -> list[Slow]:
    """All of them at once, each from an address of its own."""
    held = Held(port)
    watching = asyncio.create_task(held.watch())
    clients = [Slow(kind, port, f"127.40.{number // 250}.{1 + number % 250}") for number, kind in enumerate(chosen)]
    await asyncio.gather(*(client.run(held, patience) for client in clients))
    watching.cancel()
    return clients
