"""Slow clients against the real Core: each loses its connection in time, others are served.

The limits are lowered by settings so that the test is short; the body of a request has its own
grace of ten seconds. Control: with high limits the same clients are still there when these ended.
"""

import asyncio
import concurrent.futures
import contextlib
import os
import resource
import socket
import time
from collections import defaultdict
from collections.abc import Iterator

import pytest
from cores import Core, running_core
from healthy import Healthy
from slow import HANDSHAKES, Slow, mixed, spend

PROVE = bool(os.environ.get("PROVE"))
MANY = 2_000 if PROVE else 300
PATIENT_MANY = 23
SECONDS = 2
BODY_GRACE = 10
# The body of a request of HTTP/2 is late after its grace; its connection is idle then, and is ended politely.
WAIT = BODY_GRACE + 10 * SECONDS
CONTROL_WAIT = 2 * SECONDS + 1
LIMITS = [f"VIVIFIED_LIMITS_{name}_SECONDS" for name in ("HANDSHAKE", "HEADER", "IDLE", "WRITE")]


def environment(seconds: int, **limits: int) -> dict[str, str]:
    more = {f"VIVIFIED_LIMITS_{name.upper()}": str(value) for name, value in limits.items()}
    return dict.fromkeys(LIMITS, str(seconds)) | more


@pytest.fixture(scope="module", autouse=True)
def files() -> None:
    """Every connection is a file here and in Core."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 3 * MANY + 500
    assert most >= wanted, f"raise the limit of open files to {wanted}"
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, most))


@pytest.fixture
def impatient() -> Iterator[Core]:
    with running_core(environment=environment(SECONDS, connections=2 * MANY)) as core:
        yield core


@pytest.fixture
def patient() -> Iterator[Core]:
    with running_core(environment=environment(600)) as core:
        yield core


def slow_ones(core: Core, many: int, patience: float) -> list[Slow]:
    token = core.register("slow").encode()
    return asyncio.run(spend(core.port, mixed(token, many), patience))


def told(clients: list[Slow]) -> set[str]:
    """Prints when each kind was cut off; the kinds of which some were not."""
    ends: dict[str, list[float | None]] = defaultdict(list)
    for client in clients:
        ends[client.kind.name].append(client.seconds)
    for name, seconds in ends.items():
        known = [value for value in seconds if value is not None]
        span = f" after {min(known):.1f} to {max(known):.1f} s" if known else ""
        print(f"{name}: {len(known)} of {len(seconds)} cut off{span}")
    return {name for name, seconds in ends.items() if None in seconds}


def test_every_slow_client_is_cut_off_and_the_healthy_are_served(impatient: Core, patient: Core) -> None:
    with Healthy(impatient) as alone:
        time.sleep(2)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        control = pool.submit(slow_ones, patient, PATIENT_MANY, CONTROL_WAIT)
        with Healthy(impatient) as healthy:
            clients = slow_ones(impatient, MANY, WAIT)
        waiting = control.result()
    left = told(clients)
    print(
        f"{MANY} slow clients; {healthy}, {healthy.p99 / alone.p99:.1f} times the {alone.p99 * 1000:.1f} ms alone, "
        f"{healthy.growth / 2**20:+.1f} MiB"
    )
    assert not left
    early = {client.kind.name for client in clients if (client.seconds or 0) < SECONDS / 2}
    assert early <= {"a dripping body without a token"}, early
    assert not healthy.failures and healthy.median < 1.0, healthy.failures[:3]
    patient_ones = {client.kind.name for client in waiting if client.seconds is None}
    print(f"control: {len(patient_ones)} kinds still there after {CONTROL_WAIT} s of high limits")
    assert patient_ones >= {client.kind.name for client in clients} - {"a dripping body without a token"}, "control"


def test_who_does_not_finish_the_handshake_is_cut_off() -> None:
    chosen = HANDSHAKES * (MANY // 4)
    with running_core(production=True, environment=environment(SECONDS, connections=2 * MANY)) as core:
        with Healthy(core) as healthy:
            clients = asyncio.run(spend(core.port, chosen, 4 * SECONDS))
        left = told(clients)
    with running_core(production=True, environment=environment(600)) as core:
        waiting = asyncio.run(spend(core.port, HANDSHAKES, CONTROL_WAIT))
    print(f"{len(chosen)} handshakes; {healthy}")
    assert not left
    assert not healthy.failures, healthy.failures[:3]
    assert all(client.seconds is None for client in waiting), "control"


def test_one_address_and_all_of_them_have_so_many_connections() -> None:
    own, all_together, tried = 8, 40, 20
    counted = {}
    for limits in ({"connections": all_together, "connections_per_address": own}, {}):
        with running_core(environment=environment(600, **limits)) as core, contextlib.ExitStack() as open_ones:
            counted[bool(limits)] = [
                sum(is_served(open_ones, core.port, f"127.50.0.{host}") for _ in range(tried)) for host in range(1, 8)
            ]
    print(
        f"{tried} connections from each of 7 addresses, served: {counted[True]}, without low limits: {counted[False]}"
    )
    assert counted[True] == [own] * (all_together // own) + [0] * (7 - all_together // own)
    assert counted[False] == [tried] * 7, "control"


def is_served(open_ones: contextlib.ExitStack, port: int, source: str) -> bool:
    """Asks on a connection of its own, which stays open."""
    try:
        connection = socket.create_connection(("127.0.0.1", port), timeout=10, source_address=(source, 0))
        open_ones.enter_context(connection)
        connection.sendall(b"GET /health HTTP/1.1\r\nhost: core\r\n\r\n")
        return connection.recv(65536).startswith(b"HTTP/1.1 200")
    except OSError:
        return False
