"""What was removed is gone: it is there before, its removal is granted once, and then it is unknown.

Every DELETE of the contract is walked, each on something made for it.
"""

from collections.abc import Iterator

import contract
import pytest
from callers import UNLIMITED
from contract import Operation
from cores import Core, running_core
from made import Maker
from peer import running_peer


@pytest.fixture(scope="module")
def installed() -> Iterator[tuple[Core, Maker, str]]:
    with running_peer() as peer, running_core(stub=peer.address, environment=UNLIMITED) as core:
        yield core, Maker(core, peer.address), core.register("keeper", base_url=f"http://{peer.address}")


def test_what_was_removed_is_gone(installed: tuple[Core, Maker, str]) -> None:
    core, maker, plugin = installed
    operations = {(one.method, one.path): one for one in contract.operations(core.document())}
    removals = [one for one in operations.values() if one.method == "DELETE"]
    read = 0
    for removal in removals:
        token = core.admin_token if "sessionToken" in removal.schemes else plugin
        made = maker.make(removal, token)
        token = made.token or token
        reading: Operation | None = operations.get(("GET", removal.path))
        target = removal.target(**{name: str(value) for name, value in made.path.items()})
        if reading:
            assert core.send("GET", target, token=token).status == 200, f"control: {removal.id} has something to remove"
            read += 1
        assert core.send("DELETE", target, token=token).status == 204, removal.id
        again = core.send("DELETE", target, token=token)
        assert again.status in (204, 404), (removal.id, again)
        if reading:
            gone = core.send("GET", target, token=token)
            assert gone.status == 404 and gone.code in reading.codes, (removal.id, gone)
    assert read >= 4 and len(removals) >= 8, (read, len(removals))
    print(f"{len(removals)} kinds of things removed, {read} of them read before and after")
