"""HTTP/2 floods against the real Core: they end, they cost little memory, others are served.

Every flood runs from an address of its own, several connections at once, beside a client that
asks for little. Control: a client that sends a few of every frame is served on one connection.
"""

import concurrent.futures
import dataclasses
import os
import re
import time
from collections.abc import Iterator

import hpack
import pytest
from cores import Core, running_core
from floods import FLOODS, GET, LARGE, OPEN, Flood
from frames import (
    CONTINUATION,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    PING,
    Client,
    Heard,
    block,
    frame,
    headers,
    request,
    reset,
    settings,
    window,
)
from healthy import Healthy, p99

PROVE = bool(os.environ.get("PROVE"))
CONNECTIONS = 8 if PROVE else 2
MOST_MEMORY = 64 << 20
# What the pace of Core allows one address: a burst, and so many each second.
BURST, PER_SECOND = 200, 50
# From the last octet of a flood to the end of its connection; the limits of Core are below.
PATIENCE = 8.0
LIMITS = {
    "VIVIFIED_LIMITS_HEADER_SECONDS": "2",
    "VIVIFIED_LIMITS_IDLE_SECONDS": "2",
    "VIVIFIED_LIMITS_WRITE_SECONDS": "2",
}


@dataclasses.dataclass
class Result:
    heard: list[Heard]
    served: int
    seconds: float
    growth: int
    failures: int

    def fault(self) -> str:
        """Empty when the flood came to nothing."""
        if not all(heard.refused for heard in self.heard):
            return "a connection goes on"
        if self.growth > MOST_MEMORY:
            return f"{self.growth >> 20} MiB of memory"
        if self.served > BURST + PER_SECOND * self.seconds:
            return f"{self.served} requests served"
        return "a healthy request failed" if self.failures else ""


@dataclasses.dataclass
class Ledger:
    """All floods of a run, and how the healthy were served before and beside them."""

    alone: Healthy
    beside: list[Healthy] = dataclasses.field(default_factory=list)

    def __str__(self) -> str:
        seconds = [seconds for healthy in self.beside for seconds in healthy.seconds]
        beside, alone = p99(seconds) * 1000, self.alone.p99 * 1000
        growth = max(healthy.growth for healthy in self.beside) / 2**20
        return (
            f"{len(self.beside)} floods over {CONNECTIONS} connections each, all ended, at most {growth:+.1f} MiB; "
            f"{len(seconds)} healthy requests beside them, p99 {beside:.1f} ms, "
            f"{beside / alone:.1f} times the {alone:.1f} ms alone"
        )


@pytest.fixture(scope="module")
def core() -> Iterator[Core]:
    with running_core(environment=LIMITS) as process:
        yield process


@pytest.fixture(scope="module")
def ledger(core: Core) -> Iterator[Ledger]:
    with Healthy(core) as alone:
        time.sleep(2)
    ledger = Ledger(alone)
    yield ledger
    print(ledger)


def served(core: Core) -> int:
    """Requests of the floods that a handler has answered well."""
    text = core.admin("GET", "/metrics").body.decode()
    found = re.findall(r'vivified_requests_total\{operation="get_(?:jwks|openapi)",status="2xx"\} (\d+)', text)
    assert len(found) == 2, text[:500]
    return sum(map(int, found))


def attack(core: Core, flood: Flood, source: str) -> Heard:
    client = Client(core.port, flood.values, source)
    for octets in flood.waves(flood.count * (10 if PROVE and flood.longer else 1)):
        if not client.send(octets, patience=PATIENCE, reads=flood.reads):
            break
    client.read(PATIENCE)
    client.close()
    return client.heard


def run(core: Core, flood: Flood, source: str) -> tuple[Result, Healthy]:
    before, began = served(core), time.monotonic()
    with Healthy(core) as healthy, concurrent.futures.ThreadPoolExecutor(CONNECTIONS) as pool:
        heard = list(pool.map(lambda _: attack(core, flood, source), range(CONNECTIONS)))
    seconds = time.monotonic() - began
    return Result(heard, served(core) - before, seconds, healthy.growth, len(healthy.failures)), healthy


def test_the_judge_sees_what_a_flood_could_do() -> None:
    ended, alive = Heard(goaway=11), Heard()
    assert not Result([ended], 10, 1.0, 1 << 20, 0).fault()
    planted = [
        Result([ended, alive], 0, 1.0, 0, 0),
        Result([ended], 0, 1.0, 65 << 20, 0),
        Result([ended], 300, 1.0, 0, 0),
        Result([ended], 0, 1.0, 0, 1),
    ]
    assert all(result.fault() for result in planted), "control"


def test_a_few_of_every_frame_are_served(core: Core) -> None:
    client = Client(core.port)
    assert client.ask(1, GET) == 200
    client.send(settings({4: 70_000}) + frame(PING, payload=b"politely") * 3 + window(0, 1_000))
    client.send(headers(3, GET) + reset(3))
    pieces = block(GET)
    client.send(
        frame(HEADERS, END_STREAM, 5, pieces[:9])
        + frame(CONTINUATION, 0, 5)
        + frame(CONTINUATION, END_HEADERS, 5, pieces[9:])
    )
    assert client.read(10, until=5).statuses[5] == 200
    client.send(
        headers(7, OPEN, END_HEADERS) + frame(DATA, 0, 7) + frame(DATA, 0, 7, b"{") + frame(DATA, END_STREAM, 7, b"}")
    )
    assert client.read(10, until=7).statuses[7] == 400, "a body in pieces, without the fields of a login"
    encoder = hpack.Encoder()
    for stream in (9, 11):
        fields = encoder.encode([*GET, (b"x-note", b"a" * 1_000)])
        client.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, fields))
        assert client.read(10, until=stream).statuses[stream] == 200, "a reference to the table"
    client.send(headers(13, request(LARGE)) + window(13, 1 << 20) + window(0, 1 << 20))
    assert client.read(20, until=13).statuses[13] == 200
    assert len(client.heard.bodies[13]) > 100_000 and 13 in client.heard.ended
    assert not client.heard.refused and set(client.heard.resets) <= {3}, client.heard
    client.close()


@pytest.mark.parametrize("flood", FLOODS, ids=lambda flood: flood.name)
def test_a_flood_ends_and_the_healthy_are_served(core: Core, ledger: Ledger, flood: Flood) -> None:
    source = f"127.99.0.{1 + FLOODS.index(flood)}"
    result, healthy = run(core, flood, source)
    print(f"{flood.name}: {result.heard[0]}; {result.served} served, {result.growth / 2**20:+.1f} MiB, {healthy}")
    ledger.beside.append(healthy)
    assert not result.fault(), (result.fault(), healthy.failures[:3])
    assert healthy.median < 1.0
