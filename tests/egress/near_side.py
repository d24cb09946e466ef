"""The whole stack against the vectors, from inside a network namespace of its own.

Lays a cable to the far side, starts the name server and Core, then sends every vector as a plugin
would. Afterwards a client that checks nothing walks the same vectors: it must reach the canaries,
or the silence before it would prove nothing.

    near_side.py CORE_BINARY FOLDER VECTORS
"""

import base64
import collections
import contextlib
import hashlib
import hmac
import http.client
import json
import pathlib
import re
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
import urllib.parse

from fixture_dns import PUBLIC, FixtureDns

HERE = pathlib.Path(__file__).resolve().parent
CORE = ("127.0.0.1", 18443)
NAME_SERVER = ("127.0.0.53", 53)
CORE_PUBLIC, PLUGIN_PUBLIC, REFUSING = "93.184.215.20", "93.184.215.30", "93.184.215.99"
CANARY_PORTS = (22, 25, 80, 443, 2375, 6379, 8080, 8443, 9200)
VECTORS_OF_A_PLUGIN = 60
# A name server that never answers holds a look-up for 5 seconds.
ANSWER_LIMIT = 30


class NearCanaries:
    """Listeners on every address of this side, loopback among them."""

    def __init__(self) -> None:
        self.lock, self.hits = threading.Lock(), []
        for port in CANARY_PORTS:
            listener = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("::", port))
            listener.listen(256)
            threading.Thread(target=self._accept, args=(listener, port), daemon=True).start()

    def _accept(self, listener: socket.socket, port: int) -> None:
        while True:
            connection, _ = listener.accept()
            address = connection.getsockname()[0].removeprefix("::ffff:")
            with self.lock:
                self.hits.append({"address": address, "port": port, "near": True})
            connection.close()

    def take(self) -> list[dict]:
        with self.lock:
            taken, self.hits = self.hits, []
        return taken


class World:
    """Both sides and the name server, one vector at a time."""

    def __init__(self, folder: pathlib.Path) -> None:
        control = str(folder / "control")
        far = [sys.executable, str(HERE / "far_side.py"), control, str(folder)]
        self.far = subprocess.Popen(["unshare", "-n", *far], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        _ip("link set lo up")
        _lay_cable(self.far.pid)
        for words in (
            "addr add 10.99.0.1/30 dev near",
            "-6 addr add fd99::1/64 dev near nodad",
            "link set near up",
            "route add default via 10.99.0.2",
            "-6 route add default via fd99::2",
            f"addr add {CORE_PUBLIC}/32 dev lo",
            f"route add unreachable {REFUSING}/32",
        ):
            _ip(words)
        self.far.stdin.write("\n")
        self.far.stdin.flush()
        assert self.far.stdout.readline().strip() == "ready", "the far side did not start"
        self.orders = socket.socket(socket.AF_UNIX)
        self.orders.connect(control)
        self.answers = self.orders.makefile("r")
        self.dns, self.near = FixtureDns(NAME_SERVER), NearCanaries()

    def order(self, order: dict) -> object:
        self.orders.sendall(json.dumps(order).encode() + b"\n")
        return json.loads(self.answers.readline())

    def scene(self, vector: dict) -> None:
        fixture = vector.get("fixture") or {}
        headers = list(fixture.get("headers", []))
        if "location" in fixture:
            headers.append(f"Location: {fixture['location']}")
        tls = (fixture.get("request") or {}).get("tls", "good")
        self.order({"scene": {"status": fixture.get("status", 200), "headers": headers, "tls": tls}})
        self.near.take()
        self.dns.script(fixture.get("dns"))

    def hits(self) -> list[dict]:
        return self.near.take() + list(self.order({"hits": True}))


class Core:
    """The real process, set up as an operator would."""

    def __init__(self, binary: str, folder: pathlib.Path) -> None:
        settings = folder / "core.toml"
        settings.write_text(f'dns_servers = ["{NAME_SERVER[0]}:{NAME_SERVER[1]}"]\negress_roots = "{folder}/roots.pem"\n')
        command = [binary, "--config", str(settings), "--listen", f"{CORE[0]}:{CORE[1]}", "--data-dir", str(folder / "data")]
        command += ["--tls-cert", str(folder / "core.pem"), "--tls-key", str(folder / "core.key")]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.trust = ssl.create_default_context(cafile=str(folder / "roots.pem"))
        setup_code = None
        for line in self.process.stdout:
            if found := re.search(r"set-up code.*: (\S+)$", line.strip()):
                setup_code = found[1]
            if "ready at" in line:
                break
        assert setup_code, "Core printed no set-up code"
        account = {"username": "first_admin", "password": "correct horse battery staple"}
        made = self.call("POST", "/auth/setup", {"setup_code": setup_code, **account})
        code = _totp(made["mfa_secret"])
        self.admin = self.call("POST", "/auth/login", {**account, "mfa_code": code})["token"]

    def call(self, method: str, path: str, body: object, token: str | None = None, good: bool = True) -> dict:
        """One request on a fresh connection; the status stands under `http_status`."""
        connection = http.client.HTTPSConnection(*CORE, context=self.trust, timeout=ANSWER_LIMIT)
        headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
        with contextlib.closing(connection):
            connection.request(method, path, json.dumps(body), headers)
            answer = connection.getresponse()
            text = answer.read()
        told = json.loads(text) if text else {}
        assert answer.status < 300 or not good, f"{method} {path}: {answer.status} {told}"
        return told | {"http_status": answer.status}

    def plugin(self, plugin_id: str, domains: list, traits: list[str], base_url: str | None = None) -> str:
        enrolled = self.call("POST", "/admin/enrollments", {"plugin_id": plugin_id, "approve": True}, self.admin)
        manifest = {
            "id": plugin_id,
            "name": "Egress test",
            "version": "1.0.0",
            "contracts": ["vivified/1"],
            "traits": ["external_caller", *traits],
            "security": {"authentication_required": True, "data_classification": ["phi"]},
            "compliance": {"hipaa_controls": ["164.312(b)"], "audit_level": "standard"},
            "allowed_domains": domains,
        }
        if base_url:
            manifest["endpoints"] = {"base_url": base_url}
        return self.call("POST", "/plugins/register", manifest, enrolled["enrollment_token"])["token"]


def entries() -> list[dict]:
    """The policy that the vectors assume."""
    listed = [("api.partner.test", 443), ("api.partner.test", 8443), ("*.cdn.partner.test", 443)]
    listed += [("*.cdn.partner.test", 8443), ("xn--bcher-kva.test", 443)]
    return [{"host": host, "port": port, "methods": ["GET", "POST"]} for host, port in listed]


def ask(core: Core, token: str, vector: dict) -> dict:
    """Sends one vector as the plugin of this token."""
    request = (vector.get("fixture") or {}).get("request") or {}
    text = request.get("body") or "x" * request.get("body_bytes", 0)
    body = {"url": vector["url"], "method": request.get("method", "POST" if text else "GET")}
    if request.get("headers"):
        body["headers"] = dict(request["headers"])
    if text:
        body["body"] = text
    if "traits" in request:
        body["data_traits"] = ["phi"]
    try:
        return core.call("POST", "/proxy", body, token, good=False)
    except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
        # A body far over the limit is cut off while it is sent.
        return {"http_status": 413}


def judge(vector: dict, told: dict, hits: list[dict], lookups: int) -> str | None:
    """What is wrong with the outcome of a vector; None when it is as expected."""
    fixture = vector.get("fixture") or {}
    status, layer = told["http_status"], vector["layer"]
    # A name server that fails is asked again; one that answers is asked once.
    if lookups > 1 and layer == "connect":
        return f"{lookups} look-ups"
    if vector["expect"] == "allow" or layer == "redirect":
        records = [record for record in fixture.get("dns", []) if record[0] in ("A", "AAAA")]
        good = {record[1] for record in records} or {PUBLIC}
        reached = [hit["address"] for hit in hits]
        if status != 200 or len(reached) != 1 or reached[0] not in good:
            return f"status {status} ({told.get('detail')}), reached {reached}"
        if told["status_code"] != fixture.get("status", 200):
            return f"the host answered {told['status_code']}"
        if "location" in fixture and told["headers"].get("location") != fixture["location"]:
            return "the redirect was not handed back"
        return None
    bad_certificate = "tls" in (fixture.get("request") or {})
    if status == 200 or not 400 <= status < 600 or (status == 500):
        return f"status {status}"
    if bad_certificate:
        requests = [hit["request"] for hit in hits if hit.get("request")]
        return f"a request went to a host that is not proved: {requests}" if requests else None
    return f"canaries reached: {hits}" if hits else None


def control(world: World, vectors: list[dict]) -> collections.Counter:
    """A client without any check asks for the same; the canaries it reaches are counted."""
    reached: collections.Counter = collections.Counter()
    for vector in vectors:
        if vector["expect"] != "deny" or vector["layer"] not in ("address", "parse", "allowlist"):
            continue
        world.scene(vector)
        for address in careless(world, vector["url"]):
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            with socket.socket(family) as attempt:
                attempt.settimeout(0.3)
                with contextlib.suppress(OSError):
                    attempt.connect((address, 443))
        time.sleep(0.01)
        if any(hit["address"] not in (PUBLIC, REFUSING) for hit in world.hits()):
            reached[vector["class"]] += 1
    return reached


def careless(world: World, url: str) -> list[str]:
    """Addresses as many a client finds them: literals in any notation, else the name server's."""
    try:
        host = urllib.parse.urlsplit(url).hostname or ""
        found = socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
        return [str(entry[4][0]) for entry in found]
    except (OSError, ValueError, UnicodeError):
        return world.dns.addresses()


def main() -> int:
    binary, folder, vectors = sys.argv[1], pathlib.Path(sys.argv[2]), json.loads(pathlib.Path(sys.argv[3]).read_text())
    world = World(folder)
    core = Core(binary, folder)
    try:
        core.plugin("neighbour", [], [], f"https://{PLUGIN_PUBLIC}")
        careful = core.plugin("careful", [{"host": "api.partner.test", "baa": True}], [])
        failed, allowed, canaries = [], 0, 0
        for number, vector in enumerate(vectors):
            if number % VECTORS_OF_A_PLUGIN == 0:
                token = core.plugin(f"prober{number}", entries(), ["handles_phi"])
            world.scene(vector)
            lacking = "traits" in ((vector.get("fixture") or {}).get("request") or {})
            told = ask(core, careful if lacking else token, vector)
            hits, lookups = world.hits(), world.dns.lookups()
            fault = judge(vector, told, hits, lookups)
            if fault:
                failed.append(f"{vector['id']}: {fault}")
            allowed += told["http_status"] == 200
            canaries += sum(hit["address"] != PUBLIC for hit in hits if told["http_status"] != 200)
        denied = len(vectors) - allowed
        print(f"{len(vectors)} vectors through the whole stack: {allowed} went out, {denied} did not")
        print(f"connections that canaries took from Core: {canaries}")
        reached = control(world, vectors)
        print(f"control: a client without the check reached canaries with {sum(reached.values())} vectors: {dict(reached)}")
        if not reached:
            failed.append("the control reached no canary, so the silence proves nothing")
        for fault in failed:
            print(fault)
        return 1 if failed or canaries else 0
    finally:
        core.process.terminate()
        core.process.wait(10)
        world.far.kill()


def _lay_cable(far: int) -> None:
    """Waits until the far side has its own network, then gives it one end of the cable."""
    own = pathlib.Path("/proc/self/ns/net").readlink()
    while pathlib.Path(f"/proc/{far}/ns/net").readlink() == own:
        time.sleep(0.01)
    _ip(f"link add near type veth peer name far netns {far}")


def _ip(words: str) -> None:
    subprocess.run(["ip", *words.split()], check=True)


def _totp(secret: str) -> str:
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
    at = digest[-1] & 15
    return f"{(struct.unpack('>I', digest[at : at + 4])[0] & 0x7FFFFFFF) % 1_000_000:06}"


if __name__ == "__main__":
    sys.exit(main())
