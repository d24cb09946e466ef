"""A server that answers from a list, and a contract of a few operations to call it with."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import httpx2

from .subject import (
    credentials,
    exchange,
    operation,
    runtime_errors,
    settings,
    transport,
)

Answer = httpx2.Response | Exception


class Server:
    """Gives its answers one after the other, the last one for ever, and keeps the requests."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.requests: list[httpx2.Request] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        # A response is read once; a repeated one is made anew.
        return httpx2.Response(
            answer.status_code, headers=answer.headers, content=answer.content
        )

    @property
    def transport(self) -> httpx2.MockTransport:
        """What a client takes in place of the network."""
        return httpx2.MockTransport(self)

    def header(self, name: str) -> list[str | None]:
        """The value of a header in each request."""
        return [request.headers.get(name) for request in self.requests]


def answer(
    status: int = 200, body: Any = None, headers: Mapping[str, str] | None = None
) -> httpx2.Response:
    """A JSON answer."""
    return httpx2.Response(
        status, headers=dict(headers or {}), content=json.dumps(body)
    )


def problem(status: int, **members: Any) -> httpx2.Response:
    """An RFC 9457 answer."""
    headers = {"content-type": "application/problem+json", **members.pop("headers", {})}
    return httpx2.Response(
        status, headers=headers, content=json.dumps({"status": status, **members})
    )


class RootError(runtime_errors.CallError):
    """Any failure."""


class DeniedError(RootError):
    """403."""


class NotGrantedError(DeniedError):
    """A code."""

    code_of_class = "not_granted"
    catalogue_title = "Not granted"
    catalogue_hint = "Ask for it."


class LostError(RootError):
    """No usable answer."""


TREE = runtime_errors.ErrorTree(
    root=RootError,
    transport=LostError,
    codes={"not_granted": NotGrantedError},
    statuses={403: DeniedError},
)

SECURITY = (("token",),)
READ: operation.Operation[Any] = operation.Operation(
    id="read",
    method="GET",
    path="/things/{id}",
    answers={200: operation.Json(Any)},
    safe=True,
    security=SECURITY,
)
WRITE: operation.Operation[Any] = operation.Operation(
    id="write",
    method="POST",
    path="/things",
    answers={201: operation.Json(Any)},
    security=SECURITY,
    body="json",
)
KEYED: operation.Operation[Any] = operation.Operation(
    id="keyed",
    method="POST",
    path="/keyed",
    answers={200: operation.Json(Any)},
    keyed=True,
    security=SECURITY,
    body="json",
)
RENEW: operation.Operation[Any] = operation.Operation(
    id="renew",
    method="POST",
    path="/renew",
    answers={200: operation.Json(Any)},
    safe=True,
    security=SECURITY,
    body="json",
)
RENEWAL = credentials.Renewal(
    operation=RENEW,
    token_field="token",
    expires_in_field="expires_in",
    body={"status": "healthy"},
)
SCHEMES = {"token": credentials.Scheme("bearer")}


def facts(
    *,
    max_retries: int = 2,
    largest_answer: int = settings.LARGEST_ANSWER,
    secrets: Mapping[str, str] | None = None,
    schemes: Mapping[str, credentials.Scheme] | None = None,
) -> exchange.Facts:
    """What a generated client knows."""
    return exchange.Facts(
        settings=settings.Settings(
            base_url="http://127.0.0.1:1",
            user_agent="playground/1",
            max_retries=max_retries,
            largest_answer=largest_answer,
        ),
        credentials=credentials.Credentials(
            schemes=schemes or SCHEMES, secrets=secrets or {}, has_token=True
        ),
        errors=TREE,
    )


def sync_transport(
    server: Server, token: transport.Token | None = "t0ken", **more: Any
) -> transport.Transport:
    """A transport for threads, without a network."""
    renewal = more.pop("renewal", None)
    return transport.Transport(
        facts(**more), token=token, renewal=renewal, transport=server.transport
    )


def async_transport(
    server: Server, token: transport.AsyncToken | None = "t0ken", **more: Any
) -> transport.AsyncTransport:
    """A transport for tasks, without a network."""
    renewal = more.pop("renewal", None)
    return transport.AsyncTransport(
        facts(**more), token=token, renewal=renewal, transport=server.transport
    )


def drive(
    call: exchange.Call, known: exchange.Facts, replies: Iterable[Any]
) -> tuple[Callable[[], Any], list[float]]:
    """Plays an exchange without any transport; gives its outcome and the waits it asked for."""
    waits: list[float] = []
    waiting = iter(replies)

    def outcome() -> Any:
        steps = exchange.exchange(known, call)
        result: Any = None
        while True:
            try:
                step = steps.send(result)
            except StopIteration as done:
                return done.value
            if isinstance(step, exchange.Sleep):
                waits.append(step.seconds)
                result = None
            elif isinstance(step, exchange.GetToken):
                result = "t0ken"
            else:
                result = next(waiting)

    return outcome, waits


def prepared(
    wanted: operation.Operation[Any],
    *,
    options: operation.CallOptions | None = None,
    known: exchange.Facts | None = None,
    **values: Any,
) -> exchange.Call:
    """A call, encoded."""
    given = {
        "path": {},
        "query": {},
        "headers": {},
        "cookies": {},
        "body": None,
        **values,
    }
    return exchange.prepare(known or facts(), wanted, options=options or {}, **given)
