"""The life of the plugin against a Core that answers from a table."""

import asyncio
import json
from typing import Any

import httpx2
import pytest
from vivified import AsyncVivifiedClient

from hello_py import logs
from hello_py.plugin import Plugin
from hello_py.settings import read_settings

EVENT = {
    "specversion": "1.0",
    "id": "evt-0001",
    "source": "other",
    "type": "EmailQueued",
    "time": "2026-11-22T17:00:00Z",
    "datacontenttype": "application/json",
    "sequence": "1",
    "data": {"message_id": "msg-0001", "note": "CANARY"},
}
ANSWERS: dict[str, Any] = {
    "POST /plugins/register": {
        "plugin_id": "hello_py",
        "status": "active",
        "token": "token-1",
        "expires_in": 900,
        "granted_traits": [],
        "granted_domains": [],
    },
    "POST /plugins/heartbeat": {"status": "active", "token": "token-2", "expires_in": 900},
    "POST /plugins/deregister": None,
    "PUT /events/subscriptions/mail": {
        "name": "mail",
        "event_types": ["EmailQueued"],
        "max_in_flight": 256,
        "created_at": "2026-11-22T17:00:00Z",
        "waiting": 0,
        "in_flight": 0,
    },
    "POST /events/subscriptions/mail/pull": {
        "deliveries": [{"delivery_id": "dlv-0001", "attempt": 1, "event": EVENT}]
    },
    "POST /events/subscriptions/mail/settle": {"settled": 1, "unknown": []},
    "POST /proxy": {"status_code": 200, "headers": {}, "body": "{}", "body_encoding": "utf8"},
    "GET /.well-known/jwks.json": {"keys": []},
}


class FakeCore:
    """Answers from the table and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Any, str | None]] = []
        self.down: set[str] = set()

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        name = f"{request.method} {request.url.path}"
        body = json.loads(request.content) if request.content else None
        self.asked.append((name, body, request.headers.get("authorization")))
        if name in self.down:
            problem = {
                "type": "about:blank",
                "title": "No",
                "status": 403,
                "code": "forbidden",
                "retryable": False,
            }
            return httpx2.Response(
                403, json=problem, headers={"content-type": "application/problem+json"}
            )
        status = {"POST /plugins/deregister": 204}.get(name, 200)
        return (
            httpx2.Response(status, json=ANSWERS[name])
            if ANSWERS[name] is not None
            else httpx2.Response(status)
        )

    def client(self, token: Any) -> AsyncVivifiedClient:
        transport = httpx2.MockTransport(self.answer)
        return AsyncVivifiedClient("http://127.0.0.1:8000", token=token, transport=transport)

    def bodies(self, name: str) -> list[Any]:
        return [body for asked, body, _ in self.asked if asked == name]


class Ended(Exception):
    """Ends a loop that would go on for ever."""


@pytest.fixture
def core() -> FakeCore:
    return FakeCore()


@pytest.fixture
def plugin(core: FakeCore) -> Plugin:
    async def sleep(_seconds: float) -> None:
        raise Ended

    made: Plugin = Plugin(
        core.client(lambda: made.token or "none"), core.client("enrolment"), sleep
    )
    return made


async def test_registration_sends_the_manifest_with_the_address(
    plugin: Plugin, core: FakeCore
) -> None:
    await plugin.register("http://127.0.0.1:9000")
    name, body, authorization = core.asked[0]
    assert name == "POST /plugins/register"
    assert authorization == "Bearer enrolment"
    assert body["id"] == "hello_py"
    assert body["endpoints"]["base_url"] == "http://127.0.0.1:9000"
    assert plugin.token == "token-1"


async def test_a_heartbeat_brings_the_next_token(plugin: Plugin, core: FakeCore) -> None:
    await plugin.register("http://127.0.0.1:9000")
    with pytest.raises(Ended):
        await plugin.renew()
    assert core.asked[-1] == ("POST /plugins/heartbeat", {"status": "healthy"}, "Bearer token-1")
    assert plugin.token == "token-2"


async def test_a_failed_heartbeat_is_tried_again(plugin: Plugin, core: FakeCore) -> None:
    core.down.add("POST /plugins/heartbeat")
    with pytest.raises(Ended):
        await plugin.renew()
    assert plugin.token == ""


async def test_an_event_is_settled_after_it_was_handled(plugin: Plugin, core: FakeCore) -> None:
    await plugin.handle_batch()
    assert plugin.handled == 1
    assert core.bodies("POST /events/subscriptions/mail/settle") == [
        {"outcomes": [{"delivery_id": "dlv-0001", "outcome": "ack"}]}
    ]


async def test_handling_goes_on_until_core_refuses(plugin: Plugin, core: FakeCore) -> None:
    core.down.add("POST /events/subscriptions/mail/settle")
    with pytest.raises(Ended):
        await plugin.handle_events()
    assert core.bodies("PUT /events/subscriptions/mail") == [{"event_types": ["EmailQueued"]}]


async def test_a_refused_subscription_is_tried_again(plugin: Plugin, core: FakeCore) -> None:
    core.down.add("PUT /events/subscriptions/mail")
    with pytest.raises(Ended):
        await plugin.handle_events()


async def test_the_proxied_call_goes_to_the_one_allowed_host(
    plugin: Plugin, core: FakeCore
) -> None:
    await plugin.ask_outside()
    core.down.add("POST /proxy")
    await plugin.ask_outside()
    urls = {body["url"] for body in core.bodies("POST /proxy")}
    assert urls == {"https://stub.vivified.test/v1/status"}


async def test_leaving_deregisters_and_bears_a_core_that_is_gone(
    plugin: Plugin, core: FakeCore
) -> None:
    await plugin.leave()
    core.down.add("POST /plugins/deregister")
    await plugin.leave()
    assert len(core.bodies("POST /plugins/deregister")) == 2


async def test_no_line_of_the_log_holds_a_payload_or_a_token(
    plugin: Plugin, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.set_up()
    await plugin.register("http://127.0.0.1:9000")
    await plugin.handle_batch()
    await plugin.ask_outside()
    await asyncio.sleep(0)
    output = capsys.readouterr().out
    assert [json.loads(line)["event"] for line in output.splitlines()] == [
        "registered",
        "handled",
        "asked_outside",
    ]
    assert "CANARY" not in output and "token-1" not in output and "msg-0001" not in output


def test_every_fault_of_the_environment_is_named_at_once() -> None:
    with pytest.raises(
        ValueError,
        match="CORE_URL is not set; REGISTRATION_TOKEN is not set; PLUGIN_PORT is not a port",
    ):
        read_settings({"PLUGIN_PORT": "web"})
    settings = read_settings(
        {"CORE_URL": "http://127.0.0.1:8000", "REGISTRATION_TOKEN": "secret", "PLUGIN_PORT": "9000"}
    )
    assert (settings.host, settings.port, settings.base_url) == ("127.0.0.1", 9000, None)
    assert "secret" not in repr(settings)
