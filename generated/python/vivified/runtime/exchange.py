"""One call from start to end, without a network: what to do next, as a generator.

`exchange` yields steps and is told their results; the loops in `transport` only carry them out,
one with threads and one with tasks. So there is one policy, and a test can play any server.
"""

from __future__ import annotations

import datetime
import secrets
import uuid
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from .bodies import encode_body
from .credentials import Credentials
from .encoding import (
    check_header,
    encode_cookies,
    encode_headers,
    encode_path,
    encode_query,
)
from .errors import ErrorTree, Failure, read_failure
from .operation import Answer, CallOptions, Operation, UnusableAnswerError
from .retries import delay_before_retry, read_retry_after
from .settings import Settings


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a client knows before any call."""

    settings: Settings
    credentials: Credentials
    errors: ErrorTree


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request as it goes to the wire."""

    method: str
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    content: bytes | None = field(repr=False)
    timeout: float


@dataclass(frozen=True)
class GetToken:
    """Step: give the present token, renewed if it is time."""


@dataclass(frozen=True)
class Send:
    """Step: send, and give a `Reply` or `NoReply`."""

    request: Request
    answers: Operation[Any]
    """Says which replies are left open, to be read piece by piece."""


@dataclass(frozen=True)
class Sleep:
    """Step: wait."""

    seconds: float


Step: TypeAlias = GetToken | Send | Sleep


@dataclass(frozen=True, kw_only=True)
class Reply:
    """What the server answered. `body` is empty while `opened` holds the rest."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)
    charset: str | None = None
    opened: Any = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class NoReply:
    """Why there was no answer."""

    reason: str
    retry: bool = True


@dataclass(frozen=True, kw_only=True)
class Success:
    """An answer the contract calls a success, and how to read it."""

    reply: Reply
    answer: Answer


@dataclass(frozen=True, kw_only=True)
class Call:
    """One call of an operation: its values, encoded."""

    operation: Operation[Any]
    path: str = field(repr=False)
    query: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    cookies: str = field(repr=False)
    content: bytes | None = field(repr=False)
    trace_id: str
    timeout: float
    max_retries: int
    safe: bool


def prepare(
    facts: Facts,
    operation: Operation[Any],
    *,
    path: Mapping[str, Any],
    query: Mapping[str, Any],
    headers: Mapping[str, Any],
    cookies: Mapping[str, Any],
    body: Any,
    options: CallOptions,
) -> Call:
    """Encodes everything once, so that every try sends the same request."""
    content, content_type = encode_body(operation.body, operation.media_type, body)
    trace_id = secrets.token_hex(16)
    sent = _Headers(
        {
            "Accept": operation.accept(),
            "User-Agent": facts.settings.user_agent,
            "traceparent": f"00-{trace_id}-{secrets.token_hex(8)}-00",
        }
    )
    if content_type is not None:
        sent.put("Content-Type", content_type)
    key = options.get("idempotency_key") or (
        str(uuid.uuid4()) if operation.keyed else None
    )
    if key is not None:
        sent.put("Idempotency-Key", key)
    for more in (
        facts.settings.headers,
        encode_headers(headers, operation.styles),
        options.get("extra_headers") or {},
    ):
        for name, value in more.items():
            sent.put(name, value)
    return Call(
        operation=operation,
        path=encode_path(operation.path, path, operation.styles),
        query=encode_query(query, operation.styles),
        headers=sent.values,
        cookies=encode_cookies(cookies),
        content=content,
        trace_id=sent.trace_id() or trace_id,
        timeout=options.get("timeout", facts.settings.timeout),
        max_retries=options.get("max_retries", facts.settings.max_retries),
        safe=operation.safe or sent.has("Idempotency-Key"),
    )


def exchange(facts: Facts, call: Call) -> Generator[Step, Any, Success]:
    """Sends until there is a success or it is time to give up; then raises the error."""
    retries = 0
    while True:
        request = yield from _request(facts, call)
        outcome: Reply | NoReply = yield Send(request, call.operation)
        if isinstance(outcome, Reply):
            answer = call.operation.answer(outcome.status)
            if answer is not None:
                return Success(reply=outcome, answer=answer)
        failure = _failure(call, outcome)
        delay = delay_before_retry(
            tries=retries,
            max_retries=call.max_retries,
            safe=call.safe and not (isinstance(outcome, NoReply) and not outcome.retry),
            status=failure.status,
            retryable=failure.retryable,
            retry_after=failure.retry_after,
        )
        if delay is None:
            raise facts.errors.error(failure)
        retries += 1
        yield Sleep(delay)


def value_of(facts: Facts, call: Call, success: Success) -> Any:
    """The value of a success; an answer that breaks the contract is an error of transport."""
    reply = success.reply
    try:
        return success.answer.read(reply.body, reply.charset)
    except UnusableAnswerError as error:
        reason = str(error)
    raise unusable(facts, call, reason)


def unusable(facts: Facts, call: Call, reason: str) -> Exception:
    """The error for an answer nobody can read."""
    return facts.errors.transport(_no_answer(call, reason))


def _request(facts: Facts, call: Call) -> Generator[Step, Any, Request]:
    names = facts.credentials.choose(call.operation.security)
    token: str | None = None
    if facts.credentials.needs_token(names):
        token = yield GetToken()
    attached = facts.credentials.attach(names, token)
    headers = _Headers(dict(call.headers))
    for name, value in attached.headers.items():
        if not headers.has(name):
            headers.put(name, value)
    cookies = "; ".join(filter(None, [call.cookies, encode_cookies(attached.cookies)]))
    if cookies:
        headers.put("Cookie", cookies)
    query = "&".join(filter(None, [call.query, encode_query(attached.query, {})]))
    return Request(
        method=call.operation.method,
        url=facts.settings.base_url + call.path + (f"?{query}" if query else ""),
        headers=headers.values,
        content=call.content,
        timeout=call.timeout,
    )


def _failure(call: Call, outcome: Reply | NoReply) -> Failure:
    if isinstance(outcome, NoReply):
        return _no_answer(call, outcome.reason)
    now = datetime.datetime.now(datetime.UTC)
    return read_failure(
        call.operation.method,
        call.operation.path,
        outcome.status,
        outcome.headers,
        outcome.body,
        retry_after=read_retry_after(outcome.headers, now),
        trace_id=call.trace_id,
    )


def _no_answer(call: Call, reason: str) -> Failure:
    return Failure(
        method=call.operation.method,
        path=call.operation.path,
        reason=reason,
        trace_id=call.trace_id,
    )


class _Headers:
    """Headers whose names are compared without case; the last value wins."""

    def __init__(self, values: dict[str, str]) -> None:
        self.values: dict[str, str] = values

    def has(self, name: str) -> bool:
        return any(known.lower() == name.lower() for known in self.values)

    def put(self, name: str, value: str) -> None:
        check_header(name, value)
        for known in [known for known in self.values if known.lower() == name.lower()]:
            del self.values[known]
        self.values[name] = value

    def trace_id(self) -> str | None:
        """The trace id of a `traceparent`, which a caller may have given."""
        for name, value in self.values.items():
            parts = value.split("-")
            if name.lower() == "traceparent" and len(parts) == 4:
                return parts[1]
        return None
