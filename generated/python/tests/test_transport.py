"""The loops: tokens and their renewal, sizes, streams, the same for threads and tasks."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx2
import pytest

from .playground import (
    READ,
    RENEWAL,
    LostError,
    RootError,
    Server,
    answer,
    async_transport,
    facts,
    prepared,
    problem,
    sync_transport,
)
from .subject import credentials, operation, streams, transport


def jwt(life: float, age: float = 0.0) -> str:
    """A token that ends `life - age` seconds from now. It is signed by nobody."""
    now = time.time()
    claims = json.dumps({"iat": now - age, "exp": now - age + life}).encode()
    return f"h.{base64.urlsafe_b64encode(claims).decode().rstrip('=')}.s"


def read(target: transport.Transport) -> Any:
    return target.call(READ, path={"id": 1}, options={})


async def aread(target: transport.AsyncTransport) -> Any:
    return await target.call(READ, path={"id": 1}, options={})


def test_the_token_travels_in_its_header_only() -> None:
    server = Server(answer(200, {}))
    read(sync_transport(server))
    assert server.header("authorization") == ["Bearer t0ken"]
    assert "t0ken" not in str(server.requests[0].url)


def test_a_provider_is_asked_for_every_try() -> None:
    tokens = iter(["a", "b"])
    server = Server(answer(503, None, {"retry-after": "0"}), answer(200, {}))
    read(sync_transport(server, token=lambda: next(tokens)))
    assert server.header("authorization") == ["Bearer a", "Bearer b"]


def test_a_provider_may_be_a_coroutine() -> None:
    async def provide() -> str:
        return "awaited"

    async def calls() -> None:
        await aread(async_transport(server, token=provide))
        await aread(async_transport(server, token=lambda: "plain"))

    server = Server(answer(200, {}))
    asyncio.run(calls())
    assert server.header("authorization") == ["Bearer awaited", "Bearer plain"]


def test_a_fresh_token_is_not_renewed() -> None:
    token = jwt(900)
    server = Server(answer(200, {}))
    read(sync_transport(server, token=token, renewal=RENEWAL))
    assert [request.url.path for request in server.requests] == ["/things/1"]


def test_a_token_is_renewed_after_two_thirds_of_its_life() -> None:
    server = Server(answer(200, {"token": "fresh", "expires_in": 900}), answer(200, {}))
    target = sync_transport(server, token=jwt(900, age=700), renewal=RENEWAL)
    read(target)
    read(target)
    paths = [request.url.path for request in server.requests]
    assert paths == ["/renew", "/things/1", "/things/1"]
    assert json.loads(server.requests[0].content) == {"status": "healthy"}
    assert server.header("authorization")[1:] == ["Bearer fresh", "Bearer fresh"]


def test_tasks_renew_once_together() -> None:
    server = Server(answer(200, {"token": "fresh", "expires_in": 900}), answer(200, {}))

    async def calls() -> None:
        target = async_transport(server, token=jwt(900, age=700), renewal=RENEWAL)
        await asyncio.gather(*(aread(target) for _ in range(20)))
        await target.close()

    asyncio.run(calls())
    paths = [request.url.path for request in server.requests]
    assert paths.count("/renew") == 1
    assert len(paths) == 21


def test_threads_renew_once_together() -> None:
    server = Server(answer(200, {"token": "fresh", "expires_in": 900}), answer(200, {}))
    target = sync_transport(server, token=jwt(900, age=700), renewal=RENEWAL)
    threads = [threading.Thread(target=read, args=(target,)) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    paths = [request.url.path for request in server.requests]
    assert paths.count("/renew") == 1


def test_a_failed_renewal_keeps_a_token_that_still_lives() -> None:
    token = jwt(900, age=700)
    server = Server(problem(500), answer(200, {}))
    target = sync_transport(server, token=token, renewal=RENEWAL)
    read(target)
    read(target)
    paths = [request.url.path for request in server.requests]
    assert paths == ["/renew", "/things/1", "/things/1"]
    assert server.header("authorization")[1] == f"Bearer {token}"


@pytest.mark.parametrize("body", [{"token": 5}, [], "x"])
def test_a_renewal_without_a_token_is_a_failed_one(body: Any) -> None:
    server = Server(answer(200, body), answer(200, {}))
    read(sync_transport(server, token=jwt(900, age=700), renewal=RENEWAL))
    assert [request.url.path for request in server.requests] == ["/renew", "/things/1"]


def test_a_failed_renewal_of_an_ended_token_is_raised() -> None:
    ended = jwt(900, age=1000)
    with pytest.raises(RootError):
        read(sync_transport(Server(problem(500)), token=ended, renewal=RENEWAL))

    async def call() -> None:
        await aread(async_transport(Server(problem(500)), token=ended, renewal=RENEWAL))

    with pytest.raises(RootError):
        asyncio.run(call())


def test_a_lease_reads_what_it_can() -> None:
    def middle(low: float, high: float) -> float:
        return 0.0

    lease = credentials.Lease.of("opaque", 100.0, uniform=middle)
    assert not lease.is_due(1e12) and not lease.is_over(1e12)
    lease = credentials.Lease.of("opaque", 100.0, 300.0, uniform=middle)
    assert lease.renew_at == pytest.approx(300.0)
    assert lease.is_over(400.0) and not lease.is_over(399.0)
    assert lease.postponed(310.0).renew_at == 320.0
    for broken in ("a.b.c", "a.W10.c", "a.eyJleHAiOnRydWV9.c"):
        assert credentials.Lease.of(broken, 100.0).renew_at is None
    assert "opaque" not in repr(lease)


def test_other_credentials_travel_where_the_contract_says() -> None:
    schemes = {
        "key": credentials.Scheme("header", "X-Key"),
        "query": credentials.Scheme("query", "api_key"),
        "cookie": credentials.Scheme("cookie", "session"),
        "basic": credentials.Scheme("basic"),
    }
    secrets = {"key": "k", "query": "q q", "cookie": "c", "basic": "user:pass"}
    wanted: operation.Operation[Any] = operation.Operation(
        id="x",
        method="GET",
        path="/x",
        answers={200: operation.Json(Any)},
        security=(("absent",), ("key", "query", "cookie", "basic")),
    )
    server = Server(answer(200, {}))
    sync_transport(server, schemes=schemes, secrets=secrets).call(
        wanted, query={"a": 1}, cookies={"b": 2}, options={}
    )
    request = server.requests[0]
    assert request.headers["x-key"] == "k"
    assert request.headers["cookie"] == "b=2; session=c"
    assert request.headers["authorization"] == "Basic dXNlcjpwYXNz"
    assert str(request.url).endswith("?a=1&api_key=q%20q")


def test_an_answer_has_a_largest_size() -> None:
    def call(body: bytes) -> Any:
        server = Server(httpx2.Response(200, content=body))
        return read(sync_transport(server, largest_answer=100))

    assert call(b'"' + b"x" * 98 + b'"') == "x" * 98
    with pytest.raises(LostError) as caught:
        call(b'"' + b"x" * 99 + b'"')
    assert "too large" in str(caught.value)

    async def acall() -> None:
        server = Server(httpx2.Response(200, content=b"x" * 101))
        await aread(async_transport(server, largest_answer=100))

    with pytest.raises(LostError):
        asyncio.run(acall())


def test_a_lost_connection_is_an_error_of_transport() -> None:
    server = Server(httpx2.ReadTimeout("http://127.0.0.1:1/things/4711"))
    with pytest.raises(LostError) as caught:
        read(sync_transport(server, max_retries=0))
    assert "ReadTimeout" in str(caught.value)
    assert "4711" not in str(caught.value)

    async def call() -> None:
        await aread(async_transport(server, max_retries=0))

    with pytest.raises(LostError):
        asyncio.run(call())


def test_tasks_wait_between_tries() -> None:
    server = Server(answer(503, None, {"retry-after": "0"}), answer(200, {"ok": True}))

    async def call() -> Any:
        return await aread(async_transport(server))

    assert asyncio.run(call()) == {"ok": True}
    assert len(server.requests) == 2


def test_the_timeout_of_a_call_wins() -> None:
    assert prepared(READ, path={"id": 1}).timeout == 30.0
    assert prepared(READ, path={"id": 1}, options={"timeout": 2.0}).timeout == 2.0
    assert prepared(READ, path={"id": 1}, known=facts()).max_retries == 2


LINES: operation.Operation[Any] = operation.Operation(
    id="lines",
    method="GET",
    path="/lines",
    answers={200: operation.Streamed(dict[str, int], "application/jsonl")},
)
EVENTS: operation.Operation[Any] = operation.Operation(
    id="events",
    method="GET",
    path="/events",
    answers={200: operation.Streamed(str, "text/event-stream")},
)


def chunks(*texts: str) -> Callable[[], Iterator[bytes]]:
    return lambda: iter([text.encode() for text in texts])


async def achunks(*texts: str) -> AsyncIterator[bytes]:
    for text in texts:
        yield text.encode()


def test_lines_arrive_one_by_one() -> None:
    server = Server(httpx2.Response(200, content=b'{"a":1}\n\n{"a":2}\n'))
    with sync_transport(server).call(LINES, options={}) as stream:
        assert list(stream) == [{"a": 1}, {"a": 2}]


def test_events_arrive_one_by_one() -> None:
    text = b": hello\nid: 7\ndata: one\ndata: two\n\n\ndata:three\n\ndata: cut off"
    server = Server(httpx2.Response(200, content=text))
    assert list(sync_transport(server).call(EVENTS, options={})) == [
        "one\ntwo",
        "three",
    ]

    async def call() -> list[str]:
        async with await async_transport(server).call(EVENTS, options={}) as stream:
            return [text async for text in stream]

    assert asyncio.run(call()) == ["one\ntwo", "three"]


def test_a_broken_line_is_an_error_of_transport() -> None:
    server = Server(
        httpx2.Response(200, content=b'{"a":1}\n{"a":"4711"}\n{"a": nothing}\n')
    )
    stream = iter(sync_transport(server).call(LINES, options={}))
    assert next(stream) == {"a": 1}
    assert next(stream) == {"a": 4711}
    with pytest.raises(LostError):
        next(stream)

    async def call() -> None:
        async for _ in await async_transport(server).call(LINES, options={}):
            pass

    with pytest.raises(LostError):
        asyncio.run(call())


def test_a_line_has_a_largest_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "LONGEST_LINE", 10)
    server = Server(httpx2.Response(200, content=b"data: 0123456789\n\n"))
    with pytest.raises(LostError):
        list(sync_transport(server).call(EVENTS, options={}))


def test_a_failed_stream_is_an_error_like_any_other() -> None:
    with pytest.raises(RootError) as caught:
        sync_transport(Server(problem(404))).call(LINES, options={})
    assert caught.value.status == 404
