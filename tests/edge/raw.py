"""Raw octets on one connection, and what came back, split into answers by the rules of RFC 9112."""

import dataclasses
import re
import socket
import time

QUIET = 0.6


@dataclasses.dataclass
class Outcome:
    statuses: list[int]
    closed: bool
    rest: bytes

    def __str__(self) -> str:
        return f"{self.statuses} {'closed' if self.closed else 'open'}" + (
            f" rest={self.rest[:60]!r}" if self.rest else ""
        )


def send(port: int, *parts: bytes, pause: float = 0.05, quiet: float = QUIET, patience: float = 8.0) -> Outcome:
    """Sends the parts with a pause between them and reads until the end or until it is quiet."""
    data, closed = b"", False
    with socket.create_connection(("127.0.0.1", port), timeout=quiet, source_address=None) as connection:
        try:
            for number, part in enumerate(parts):
                if number:
                    time.sleep(pause)
                connection.sendall(part)
        except OSError:
            pass
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            try:
                chunk = connection.recv(65536)
            except TimeoutError:
                break
            except OSError:
                chunk = b""
            if not chunk:
                closed = True
                break
            data += chunk
    statuses, rest = split(data)
    return Outcome(statuses, closed, rest)


def split(data: bytes) -> tuple[list[int], bytes]:
    """Final statuses of the answers in the data, and what is no answer."""
    statuses = []
    while match := re.match(rb"HTTP/1\.[01] (\d{3})[^\r\n]*\r\n", data):
        head, found, body = data.partition(b"\r\n\r\n")
        if not found:
            break
        status = int(match[1])
        length = re.search(rb"(?im)^content-length: *(\d+)", head)
        if status >= 200:
            statuses.append(status)
            data = body[int(length[1]) if length else 0 :]
        else:
            data = body
    return statuses, data
