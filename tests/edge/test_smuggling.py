"""One request is one request: the table of ambiguous messages against the real Core.

Refused means: at most one answer, of class 4xx or 5xx, and then the end of the connection, so that
octets left over cannot become a request.
"""

import concurrent.futures
import json

import raw
from cores import Core
from peer import Peer
from smuggling import ATTACKS, CHUNKED, HIDDEN, Attack, get, post

# What a server may say of a message it cannot read. Any other status comes from behind the parser.
REFUSALS = {400, 408, 413, 414, 417, 431, 501, 505}


def verdict(attack: Attack, outcome: raw.Outcome) -> str:
    """Empty when the answer is as it must be."""
    if b"HTTP/1" in outcome.rest:
        return "what came back is no answer"
    if len(outcome.statuses) > max(attack.requests, 1):
        return "a second answer"
    if attack.requests:
        return ""
    if not set(outcome.statuses) <= REFUSALS:
        return "accepted"
    return "" if outcome.closed else "refused but left open"


def test_a_well_formed_pair_gives_exactly_two_answers(core: Core) -> None:
    outcome = raw.send(core.port, get() + HIDDEN)
    assert outcome.statuses == [200, 200], f"control: {outcome}"
    fooled = Attack("control", b"")
    assert verdict(fooled, outcome) == "a second answer", "control: the judge sees a second answer"
    assert verdict(fooled, raw.Outcome([200], True, b"")) == "accepted", "control"
    assert verdict(fooled, raw.Outcome([400], False, b"")) == "refused but left open", "control"


def test_no_ambiguous_message_is_accepted_and_none_gives_a_second_answer(core: Core, token: bytes) -> None:
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        outcomes = list(pool.map(lambda attack: raw.send(core.port, attack.octets.replace(b"TOKEN", token)), ATTACKS))
    judged = [(attack, outcome, verdict(attack, outcome)) for attack, outcome in zip(ATTACKS, outcomes, strict=True)]
    wrong = [f"{attack.name}: {fault} ({outcome})" for attack, outcome, fault in judged if fault]
    odd = [attack for attack in ATTACKS if attack.requests]
    print(
        f"{len(ATTACKS) - len(odd)} ambiguous messages and {len(odd)} odd ones with one meaning, {len(wrong)} taken wrongly"
    )
    assert not wrong, "\n".join(wrong)
    assert len(ATTACKS) > 100
    assert core.send("GET", "/health").status == 200, "the healthy are served afterwards"


def test_the_gateway_frames_anew_what_it_passes_on(core: Core, peer: Peer, token: bytes) -> None:
    """The octets of a second request inside a body stay inside one body behind the gateway."""
    body = json.dumps({"text": HIDDEN.decode() * 2}).encode()
    start = b"POST /gateway/callee/echo HTTP/1.1\r\n"
    pieces = b"".join(b"%x;x=y\r\n%s\r\n" % (len(piece), piece) for piece in (body[:7], body[7:40], body[40:]))
    framings = {
        "length": post(b"content-length: %d" % len(body), start=start, body=body),
        "chunks": post(CHUNKED, start=start, body=pieces + b"0\r\n\r\n"),
        "length and other fields": post(
            b"content-length: %d" % len(body), b"te: trailers", b"trailer: x", b"keep-alive: 5", start=start, body=body
        ),
    }
    for name, octets in framings.items():
        peer.seen.clear()
        outcome = raw.send(core.port, octets.replace(b"TOKEN", token))
        assert outcome.statuses == [200], (name, outcome)
        assert [(seen.path, json.loads(seen.body)) for seen in peer.seen] == [("/rpc/echo", json.loads(body))], name
        framing = {"content-length", "transfer-encoding"} & peer.seen[0].headers.keys()
        passed_on = {"te", "trailer", "keep-alive", "connection", "upgrade"} & peer.seen[0].headers.keys()
        assert len(framing) == 1 and not passed_on, (name, peer.seen[0].headers)
    print(f"{len(framings)} framings through the gateway, one request each behind it")
