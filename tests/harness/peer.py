"""What stands behind Core in these tests: one server that is every callee and every host outside.

It answers what the body or the path asks for, so that a test can choose the fault:
`/rpc/ping` a good answer, `/rpc/fail` a 500 with the words it was sent, anything else an echo.
"""

import contextlib
import dataclasses
import http.server
import json
import threading
from collections.abc import Iterator


@dataclasses.dataclass
class Seen:
    """A request as it arrived behind Core."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length)
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            body = self.read_chunks()
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.seen.append(Seen(self.command, self.path, headers, body))  # type: ignore[attr-defined]
        path = self.path.split("?")[0]
        if path.endswith("/ping"):
            status, text = 200, json.dumps({"pong": True}).encode()
        elif path.endswith("/fail"):
            status, text = 500, b'{"error": ' + (body or b'""') + b"}"
        elif path.endswith("/status"):
            status, text = 200, b'{"status": "ok"}'
        else:
            status, text = 200, body or b"{}"
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(text)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(text)

    def read_chunks(self) -> bytes:
        body = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = answer

    def log_message(self, *_: object) -> None:
        """Says nothing: what it was sent may be what a test searches for."""


class Peer(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.seen: list[Seen] = []

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"


@contextlib.contextmanager
def running_peer() -> Iterator[Peer]:
    server = Peer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)
