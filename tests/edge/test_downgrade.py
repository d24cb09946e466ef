"""From HTTP/2 to HTTP/1 at the gateway: what is malformed reaches nobody, what is clean is framed anew."""

import concurrent.futures
import json

from cores import Core
from downgrade import BODY, HIDDEN, clean, exchange, malformed
from peer import Peer, Seen

# What Core writes to a callee, whatever its caller wrote.
WRITTEN = {"host", "authorization", "content-type", "content-length", "accept", "user-agent", "traceparent"}
WRITTEN |= {"vivified-deadline-ms"}


def fault(seen: Seen) -> str:
    """Empty when the callee got one request in one form."""
    if (seen.method, seen.path) != ("POST", "/rpc/echo"):
        return f"another request: {seen.method} {seen.path}"
    if not seen.headers.keys() <= WRITTEN:
        return f"fields of the caller: {seen.headers.keys() - WRITTEN}"
    return "" if seen.headers["content-length"] == str(len(seen.body)) else "a length that is not of its body"


def test_a_clean_request_reaches_the_callee_framed_anew(core: Core, peer: Peer, token: bytes) -> None:
    for name, octets in clean(token).items():
        peer.seen.clear()
        heard = exchange(core.port, octets).heard
        assert heard.statuses == {1: 200}, (name, str(heard))
        assert len(peer.seen) == 1 and not fault(peer.seen[0]), (name, peer.seen)
        assert HIDDEN.hex() in peer.seen[0].body.decode() or json.loads(peer.seen[0].body) == json.loads(BODY), name
    planted = Seen("POST", "/rpc/echo", {"content-length": "3", "x-note": "a"}, b"abc")
    assert fault(planted), "control: the judge sees a field of the caller"


def test_no_malformed_request_reaches_the_callee(core: Core, peer: Peer, token: bytes) -> None:
    table = malformed(token)
    peer.seen.clear()
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        outcomes = dict(
            zip(table, pool.map(lambda octets: exchange(core.port, octets).heard, table.values()), strict=True)
        )
    reached = [seen for seen in peer.seen]
    print(f"{len(table)} malformed requests of HTTP/2, {len(reached)} reached the callee")
    served = {
        name: str(heard) for name, heard in outcomes.items() if set(heard.statuses.values()) & set(range(200, 300))
    }
    silent = {
        name: str(heard) for name, heard in outcomes.items() if not (heard.statuses or heard.resets or heard.refused)
    }
    assert not served and not reached, (served, reached)
    assert not silent, silent
    assert len(table) > 50
