"""Who is calling comes from the verified token and from nothing else, seen from outside.

Six plugins, every token against every claimed identity, on all three lanes: in the body, in
headers that other systems trust, and in tokens put together from two. What names another plugin is
refused or has no effect; the very same request in one's own name is accepted, which is the control.
"""

import base64
import itertools
import json
from collections.abc import Iterator

import contract
import pytest
from cores import STUB_HOST, Core, running_core
from peer import Peer, running_peer

PLUGINS = [f"plugin_{letter}" for letter in "abcdef"]
EVENT = {
    "message_id": "msg-0001",
    "recipient_ref": "usr-0001",
    "template": "welcome",
    "queued_at": "2026-11-22T17:00:00Z",
}
# Headers by which a proxy in front, or an older platform, names a caller.
NAMING_HEADERS = ["x-plugin-id", "x-source-plugin", "x-forwarded-user", "x-vivified-caller", "vivified-caller", "from"]


class World:
    def __init__(self, core: Core, peer: Peer) -> None:
        self.core, self.peer = core, peer
        self.tokens = {name: core.register(name, base_url=f"http://{peer.address}") for name in PLUGINS}
        core.register("callee", base_url=f"http://{peer.address}")


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with running_peer() as peer, running_core(stub=peer.address) as core:
        yield World(core, peer)


def pairs() -> Iterator[tuple[str, str]]:
    return itertools.product(PLUGINS, PLUGINS)


def claims(token: str) -> dict:
    part = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))


def test_every_operation_without_a_token_is_401(world: World) -> None:
    operations = list(contract.operations(world.core.document()))
    open_to_all = []
    for operation in operations:
        answer = world.core.send(operation.method, operation.target(), body=operation.body)
        if operation.schemes:
            assert (answer.status, answer.code) == (401, "unauthenticated"), (operation.id, answer)
        else:
            open_to_all.append(operation.id)
            assert answer.code != "unauthenticated", (operation.id, answer)
    assert "get_health" in open_to_all, "control: the same walk reaches what needs no token"
    print(f"{len(operations) - len(open_to_all)} operations answered 401 without a token; open: {sorted(open_to_all)}")


def test_a_token_of_another_kind_opens_nothing(world: World) -> None:
    tokens = {"sessionToken": world.core.admin_token, "pluginToken": world.tokens["plugin_a"]}
    refused = 0
    for operation in contract.operations(world.core.document()):
        for kind, token in tokens.items():
            if not operation.schemes or kind in operation.schemes:
                continue
            answer = world.core.send(operation.method, operation.target(), body=operation.body, token=token)
            assert answer.status == 403, (operation.id, kind, answer)
            refused += 1
    for kind, path in [("sessionToken", "/auth/me"), ("pluginToken", "/plugins")]:
        assert world.core.send("GET", path, token=tokens[kind]).status == 200, "control: the tokens are good"
    assert refused > 25
    print(f"{refused} calls with a token of another kind, 0 accepted")


def publish(plugin: str, **fields: object) -> dict:
    return {"event_type": "EmailQueued", "payload": EVENT, **fields}


def egress(plugin: str, **fields: object) -> dict:
    return {"url": f"https://{STUB_HOST}/v1/status", "method": "GET", **fields}


@pytest.mark.parametrize(
    ("path", "body", "field", "good"),
    [("/events/publish", publish, "source_plugin", 202), ("/proxy", egress, "plugin_id", 200)],
)
def test_a_body_in_the_name_of_another_plugin_is_refused(world: World, path, body, field, good) -> None:
    accepted_others = accepted_own = 0
    for holder, claimed in pairs():
        answer = world.core.send("POST", path, token=world.tokens[holder], body=body(holder, **{field: claimed}))
        if holder == claimed:
            assert answer.status == good, answer
            accepted_own += 1
        else:
            assert (answer.status, answer.code) == (403, "identity_mismatch"), (holder, claimed, answer)
            accepted_others += answer.status < 400
    assert (accepted_others, accepted_own) == (0, len(PLUGINS))
    print(f"{path}: {len(PLUGINS) ** 2 - len(PLUGINS)} foreign names, 0 accepted; {accepted_own} own names accepted")


def test_the_event_lane_stamps_the_holder_of_the_token_whatever_the_headers_say(world: World) -> None:
    reader = world.core.register("reader")
    made = world.core.send("PUT", "/events/subscriptions/all", token=reader, body={"event_types": ["EmailQueued"]})
    assert made.status == 200, made
    wanted = {}
    for holder, claimed in pairs():
        headers = {name: claimed for name in NAMING_HEADERS}
        answer = world.core.send(
            "POST", "/events/publish", token=world.tokens[holder], body=publish(holder), headers=headers
        )
        assert answer.status == 202, answer
        wanted[answer.json["event_id"]] = holder
    seen = {}
    while len(seen) < len(wanted):
        body = {"max": 100, "wait_ms": 2000}
        pulled = world.core.send("POST", "/events/subscriptions/all/pull", token=reader, body=body).json["deliveries"]
        assert pulled, f"{len(seen)} of {len(wanted)} events arrived"
        seen |= {one["event"]["id"]: one["event"]["source"] for one in pulled}
        outcomes = [{"delivery_id": one["delivery_id"], "outcome": "ack"} for one in pulled]
        world.core.send("POST", "/events/subscriptions/all/settle", token=reader, body={"outcomes": outcomes})
    for event_id, holder in wanted.items():
        assert seen[event_id].rsplit("/", 1)[-1] == holder, (holder, seen[event_id])
    print(f"{len(wanted)} events with foreign names in {len(NAMING_HEADERS)} headers, 0 bore another source")


def test_the_callee_is_told_the_holder_of_the_token_whatever_body_and_headers_say(world: World) -> None:
    calls = 0
    for holder, claimed in pairs():
        world.peer.seen.clear()
        body = {"plugin_id": claimed, "source_plugin": claimed, "caller": claimed}
        headers = {name: claimed for name in NAMING_HEADERS}
        answer = world.core.send("POST", "/gateway/callee/echo", token=world.tokens[holder], body=body, headers=headers)
        assert answer.status == 200, answer
        arrived = world.peer.seen[-1]
        token = arrived.headers["authorization"].removeprefix("Bearer ")
        told = claims(token)
        assert (told["sub"], told["aud"]) == (holder, "callee")
        assert token != world.tokens[holder], "the caller's own token never travels"
        passed_on = [name for name in NAMING_HEADERS if arrived.headers.get(name) == claimed and claimed != holder]
        assert not passed_on, passed_on
        calls += 1
    print(f"{calls} calls with foreign names in body and headers, 0 seen as another caller")


def test_tokens_put_together_from_two_plugins_are_no_tokens(world: World) -> None:
    requests = [
        ("POST", "/events/publish", publish("")),
        ("POST", "/gateway/callee/ping", {}),
        ("POST", "/proxy", egress("")),
    ]
    refused = 0
    for holder, other in pairs():
        mine, theirs = world.tokens[holder].split("."), world.tokens[other].split(".")
        token = ".".join([mine[0], theirs[1], mine[2]])
        for method, path, body in requests:
            answer = world.core.send(method, path, token=token, body=body)
            if holder == other:
                assert answer.status in (200, 202), answer
            else:
                assert (answer.status, answer.code) == (401, "token_invalid"), answer
                refused += 1
    print(f"{refused} tokens with the claims of another plugin on three lanes, 0 accepted")


def test_what_a_plugin_keeps_is_there_for_itself_only(world: World) -> None:
    for name, token in world.tokens.items():
        stored = world.core.send("PUT", f"/storage/own-{name}", token=token, body={"value": name})
        kept = world.core.send("PUT", f"/config/own_{name}", token=token, body={"value": name})
        assert (stored.status, kept.status) == (200, 200), (stored, kept)
    foreign = 0
    for holder, owner in pairs():
        for path in (f"/storage/own-{owner}", f"/config/own_{owner}"):
            answer = world.core.send("GET", path, token=world.tokens[holder])
            if holder == owner:
                assert answer.json["value"] == owner, answer
            else:
                assert (answer.status, answer.code) == (404, "unknown_key"), answer
                foreign += 1
    print(f"{foreign} reads of what another plugin keeps, 0 answered")
