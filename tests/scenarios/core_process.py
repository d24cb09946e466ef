"""Starts the real Core binary for the scenarios, enrols plugins and reads the audit log."""

import contextlib
import json
import os
import pathlib
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARIES = ROOT / "target" / "debug"
STUB_HOST = "stub.vivified.test"
START_LIMIT = 30.0


def free_port() -> int:
    """A loopback port that is free now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def request(method: str, url: str, body: object = None, token: str | None = None) -> tuple[int, dict]:
    """One HTTP request; returns status and JSON answer."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"content-type": "application/json"} if data is not None else {}
    if token:
        headers["authorization"] = f"Bearer {token}"
    call = urllib.request.Request(url, data=data, method=method, headers=headers)
    try:
        with urllib.request.urlopen(call, timeout=10) as answer:
            text = answer.read()
            return answer.status, json.loads(text) if text else {}
    except urllib.error.HTTPError as error:
        text = error.read()
        return error.code, json.loads(text) if text else {}


class CoreProcess:
    """A Core on a free port, with the development administrator signed in."""

    def __init__(self, url: str) -> None:
        self.url = url
        login = {"username": "bootstrap_admin_only", "password": "bootstrap_admin_only", "mfa_code": "000000"}
        status, answer = request("POST", f"{url}/auth/login", login)
        assert status == 200, answer
        self.admin_token = answer["token"]

    def enroll(self, plugin_id: str) -> str:
        """A token with which the plugin registers once, approved for what it asks."""
        body = {"plugin_id": plugin_id, "approve": True}
        status, answer = request("POST", f"{self.url}/admin/enrollments", body, self.admin_token)
        assert status == 201, answer
        return answer["enrollment_token"]

    def register(self, manifest: dict) -> str:
        """Enrols and registers a plugin; returns its token."""
        token = self.enroll(manifest["id"])
        status, answer = request("POST", f"{self.url}/plugins/register", manifest, token)
        assert status == 200, answer
        assert answer["status"] == "active", answer
        return answer["token"]

    def audit(self, plugin_id: str) -> list[dict]:
        """Every audit record of one plugin."""
        records: list[dict] = []
        cursor = ""
        while True:
            query = f"plugin_id={plugin_id}&limit=1000" + (f"&cursor={cursor}" if cursor else "")
            status, answer = request("GET", f"{self.url}/admin/audit?{query}", token=self.admin_token)
            assert status == 200, answer
            records += answer["records"]
            cursor = answer["cursor"]
            if not cursor:
                return records


def wait_until(process: subprocess.Popen, what: str, ready, log: pathlib.Path) -> None:
    """Waits until `ready()` is true; fails when the process ends or time runs out."""
    deadline = time.monotonic() + START_LIMIT
    while not ready():
        assert process.poll() is None, f"{what}: the process ended\n{log.read_text()[-3000:]}"
        assert time.monotonic() < deadline, f"{what} took too long\n{log.read_text()[-3000:]}"
        time.sleep(0.02)


def answers(url: str) -> bool:
    """Whether the address answers 200."""
    try:
        return request("GET", url)[0] == 200
    except OSError:
        return False


@contextlib.contextmanager
def running_core(folder: pathlib.Path) -> Iterator[CoreProcess]:
    """Core, a stub for an outside host, and the sample plugin."""
    with contextlib.ExitStack() as stack:

        def start(name: str, command: list[str], environment: dict[str, str]) -> tuple[subprocess.Popen, pathlib.Path]:
            log = folder / f"{name}.log"
            output = stack.enter_context(log.open("w"))
            process = subprocess.Popen(
                command, stdout=output, stderr=subprocess.STDOUT, env={**os.environ, **environment}
            )

            def stop() -> None:
                process.terminate()
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()

            stack.callback(stop)
            return process, log

        stub_port, core_port, plugin_port = free_port(), free_port(), free_port()
        stub, log = start("stub", [str(BINARIES / "vivified"), "stub", "--listen", f"127.0.0.1:{stub_port}"], {})
        wait_until(stub, "the stub", lambda: answers(f"http://127.0.0.1:{stub_port}/"), log)
        url = f"http://127.0.0.1:{core_port}"
        core, log = start(
            "core",
            [
                str(BINARIES / "vivified-core"),
                "--listen",
                f"127.0.0.1:{core_port}",
                "--data-dir",
                str(folder / "data"),
                "--egress-stub",
                f"{STUB_HOST}=127.0.0.1:{stub_port}",
            ],
            {"DEV_MODE": "true"},
        )
        wait_until(core, "Core", lambda: answers(f"{url}/ready"), log)
        handle = CoreProcess(url)
        sample, log = start(
            "hello_py",
            [sys.executable, "-m", "hello_py"],
            {
                "CORE_URL": url,
                "REGISTRATION_TOKEN": handle.enroll("hello_py"),
                "PLUGIN_HOST": "127.0.0.1",
                "PLUGIN_PORT": str(plugin_port),
            },
        )

        def registered() -> bool:
            _, answer = request("GET", f"{url}/admin/plugins", token=handle.admin_token)
            return any(
                plugin["plugin_id"] == "hello_py" and plugin["status"] == "active" and plugin["healthy"]
                for plugin in answer.get("plugins", [])
            )

        wait_until(sample, "the sample plugin", registered, log)
        yield handle
