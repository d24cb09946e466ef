"""Starts the real Core binary and holds what a tester needs to attack it: tokens of every kind.

Development mode on loopback serves most attacks; `production=True` starts the same binary with
TLS and the one-time set-up code, as an operator would.
"""

import base64
import contextlib
import hashlib
import hmac
import os
import pathlib
import signal
import ssl
import struct
import subprocess
import tempfile
import time
from collections.abc import Iterator

import certificates
import wire
from wire import Answer

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = pathlib.Path(os.environ.get("VIVIFIED_CORE", ROOT / "target" / "debug" / "vivified-core"))
STUB_HOST = "stub.vivified.test"
DEVELOPMENT_USER = "bootstrap_admin_only"
PASSWORD = "correct horse battery staple 71"
START_LIMIT = 60.0
PLUGIN_TRAITS = [
    "event_publisher",
    "event_subscriber",
    "rpc_caller",
    "rpc_provider",
    "external_caller",
    "config_reader",
    "config_writer",
    "storage_user",
    "handles_phi",
    "handles_pii",
]


class Core:
    """One Core process with its data folder."""

    def __init__(
        self,
        folder: pathlib.Path,
        *,
        production: bool = False,
        stub: str | None = None,
        environment: dict[str, str] | None = None,
        arguments: list[str] | None = None,
    ) -> None:
        self.folder = folder
        self.port = wire.free_port()
        self.production = production
        self.url = f"{'https' if production else 'http'}://127.0.0.1:{self.port}"
        self.data = folder / "data"
        self.stdout, self.stderr = folder / "stdout.log", folder / "stderr.log"
        self.context: ssl.SSLContext | None = None
        self.command = [str(BINARY), "--listen", f"127.0.0.1:{self.port}", "--data-dir", str(self.data)]
        self.environment = {"PATH": os.environ.get("PATH", "")} | (environment or {})
        if production:
            files = certificates.make(folder)
            self.command += ["--tls-cert", str(files.certificate), "--tls-key", str(files.key)]
            self.context = files.context
        else:
            self.environment["DEV_MODE"] = "true"
            if stub:
                self.command += ["--egress-stub", f"{STUB_HOST}={stub}"]
        self.command += arguments or []
        self.process: subprocess.Popen[bytes] | None = None
        self.admin_token = ""
        self.totp_secret = ""
        self.last_step = 0

    def start(self) -> None:
        with self.stdout.open("ab") as out, self.stderr.open("ab") as err:
            self.process = subprocess.Popen(self.command, stdout=out, stderr=err, env=self.environment)
        deadline = time.monotonic() + START_LIMIT
        while True:
            assert self.process.poll() is None, f"Core ended at its start\n{self.output()[-3000:]}"
            assert time.monotonic() < deadline, f"Core took too long to start\n{self.output()[-3000:]}"
            with contextlib.suppress(OSError):
                if self.send("GET", "/ready").status == 200:
                    return
            time.sleep(0.02)

    def stop(self, by: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        self.process.send_signal(by)
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def output(self) -> str:
        files = [file for file in (self.stdout, self.stderr) if file.exists()]
        return "".join(file.read_text(errors="replace") for file in files)

    def resident(self) -> int:
        """Octets of memory it holds now."""
        assert self.process is not None
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024

    def send(self, method: str, path: str, **options: object) -> Answer:
        return wire.exchange(self.url, method, path, context=self.context, **options)  # type: ignore[arg-type]

    def admin(self, method: str, path: str, **options: object) -> Answer:
        """A request of the administrator, who waits when told to."""
        for _ in range(30):
            answer = self.send(method, path, token=self.admin_token, **options)
            if answer.status != 429:
                break
            time.sleep(float(answer.headers.get("retry-after", "1")))
        return answer

    def sign_in(self) -> str:
        """A new session of the administrator; the first one also sets the installation up."""
        if not self.production:
            login = {"username": DEVELOPMENT_USER, "password": DEVELOPMENT_USER, "mfa_code": "000000"}
        else:
            if not self.totp_secret:
                self.set_up()
            login = {"username": "first_admin", "password": PASSWORD, "mfa_code": self.code()}
        answer = self.send("POST", "/auth/login", body=login)
        assert answer.status == 200, answer
        self.admin_token = answer.json["token"]
        return self.admin_token

    def set_up(self) -> None:
        line = next(line for line in self.output().splitlines() if line.startswith("set-up code"))
        body = {"setup_code": line.rsplit(" ", 1)[1], "username": "first_admin", "password": PASSWORD}
        answer = self.send("POST", "/auth/setup", body=body)
        assert answer.status == 201, answer
        found = [value for key, value in answer.json.items() if "secret" in key]
        self.totp_secret = found[0]

    def code(self) -> str:
        """The next one-time code of the administrator; each counts once."""
        now = int(time.time()) // 30
        step = max(now, self.last_step + 1)
        assert step <= now + 1, "wait half a minute between sign-ins"
        self.last_step = step
        return totp(self.totp_secret, step)

    def enroll(self, plugin_id: str, approve: bool = True) -> str:
        body = {"plugin_id": plugin_id, "approve": approve}
        answer = self.admin("POST", "/admin/enrollments", body=body)
        assert answer.status == 201, answer
        return str(answer.json["enrollment_token"])

    def register(self, plugin_id: str, traits: list[str] | None = None, base_url: str | None = None) -> str:
        """Enrols, approves and registers a plugin; returns its token."""
        enrolment = self.enroll(plugin_id)
        answer = self.send("POST", "/plugins/register", body=manifest(plugin_id, traits, base_url), token=enrolment)
        assert answer.status == 200 and answer.json["status"] == "active", answer
        return str(answer.json["token"])

    def document(self) -> dict:
        answer = self.send("GET", "/openapi.json")
        assert answer.status == 200, answer
        return answer.json


def manifest(plugin_id: str, traits: list[str] | None = None, base_url: str | None = None) -> dict:
    """A valid manifest: everything a plugin may ask for unless told less."""
    traits = PLUGIN_TRAITS if traits is None else traits
    value: dict = {
        "id": plugin_id,
        "name": plugin_id,
        "version": "1.0.0",
        "contracts": ["vivified/1"],
        "traits": traits,
        "security": {"authentication_required": True, "data_classification": ["internal", "pii", "phi"]},
        "compliance": {"hipaa_controls": ["164.312(a)(1)", "164.312(b)"], "audit_level": "standard"},
    }
    if "external_caller" in traits:
        value["allowed_domains"] = [{"host": STUB_HOST, "baa": True}]
    if "rpc_provider" in traits:
        value["operations"] = [{"name": name, "idempotent": False} for name in ("ping", "echo", "fail")]
    if base_url:
        value["endpoints"] = {"base_url": base_url}
    return value


def totp(secret: str, step: int) -> str:
    """RFC 6238 with SHA-1, six digits, from a base32 secret."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", step), hashlib.sha1).digest()
    offset = digest[-1] & 15
    number = struct.unpack(">I", digest[offset : offset + 4])[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06}"


@contextlib.contextmanager
def running_core(**options: object) -> Iterator[Core]:
    """A Core in a folder of its own, its administrator signed in."""
    with tempfile.TemporaryDirectory(prefix="vivified-") as folder:
        core = Core(pathlib.Path(folder), **options)  # type: ignore[arg-type]
        core.start()
        try:
            core.sign_in()
            yield core
        finally:
            if core.process and core.process.poll() is None:
                core.stop()
