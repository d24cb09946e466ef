"""The two loops that carry out what `exchange` asks for: with threads and with tasks.

No decision stands here. The two classes are the same but for `await`.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Awaitable, Callable, Generator, Mapping
from typing import Any, Final, TypeAlias, TypeVar, cast

import anyio
import httpx2

from .credentials import Lease, Renewal
from .errors import CallError
from .exchange import (
    Facts,
    GetToken,
    NoReply,
    Reply,
    Request,
    Send,
    Step,
    Success,
    exchange,
    prepare,
    unusable,
    value_of,
)
from .operation import CallOptions, Operation, Streamed, UnusableAnswerError
from .settings import CONNECT_TIMEOUT, tls_context
from .streams import AsyncStream, Stream

T = TypeVar("T")

Token: TypeAlias = str | Callable[[], str]
"""A token, or what gives the present one."""

AsyncToken: TypeAlias = str | Callable[[], str] | Callable[[], Awaitable[str]]

_NONE: Final[Mapping[str, Any]] = {}


class Transport:
    """Carries out calls, waiting in the calling thread. Threads may share it."""

    def __init__(
        self,
        facts: Facts,
        *,
        token: Token | None,
        renewal: Renewal | None = None,
        ca_bundle: str | os.PathLike[str] | None = None,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        self._facts = facts
        self._token = token
        self._renewal = renewal if isinstance(token, str) else None
        self._lease: Lease | None = None
        self._renewing = threading.Lock()
        self._http = httpx2.Client(
            transport=transport
            or httpx2.HTTPTransport(
                trust_env=False, verify=tls_context(facts.settings.base_url, ca_bundle)
            ),
            follow_redirects=False,
            trust_env=False,
        )

    def call(
        self,
        operation: Operation[T],
        *,
        path: Mapping[str, Any] = _NONE,
        query: Mapping[str, Any] = _NONE,
        headers: Mapping[str, Any] = _NONE,
        cookies: Mapping[str, Any] = _NONE,
        body: Any = None,
        options: CallOptions,
    ) -> T:
        """Calls an operation and gives back the value of its answer."""
        call = prepare(
            self._facts,
            operation,
            path=path,
            query=query,
            headers=headers,
            cookies=cookies,
            body=body,
            options=options,
        )
        success = self._run(exchange(self._facts, call))
        if isinstance(success.answer, Streamed):
            opened, answer = success.reply.opened, success.answer
            return cast(
                T, Stream(opened, answer, lambda why: unusable(self._facts, call, why))
            )
        return cast(T, value_of(self._facts, call, success))

    def close(self) -> None:
        """Closes all connections."""
        self._http.close()

    def _run(self, steps: Generator[Step, Any, Success]) -> Success:
        result: Any = None
        while True:
            try:
                step = steps.send(result)
            except StopIteration as done:
                return cast(Success, done.value)
            if isinstance(step, Send):
                result = self._send(step)
            elif isinstance(step, GetToken):
                result = self._present_token()
            else:
                time.sleep(step.seconds)
                result = None

    def _send(self, step: Send) -> Reply | NoReply:
        try:
            response = self._http.send(_build(self._http, step.request), stream=True)
            if _stays_open(step.answers, response):
                return _reply(response, opened=response)
            try:
                body = bytearray()
                for chunk in response.iter_bytes():
                    body += chunk
                    if len(body) > self._facts.settings.largest_answer:
                        return NoReply(reason="the answer is too large", retry=False)
            finally:
                response.close()
            return _reply(response, body=bytes(body))
        except (httpx2.RequestError, httpx2.InvalidURL) as error:
            return _no_reply(error)

    def _present_token(self) -> str:
        if not isinstance(self._token, str):
            return self._token() if self._token is not None else ""
        if self._renewal is None:
            return self._token
        with self._renewing:
            lease = self._lease or Lease.of(self._token, time.time())
            self._lease = self._renew(lease) if lease.is_due(time.time()) else lease
            return self._lease.token

    def _renew(self, lease: Lease) -> Lease:
        renewal = cast(Renewal, self._renewal)
        call = prepare(self._facts, renewal.operation, **_renewal_values(renewal))
        try:
            success = self._run(_with_token(exchange(self._facts, call), lease.token))
        except CallError:
            if lease.is_over(time.time()):
                raise
            return lease.postponed(time.time())
        return _new_lease(renewal, success, lease)


class AsyncTransport:
    """Carries out calls as tasks, on asyncio or trio."""

    def __init__(
        self,
        facts: Facts,
        *,
        token: AsyncToken | None,
        renewal: Renewal | None = None,
        ca_bundle: str | os.PathLike[str] | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
    ) -> None:
        self._facts = facts
        self._token = token
        self._renewal = renewal if isinstance(token, str) else None
        self._lease: Lease | None = None
        self._renewing = anyio.Lock()
        self._http = httpx2.AsyncClient(
            transport=transport
            or httpx2.AsyncHTTPTransport(
                trust_env=False, verify=tls_context(facts.settings.base_url, ca_bundle)
            ),
            follow_redirects=False,
            trust_env=False,
        )

    async def call(
        self,
        operation: Operation[T],
        *,
        path: Mapping[str, Any] = _NONE,
        query: Mapping[str, Any] = _NONE,
        headers: Mapping[str, Any] = _NONE,
        cookies: Mapping[str, Any] = _NONE,
        body: Any = None,
        options: CallOptions,
    ) -> T:
        """Calls an operation and gives back the value of its answer."""
        call = prepare(
            self._facts,
            operation,
            path=path,
            query=query,
            headers=headers,
            cookies=cookies,
            body=body,
            options=options,
        )
        success = await self._run(exchange(self._facts, call))
        if isinstance(success.answer, Streamed):
            opened, answer = success.reply.opened, success.answer
            return cast(
                T,
                AsyncStream(
                    opened, answer, lambda why: unusable(self._facts, call, why)
                ),
            )
        return cast(T, value_of(self._facts, call, success))

    async def close(self) -> None:
        """Closes all connections."""
        await self._http.aclose()

    async def _run(self, steps: Generator[Step, Any, Success]) -> Success:
        result: Any = None
        while True:
            try:
                step = steps.send(result)
            except StopIteration as done:
                return cast(Success, done.value)
            if isinstance(step, Send):
                result = await self._send(step)
            elif isinstance(step, GetToken):
                result = await self._present_token()
            else:
                await anyio.sleep(step.seconds)
                result = None

    async def _send(self, step: Send) -> Reply | NoReply:
        try:
            response = await self._http.send(
                _build(self._http, step.request), stream=True
            )
            if _stays_open(step.answers, response):
                return _reply(response, opened=response)
            try:
                body = bytearray()
                async for chunk in response.aiter_bytes():
                    body += chunk
                    if len(body) > self._facts.settings.largest_answer:
                        return NoReply(reason="the answer is too large", retry=False)
            finally:
                await response.aclose()
            return _reply(response, body=bytes(body))
        except (httpx2.RequestError, httpx2.InvalidURL) as error:
            return _no_reply(error)

    async def _present_token(self) -> str:
        if not isinstance(self._token, str):
            given = self._token() if self._token is not None else ""
            return given if isinstance(given, str) else await given
        if self._renewal is None:
            return self._token
        async with self._renewing:
            lease = self._lease or Lease.of(self._token, time.time())
            self._lease = (
                await self._renew(lease) if lease.is_due(time.time()) else lease
            )
            return self._lease.token

    async def _renew(self, lease: Lease) -> Lease:
        renewal = cast(Renewal, self._renewal)
        call = prepare(self._facts, renewal.operation, **_renewal_values(renewal))
        try:
            success = await self._run(
                _with_token(exchange(self._facts, call), lease.token)
            )
        except CallError:
            if lease.is_over(time.time()):
                raise
            return lease.postponed(time.time())
        return _new_lease(renewal, success, lease)


def _with_token(
    steps: Generator[Step, Any, Success], token: str
) -> Generator[Step, Any, Success]:
    """Answers every wish for a token itself: a renewal must not wait for itself."""
    result: Any = None
    while True:
        try:
            step = steps.send(result)
        except StopIteration as done:
            return cast(Success, done.value)
        result = token if isinstance(step, GetToken) else (yield step)


def _renewal_values(renewal: Renewal) -> dict[str, Any]:
    options: CallOptions = {"max_retries": 1}
    nothing = {"path": _NONE, "query": _NONE, "headers": _NONE, "cookies": _NONE}
    return {**nothing, "body": renewal.body, "options": options}


def _new_lease(renewal: Renewal, success: Success, lease: Lease) -> Lease:
    now = time.time()
    try:
        answer = success.answer.read(success.reply.body, success.reply.charset)
    except UnusableAnswerError:
        return lease.postponed(now)
    plain = answer.to_wire() if hasattr(answer, "to_wire") else answer
    fresh = renewal.lease(plain, now) if isinstance(plain, Mapping) else None
    return fresh or lease.postponed(now)


def _build(
    http: httpx2.Client | httpx2.AsyncClient, request: Request
) -> httpx2.Request:
    return http.build_request(
        request.method,
        request.url,
        headers=dict(request.headers),
        content=request.content,
        timeout=httpx2.Timeout(
            request.timeout, connect=min(request.timeout, CONNECT_TIMEOUT)
        ),
    )


def _stays_open(operation: Operation[Any], response: httpx2.Response) -> bool:
    answer = operation.answer(response.status_code)
    return answer is not None and answer.streamed


def _reply(
    response: httpx2.Response, *, body: bytes = b"", opened: Any = None
) -> Reply:
    return Reply(
        status=response.status_code,
        headers={name.lower(): value for name, value in response.headers.items()},
        body=body,
        charset=response.charset_encoding,
        opened=opened,
    )


def _no_reply(error: Exception) -> NoReply:
    # The text of such an error can hold an address with values; its type says enough.
    return NoReply(
        reason=type(error).__name__, retry=isinstance(error, httpx2.TransportError)
    )
