"""When a call is sent again, what every try carries, and which error it ends in."""

from __future__ import annotations

import datetime
from email.utils import format_datetime
from typing import Any

import httpx2
import pytest

from .playground import (
    KEYED,
    READ,
    WRITE,
    DeniedError,
    LostError,
    NotGrantedError,
    RootError,
    Server,
    answer,
    drive,
    facts,
    prepared,
    problem,
    sync_transport,
)
from .subject import exchange, operation, retries

NOW = datetime.datetime(2026, 1, 31, 9, 30, tzinfo=datetime.UTC)


def reply(status: int, **headers: str) -> exchange.Reply:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return exchange.Reply(status=status, headers=named, body=b"{}")


LOST = exchange.NoReply(reason="ConnectError")


@pytest.mark.parametrize("first", [408, 429, 502, 503, 504])
def test_a_safe_call_is_sent_again_after_a_passing_fault(first: int) -> None:
    outcome, waits = drive(
        prepared(READ, path={"id": 1}), facts(), [reply(first), reply(200)]
    )
    assert outcome().reply.status == 200
    assert len(waits) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422, 500, 501])
def test_other_faults_end_the_call(status: int) -> None:
    outcome, waits = drive(prepared(READ, path={"id": 1}), facts(), [reply(status)])
    with pytest.raises(RootError) as caught:
        outcome()
    assert caught.value.status == status
    assert waits == []


def test_a_call_that_is_not_safe_is_sent_once() -> None:
    outcome, waits = drive(prepared(WRITE, body={}), facts(), [LOST])
    with pytest.raises(LostError):
        outcome()
    assert waits == []


def test_a_key_makes_a_call_safe_and_stays_the_same() -> None:
    server = Server(httpx2.ConnectError("x"), answer(503), answer(200, {}))
    with_no_wait(lambda: sync_transport(server).call(KEYED, body={}, options={}))
    keys = server.header("idempotency-key")
    assert len(keys) == 3
    assert len(set(keys)) == 1
    assert keys[0]


def test_a_key_of_the_caller_is_sent_also_where_none_is_made() -> None:
    server = Server(answer(503), answer(201, {}))
    options: operation.CallOptions = {"idempotency_key": "mine"}
    with_no_wait(lambda: sync_transport(server).call(WRITE, body={}, options=options))
    assert server.header("idempotency-key") == ["mine", "mine"]


def test_two_retries_are_the_default() -> None:
    outcome, waits = drive(prepared(READ, path={"id": 1}), facts(), [LOST] * 3)
    with pytest.raises(LostError) as caught:
        outcome()
    assert len(waits) == 2
    assert caught.value.status is None
    assert "ConnectError" in str(caught.value)


def test_the_caller_may_forbid_retries() -> None:
    call = prepared(READ, path={"id": 1}, options={"max_retries": 0})
    outcome, waits = drive(call, facts(), [LOST])
    with pytest.raises(LostError):
        outcome()
    assert waits == []


def test_retry_after_is_waited_for() -> None:
    replies = [reply(429, retry_after="7"), reply(200)]
    outcome, waits = drive(prepared(READ, path={"id": 1}), facts(), replies)
    outcome()
    assert waits == [7.0]


def test_a_long_retry_after_is_raised_at_once() -> None:
    outcome, waits = drive(
        prepared(READ, path={"id": 1}), facts(), [reply(503, retry_after="61")]
    )
    with pytest.raises(RootError) as caught:
        outcome()
    assert caught.value.retry_after == 61.0
    assert waits == []


def test_a_problem_that_is_not_retryable_ends_the_call() -> None:
    server = Server(problem(503, retryable=False))
    with pytest.raises(RootError):
        sync_transport(server).call(READ, path={"id": 1}, options={})
    assert len(server.requests) == 1


def test_retry_after_is_a_number_or_a_date() -> None:
    later = format_datetime(NOW + datetime.timedelta(seconds=20), usegmt=True)
    read = retries.read_retry_after
    assert read({"retry-after": "3"}, NOW) == 3.0
    assert read({"retry-after": later}, NOW) == 20.0
    assert read({"retry-after": "Sat, 31 Jan 2026 09:30:05 -0000"}, NOW) == 5.0
    assert read({"retry-after": "-4"}, NOW) == 0.0
    for nothing in ("", "soon", "inf", "nan"):
        assert read({"retry-after": nothing}, NOW) is None


def test_the_delay_is_full_jitter_under_a_doubling_bound() -> None:
    bounds = [retries.backoff(tries, lambda low, high: high) for tries in range(8)]
    assert bounds == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0, 8.0]
    assert retries.backoff(3, lambda low, high: low) == 0.0


def test_a_code_of_the_catalogue_is_its_own_class() -> None:
    server = Server(
        problem(
            403,
            code="not_granted",
            title="t",
            detail="value 4711",
            decision_id="d-1",
            trace_id="abc",
            errors=[{"pointer": "/body/x", "rule": "type", "message": "4711 is wrong"}],
        )
    )
    with pytest.raises(NotGrantedError) as caught:
        sync_transport(server).call(READ, path={"id": "secret-id"}, options={})
    error = caught.value
    assert isinstance(error, DeniedError)
    assert (error.status, error.code, error.decision_id) == (403, "not_granted", "d-1")
    assert (error.method, error.path, error.trace_id) == ("GET", "/things/{id}", "abc")
    assert error.violations[0].pointer == "/body/x"
    assert error.violations[0].message == "4711 is wrong"
    assert error.detail == "value 4711"
    assert error.hint == "Ask for it."
    assert error.title == "t"
    assert not error.retryable


def test_an_error_prints_no_value() -> None:
    server = Server(
        problem(403, code="not_granted", title="4711", detail="4711", hint="4711")
    )
    with pytest.raises(RootError) as caught:
        sync_transport(server).call(READ, path={"id": "4711"}, options={})
    for text in (
        str(caught.value),
        repr(caught.value),
        repr(caught.value.failure),
    ):
        assert "4711" not in text
        assert "t0ken" not in text
    assert "Not granted" in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_an_answer_that_is_no_problem_becomes_the_error_of_its_status() -> None:
    for body in (b"<html>", b"[1]", b'"text"', b"\xff"):
        server = Server(
            httpx2.Response(
                403, headers={"content-type": "application/json"}, content=body
            )
        )
        with pytest.raises(DeniedError):
            sync_transport(server).call(READ, path={"id": 1}, options={})


def test_an_unknown_status_becomes_the_root() -> None:
    server = Server(httpx2.Response(599, content=b""))
    with pytest.raises(RootError) as caught:
        sync_transport(server).call(READ, path={"id": 1}, options={})
    assert "unknown status" in str(caught.value)


def test_a_redirect_is_not_followed() -> None:
    server = Server(httpx2.Response(302, headers={"location": "https://example.org/"}))
    with pytest.raises(RootError) as caught:
        sync_transport(server).call(READ, path={"id": 1}, options={})
    assert caught.value.status == 302
    assert len(server.requests) == 1


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
def test_an_answer_that_is_not_json_is_an_error_of_transport(body: bytes) -> None:
    server = Server(httpx2.Response(200, content=body))
    with pytest.raises(LostError):
        sync_transport(server).call(READ, path={"id": 1}, options={})


def test_an_answer_that_breaks_the_contract_says_where_and_not_what() -> None:
    wanted: operation.Operation[dict[str, int]] = operation.Operation(
        id="x", method="GET", path="/x", answers={200: operation.Json(dict[str, int])}
    )
    server = Server(answer(200, {"count": "4711 apples"}))
    with pytest.raises(LostError) as caught:
        sync_transport(server).call(wanted, options={})
    assert "/count" in str(caught.value)
    assert "4711" not in str(caught.value)


def test_every_call_has_a_trace_and_keeps_that_of_the_caller() -> None:
    server = Server(answer(200, {}))
    transport = sync_transport(server)
    transport.call(READ, path={"id": 1}, options={})
    given = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    options: operation.CallOptions = {"extra_headers": {"Traceparent": given}}
    transport.call(READ, path={"id": 1}, options=options)
    made, kept = server.header("traceparent")
    assert made is not None and made.startswith("00-") and len(made) == 55
    assert kept == given


def test_a_call_without_the_right_credentials_sends_none() -> None:
    server = Server(answer(200, {}))
    wanted: operation.Operation[Any] = operation.Operation(
        id="x",
        method="GET",
        path="/x",
        answers={200: operation.Json(Any)},
        security=(("missing",), ()),
    )
    sync_transport(server).call(wanted, options={})
    assert server.header("authorization") == [None]


def test_status_ranges_and_defaults_are_successes() -> None:
    wanted: operation.Operation[Any] = operation.Operation(
        id="x",
        method="GET",
        path="/x",
        answers={2: operation.Json(Any), 304: operation.NOTHING},
    )
    assert isinstance(wanted.answer(207), operation.Json)
    assert wanted.answer(304) is operation.NOTHING
    assert wanted.answer(404) is None
    other: operation.Operation[Any] = operation.Operation(
        id="x", method="GET", path="/x", answers={200: operation.Text()}
    )
    assert isinstance(other.answer(201), operation.Text)
    assert other.accept() == "text/plain"


def with_no_wait(call: Any) -> Any:
    """Retries without their delay."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("time.sleep", lambda seconds: None)
        return call()
