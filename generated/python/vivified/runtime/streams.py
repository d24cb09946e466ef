"""Answers that arrive piece by piece: server-sent events and JSON lines."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from types import TracebackType
from typing import Final, Generic, Self, TypeVar

import httpx2

from .operation import Streamed, UnusableAnswerError

T = TypeVar("T")

LONGEST_LINE: Final = 4 * 1024 * 1024
"""Characters of one event or line."""

Refuse = Callable[[str], Exception]
"""Makes the error of an answer nobody can read."""


class Pieces:
    """Puts lines together to the texts of single values. Pure: no network."""

    def __init__(self, events: bool) -> None:
        self._events = events
        self._data: list[str] = []

    def take(self, line: str) -> str | None:
        """The text that is complete with this line, if any."""
        if not self._events:
            return line if line.strip() else None
        if not line:
            # An event without its blank line is not complete (WHATWG HTML 9.2.6).
            text, self._data = "\n".join(self._data), []
            return text or None
        name, _, value = line.partition(":")
        if name == "data":
            self._data.append(value.removeprefix(" "))
        return None


class Stream(Generic[T]):
    """An open answer. Iterate over it inside `with`, or call `close`."""

    def __init__(
        self, response: httpx2.Response, answer: Streamed, refuse: Refuse
    ) -> None:
        self._response = response
        self._answer = answer
        self._refuse = refuse

    def __iter__(self) -> Iterator[T]:
        pieces = Pieces(self._answer.events)
        failure: Exception | None = None
        try:
            for line in self._response.iter_lines():
                text = pieces.take(_checked(line))
                if text is not None:
                    yield self._answer.convert_text(text)
        except (httpx2.RequestError, UnusableAnswerError) as error:
            failure = self._refuse(_reason(error))
        finally:
            self.close()
        if failure is not None:
            raise failure

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the answer."""
        self._response.close()


class AsyncStream(Generic[T]):
    """An open answer. Iterate over it inside `async with`, or await `close`."""

    def __init__(
        self, response: httpx2.Response, answer: Streamed, refuse: Refuse
    ) -> None:
        self._response = response
        self._answer = answer
        self._refuse = refuse

    async def __aiter__(self) -> AsyncIterator[T]:
        pieces = Pieces(self._answer.events)
        failure: Exception | None = None
        try:
            async for line in self._response.aiter_lines():
                text = pieces.take(_checked(line))
                if text is not None:
                    yield self._answer.convert_text(text)
        except (httpx2.RequestError, UnusableAnswerError) as error:
            failure = self._refuse(_reason(error))
        finally:
            await self.close()
        if failure is not None:
            raise failure

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Ends the answer."""
        await self._response.aclose()


def _checked(line: str) -> str:
    if len(line) > LONGEST_LINE:
        raise UnusableAnswerError("a line of the answer is too long")
    return line


def _reason(error: Exception) -> str:
    return (
        str(error) if isinstance(error, UnusableAnswerError) else type(error).__name__
    )
