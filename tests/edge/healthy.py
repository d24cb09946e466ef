"""A client that asks for little and is to be answered whatever others do meanwhile.

It is a process of its own, so that a test which floods does not slow it down itself.
"""

import http.client
import json
import os
import pathlib
import select
import ssl
import statistics
import subprocess
import sys
import time
from typing import Self

import wire
from cores import Core

PAUSE = 0.025
"""Slower than the pace Core allows an address."""
FEWEST = 5
PATIENCE = 20.0


class Healthy:
    """Asks on one kept connection until it is left, and watches how much memory Core holds."""

    def __init__(self, core: Core) -> None:
        assert core.process
        authority = str(core.folder / "core.pem") if core.production else ""
        self.words = [str(core.port), wire.next_source(), str(core.process.pid), authority]
        self.seconds: list[float] = []
        self.failures: list[str] = []
        self.growth = 0

    def __enter__(self) -> Self:
        command = [sys.executable, __file__, *self.words]
        environment = os.environ | {"PYTHONPATH": str(pathlib.Path(wire.__file__).parent)}
        self.process = subprocess.Popen(
            command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout
        self.process.stdout.readline()
        return self

    def __exit__(self, *_: object) -> None:
        told, _ = self.process.communicate(timeout=3 * PATIENCE)
        figures = json.loads(told)
        self.seconds, self.failures, self.growth = figures["seconds"], figures["failures"], figures["growth"]

    @property
    def p99(self) -> float:
        return p99(self.seconds)

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    def __str__(self) -> str:
        return f"{len(self.seconds)} healthy requests, {len(self.failures)} failed, p99 {self.p99 * 1000:.1f} ms"


def p99(seconds: list[float]) -> float:
    return sorted(seconds)[(len(seconds) * 99 - 1) // 100]


def resident(pid: str) -> int:
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) * 1024


def main(port: str, source: str, pid: str, authority: str) -> None:
    """Asks until nobody holds the other end of its input."""
    options: dict = {"timeout": PATIENCE, "source_address": (source, 0)}
    if authority:
        context = ssl.create_default_context(cafile=authority)
        connection = http.client.HTTPSConnection("127.0.0.1", int(port), context=context, **options)
    else:
        connection = http.client.HTTPConnection("127.0.0.1", int(port), **options)
    seconds: list[float] = []
    failures: list[str] = []
    before = most = resident(pid)
    print("begins", flush=True)
    while len(seconds) < FEWEST or not select.select([sys.stdin], [], [], PAUSE)[0]:
        began = time.monotonic()
        try:
            connection.request("GET", "/health")
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                failures.append(f"status {answer.status}")
        except (OSError, http.client.HTTPException) as error:
            failures.append(repr(error))
            connection.close()
        seconds.append(time.monotonic() - began)
        most = max(most, resident(pid))
    print(json.dumps({"seconds": seconds, "failures": failures, "growth": most - before}))


if __name__ == "__main__":
    main(*sys.argv[1:])
