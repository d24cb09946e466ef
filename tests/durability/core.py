"""The real Core binary, started, killed and asked; and the plugins that load it."""

import http.client
import json
import os
import pathlib
import select
import signal
import socket
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("CORE_BINARY", ROOT / "target" / "debug" / "vivified-core"))
START_LIMIT = 30.0


class Gone(Exception):
    """Core did not answer: what was asked may have happened or not."""


class Client:
    """One kept connection with one token."""

    def __init__(self, port: int, token: str | None = None) -> None:
        self.token = token
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=40)

    def ask(self, method: str, path: str, body: object = None) -> tuple[int, dict]:
        headers = {"content-type": "application/json"} if body is not None else {}
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        data = None if body is None else json.dumps(body).encode()
        try:
            self.connection.request(method, path, data, headers)
            answer = self.connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self.connection.close()
            raise Gone from error
        return answer.status, json.loads(text) if text else {}

    def must(self, method: str, path: str, body: object = None) -> dict:
        status, answer = self.ask(method, path, body)
        assert status < 300, f"{method} {path}: {status} {answer}"
        return answer


class Core:
    """One data folder and the process that serves it, if any."""

    def __init__(self, folder: pathlib.Path, preload: dict[str, str] | None = None) -> None:
        self.folder = folder
        self.preload = preload or {}
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            self.port = listener.getsockname()[1]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Starts the process; answers how many seconds passed until it was ready."""
        environment = os.environ | {"DEV_MODE": "true"} | self.preload
        command = [str(BINARY), "--listen", f"127.0.0.1:{self.port}", "--data-dir", str(self.folder)]
        log = (self.folder.parent / "core.log").open("ab")
        began = time.monotonic()
        self.process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=log)
        log.close()
        assert self.process.stdout
        text = b""
        while b"ready at" not in text:
            left = began + START_LIMIT - time.monotonic()
            ready, _, _ = select.select([self.process.stdout], [], [], max(left, 0))
            piece = os.read(self.process.stdout.fileno(), 4096) if ready else b""
            assert piece, f"Core did not start: {text!r}, see {log.name}"
            text += piece
        return time.monotonic() - began

    def kill(self) -> None:
        """No time for anything: SIGKILL."""
        assert self.process and self.process.stdout
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()

    def client(self, token: str | None = None) -> Client:
        return Client(self.port, token)

    def admin(self) -> Client:
        name = "bootstrap_admin_only"
        login = {"username": name, "password": name, "mfa_code": "000000"}
        return self.client(self.client().must("POST", "/auth/login", login)["token"])

    def plugin(self, admin: Client, plugin_id: str, traits: list[str]) -> str:
        """Enrols and registers a plugin; answers its token."""
        body = {"plugin_id": plugin_id, "approve": True}
        token = admin.must("POST", "/admin/enrollments", body)["enrollment_token"]
        manifest = {
            "id": plugin_id,
            "name": "Load",
            "version": "1.0.0",
            "contracts": ["vivified/1"],
            "traits": traits,
            "security": {"authentication_required": True, "data_classification": ["internal"]},
            "compliance": {"hipaa_controls": [], "audit_level": "standard"},
        }
        return self.client(token).must("POST", "/plugins/register", manifest)["token"]
