"""What most attacks on the edge need: a Core, a callee behind it that remembers, and a token."""

from collections.abc import Iterator

import pytest
from cores import Core, running_core
from peer import Peer, running_peer


@pytest.fixture(scope="module")
def peer() -> Iterator[Peer]:
    with running_peer() as server:
        yield server


@pytest.fixture(scope="module")
def core(peer: Peer) -> Iterator[Core]:
    with running_core() as process:
        process.register("callee", base_url=f"http://{peer.address}")
        yield process


@pytest.fixture(scope="module")
def token(core: Core) -> bytes:
    return core.register("attacker").encode()
