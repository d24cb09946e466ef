"""Personal data goes through every field of every operation and comes out in no log.

Each request carries values of synthetic people: in every text of the body, in paths, queries and
headers, as broken JSON, as a body that is too large, with good tokens and with bad ones, through a
callee that fails, to a callee that does not exist, and to a host outside. Afterwards what Core
wrote for operators is searched for every value in every shape.
"""

import base64
import json
import os
import pathlib
import random
import time
import urllib.parse
from collections.abc import Iterator

import contract
import pytest
from cores import STUB_HOST, Core, running_core
from identities import PEOPLE, Scanner, person
from peer import Peer, running_peer

SEED = int(os.environ.get("CANARY_SEED") or random.SystemRandom().randrange(1_000_000))
# Their calls end what the rest of the run needs.
LAST = {"logout", "deregister_plugin"}
STORED = "canary"
# Seconds without a span after which none is on its way.
QUIET = 3
# Fields that stand at rest as they are, as their documentation says; no log may have them either.
PLAIN_AT_REST = {"key", "partition_key", "reason"}


class Sower:
    """Sends values and keeps what came back, apart from what a caller may see again: its own."""

    def __init__(self, core: Core, peer: Peer, collector: Peer) -> None:
        self.rng = random.Random(SEED)
        self.people = [person(self.rng) for _ in range(PEOPLE)]
        self.plain_people = [person(self.rng) for _ in range(PEOPLE)]
        self.core, self.peer, self.collector = core, peer, collector
        self.plugin = core.register("sower", base_url=f"http://{peer.address}")
        core.register("callee", base_url=f"http://{peer.address}")
        core.register("down", base_url="http://127.0.0.1:9")
        self.errors: list[bytes] = []
        self.sent = 0

    def value(self, field: str = "") -> str:
        people = self.plain_people if field in PLAIN_AT_REST else self.people
        return self.rng.choice(list(self.rng.choice(people).values()))

    def send(self, method: str, path: str, **options: object) -> None:
        self.sent += 1
        try:
            answer = self.core.send(method, path, timeout=10, **options)
        except (OSError, ValueError):
            return
        if answer.status >= 400:
            self.errors.append(answer.body + repr(answer.headers).encode())

    def fill(self, value: object, field: str = "") -> object:
        """The same shape with a person's value in every text."""
        if isinstance(value, dict):
            return {key: self.fill(inner, key) for key, inner in value.items()}
        if isinstance(value, list):
            return [self.fill(inner) for inner in value]
        return self.value(field) if isinstance(value, str) else value

    def one_text(self, value: dict) -> Iterator[dict]:
        """Good bodies in which one text at a time is a person's."""
        for key, inner in value.items():
            if isinstance(inner, str):
                yield {**value, key: self.value(key)}
            elif isinstance(inner, dict):
                yield from ({**value, key: filled} for filled in self.one_text(inner))

    def attack(self, operation: contract.Operation) -> None:
        token = self.core.admin_token if "sessionToken" in operation.schemes else self.plugin
        quoted = {p["name"]: self.value(p["name"]) for p in operation.parameters if p["in"] == "path"}
        query = "?" + urllib.parse.urlencode({p["name"]: self.value() for p in operation.parameters if p["in"] == "query"})
        headers = {p["name"]: self.value() for p in operation.parameters if p["in"] == "header"}
        headers |= {"x-note": self.value(), "user-agent": self.value(), "cookie": f"s={self.value()}"}
        headers |= {"tracestate": f"vendor={self.value()}", "baggage": f"person={self.value()}"}
        method, body = operation.method, operation.body
        bodies: list[object] = [body]
        if body is not None:
            bodies += [self.fill(body), {self.value(): self.value()}, f'{{"a": "{self.value()}"'.encode(), self.value()]
            bodies += list(self.one_text(body))[:12] if isinstance(body, dict) else []
            bodies.append(json.dumps({"padding": (self.value() + " ") * (int(operation.raw["x-body-limit"]) // 8)}).encode())
        for one in bodies:
            self.send(method, operation.target(), body=one, token=token)
        self.send(method, operation.target(**quoted), body=body, token=token)
        self.send(method, operation.target() + query, body=body, token=token)
        self.send(method, operation.target(), body=body, token=token, headers=headers)
        self.send(method, operation.target() + query, body=body, token=self.value())
        self.send(method, f"/{urllib.parse.quote(self.value())}", body=body, token=token)

    def lanes(self) -> None:
        """Good calls with values where they belong, and failures behind Core that repeat them."""
        for one in self.people:
            token, headers = self.plugin, {"idempotency-key": one["token"]}
            event = {"message_id": "msg-1", "recipient_ref": one["name"], "template": one["note"], "queued_at": "2026-11-22T17:00:00Z"}
            self.send("POST", "/events/publish", token=token, body={"event_type": "EmailQueued", "payload": event})
            for path in ("callee/echo", "callee/fail", "down/echo", "nobody/echo", "callee/none"):
                self.send("POST", f"/gateway/{path}", token=token, body=one, headers=headers)
            for host in (STUB_HOST, f"{one['token'].replace('_', '-')}.example"):
                body = {"url": f"https://{host}/fail?q={one['token']}", "method": "POST", "body": json.dumps(one["email"])}
                self.send("POST", "/proxy", token=token, body=body)
            login = {"username": one["email"], "password": one["password"], "mfa_code": "123456"}
            self.send("POST", "/auth/login", body=login)


@pytest.fixture(scope="module")
def sown() -> Iterator[Sower]:
    with (
        running_peer() as peer,
        running_peer() as collector,
        running_core(
            stub=peer.address, environment={"VIVIFIED_OTLP_ENDPOINT": f"http://{collector.address}"}
        ) as core,
    ):
        sower = Sower(core, peer, collector)
        operations = list(contract.operations(core.document()))
        for operation in sorted(operations, key=lambda one: one.id in LAST):
            if operation.id not in LAST and "text/event-stream" not in json.dumps(operation.raw["responses"]):
                sower.attack(operation)
        core.sign_in()
        sower.lanes()
        body = {"value": sower.people}
        answer = core.send("PUT", f"/storage/{STORED}", token=sower.plugin, body=body)
        if answer.status == 401:
            sower.plugin = core.register("sower2")
            answer = core.send("PUT", f"/storage/{STORED}", token=sower.plugin, body=body)
        assert answer.status == 200, answer
        yield sower


def collected(collector: Peer) -> bytes:
    """All spans that Core has sent, once it sends no more."""
    sent = -1
    while sent < len(collector.seen):
        sent = len(collector.seen)
        time.sleep(QUIET)
    return b"\n".join(seen.path.encode() + repr(seen.headers).encode() + seen.body for seen in collector.seen)


def test_control_the_scanner_finds_what_is_planted() -> None:
    rng = random.Random(SEED)
    people = [person(rng) for _ in range(PEOPLE)]
    scanner = Scanner(people)
    planted = found = 0
    for number in range(20):
        field = list(people[number])[number % len(people[number])]
        value = people[number][field]
        forms = [value, value.upper(), base64.b64encode(b"x" * (number % 3) + value.encode()).decode(), value.encode().hex()]
        form = forms[number % len(forms)]
        planted += 1
        found += f"{field} of {number}" in scanner.find(f"2026-11-22 INFO request {form} done".encode())
    assert (planted, found) == (20, 20)
    assert scanner.find(b"2026-11-22 INFO request done " * 1000) == []
    print(f"control: {planted} values planted, {found} found; seed {SEED}")


def test_no_value_is_in_anything_written_for_operators(sown: Sower) -> None:
    scanner = Scanner(sown.people + sown.plain_people)
    core = sown.core
    records, cursor = [], ""
    while True:
        answer = core.admin("GET", f"/admin/audit?limit=1000{cursor}")
        assert answer.status == 200, answer
        records += answer.json["records"]
        if not answer.json.get("cursor"):
            break
        cursor = "&cursor=" + urllib.parse.quote(answer.json["cursor"])
    traces = collected(sown.collector)
    places = {
        "standard output and error": core.output().encode(),
        "audit": json.dumps(records).encode(),
        "metrics": core.send("GET", "/metrics", token=core.admin_token).body,
        "errors": b"\n".join(sown.errors),
        "traces": traces,
    }
    found = {place: names for place, data in places.items() if (names := scanner.find(data))}
    assert len(records) > 200 and len(sown.errors) > 200 and traces.count(b"spanId") > 200, "control: there is something to search"
    print(f"{sown.sent} requests with values of {PEOPLE} people; searched {({place: len(data) for place, data in places.items()})}; found {sum(map(len, found.values()))}")
    assert not found, found


def test_stored_values_come_back_to_their_owner_and_stand_nowhere_in_plain_text(sown: Sower) -> None:
    scanner = Scanner(sown.people)
    answer = sown.core.send("GET", f"/storage/{STORED}", token=sown.plugin)
    assert answer.json["value"] == sown.people, "control: the owner reads them back"
    assert len(scanner.find(answer.body)) == sum(map(len, sown.people)), "control: and the scanner sees them there"
    files = [file for file in pathlib.Path(sown.core.data).rglob("*") if file.is_file()]
    size = sum(file.stat().st_size for file in files)
    found = {file.name: names for file in files if (names := scanner.find(file.read_bytes()))}
    assert size > 100_000 and not found, found
    print(f"{len(files)} files with {size} octets at rest, {len(found)} hold a value")
