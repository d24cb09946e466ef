"""The process: what it says without settings, and that a signal lets it leave in order."""

import http.server
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest

from test_plugin import ANSWERS


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers as Core from the table; a pull waits a moment, as a long poll does."""

    def answer(self) -> None:
        name = f"{self.command} {self.path}"
        self.rfile.read(int(self.headers.get("content-length", 0)))
        asked: list[str] = self.server.asked  # type: ignore[attr-defined]
        asked.append(name)
        content = ANSWERS[name]
        if name.endswith("/pull") and asked.count(name) > 1:
            self.server.pulled.set()  # type: ignore[attr-defined]
            content = {"deliveries": []}
        data = b"" if content is None else json.dumps(content).encode()
        self.send_response(200 if data else 204)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = answer

    def log_message(self, *_: object) -> None:
        """Keeps the output of the tests clean."""


@pytest.fixture
def core() -> Iterator[http.server.ThreadingHTTPServer]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.asked = []  # type: ignore[attr-defined]
    server.pulled = threading.Event()  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()


def start(environment: dict[str, str]) -> subprocess.Popen[str]:
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("CORE_", "PLUGIN_"))
    }
    return subprocess.Popen(
        [sys.executable, "-m", "hello_py"],
        env={**clean, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_without_settings_it_names_them_and_ends_with_2() -> None:
    _, error = (process := start({})).communicate(timeout=60)
    assert process.returncode == 2
    assert "CORE_URL is not set; REGISTRATION_TOKEN is not set" in error


def test_a_signal_lets_it_leave_in_order(core: http.server.ThreadingHTTPServer) -> None:
    url = f"http://127.0.0.1:{core.server_port}"
    process = start({"CORE_URL": url, "REGISTRATION_TOKEN": "enrolment"})
    assert core.pulled.wait(60), process.poll()  # type: ignore[attr-defined]
    process.send_signal(signal.SIGTERM)
    output, error = process.communicate(timeout=60)
    events = [json.loads(line)["event"] for line in output.splitlines()]
    assert process.returncode == 0, error
    assert events[0] == "registered" and events[-1] == "left" and "handled" in events
    assert "POST /plugins/deregister" in core.asked  # type: ignore[attr-defined]
