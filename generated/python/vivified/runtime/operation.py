"""What the contract says about one operation, as data the transport works from."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Generic, Literal, TypedDict, TypeVar

import pydantic

T = TypeVar("T")

BodyKind = Literal["json", "form", "multipart", "text", "binary"]
Style = Literal[
    "explode",
    "comma",
    "space",
    "pipe",
    "deep",
    "json",
    "label",
    "matrix",
    "simple-explode",
]


class CallOptions(TypedDict, total=False):
    """What a caller may set for one call."""

    timeout: float
    """Seconds to wait for the server, in place of the client's."""

    max_retries: int
    """Tries after the first one, in place of the client's."""

    idempotency_key: str
    """Names this call, so that sending it twice does no harm. Made when the operation takes one."""

    extra_headers: Mapping[str, str]
    """Sent with this call; they win over all others."""


class UnusableAnswerError(Exception):
    """An answer that does not match the contract. Says where, never what was there."""


class Answer:
    """How a successful answer becomes a value; this one has none."""

    streamed = False
    accept: str | None = None

    def read(self, body: bytes, charset: str | None) -> Any:
        return None


class Json(Answer):
    """A JSON value of a type."""

    def __init__(self, type_: Any, accept: str = "application/json") -> None:
        self.type = type_
        self.accept = accept
        self._adapter: pydantic.TypeAdapter[Any] | None = None

    def read(self, body: bytes, charset: str | None) -> Any:
        if not body:
            raise UnusableAnswerError("the answer is empty")
        try:
            return self.convert(json.loads(body))
        except (ValueError, RecursionError):
            pass
        raise UnusableAnswerError("the answer is not JSON")

    def convert(self, value: Any) -> Any:
        """The value of plain JSON data."""
        if self._adapter is None:
            self._adapter = pydantic.TypeAdapter(
                self.type, config=None if _is_model(self.type) else _STRICT_PRINTING
            )
        try:
            return self._adapter.validate_python(value)
        except pydantic.ValidationError as error:
            places = sorted(
                {_place(entry["loc"]) for entry in error.errors(**_NO_VALUES)}
            )
        raise UnusableAnswerError(
            "the answer does not match at " + ", ".join(places[:5])
        )


class Text(Answer):
    """Text of any media type."""

    def __init__(self, accept: str = "text/plain") -> None:
        self.accept = accept

    def read(self, body: bytes, charset: str | None) -> str:
        try:
            return body.decode(charset or "utf-8", errors="replace")
        except LookupError:
            return body.decode("utf-8", errors="replace")


class Octets(Answer):
    """Octets of any media type."""

    def __init__(self, accept: str = "*/*") -> None:
        self.accept = accept

    def read(self, body: bytes, charset: str | None) -> bytes:
        return body


class Streamed(Json):
    """JSON values that arrive one by one: as server-sent events, or one on each line."""

    streamed = True

    def __init__(self, type_: Any, accept: str) -> None:
        super().__init__(type_, accept)
        self.events = accept == "text/event-stream"

    def convert_text(self, text: str) -> Any:
        """The value of one event or line."""
        if self.type is str:
            return text
        return self.read(text.encode(), None)


NOTHING: Final = Answer()


@dataclass(frozen=True, kw_only=True)
class Operation(Generic[T]):
    """One operation of the contract, answering a `T`."""

    id: str
    method: str
    path: str
    """As the contract writes it, `/a/{b}`."""

    answers: Mapping[int, Answer] = field(default_factory=dict)
    """By status; `2` stands for every 2xx, `0` for every other success."""

    safe: bool = False
    """Sending it twice does no more than sending it once."""

    keyed: bool = False
    """It takes an `Idempotency-Key`."""

    security: tuple[tuple[str, ...], ...] = ()
    """Alternatives; all schemes of one of them must be sent. An empty one: anonymous is fine."""

    body: BodyKind | None = None
    media_type: str | None = None
    styles: Mapping[str, Style] = field(default_factory=dict)
    """By `query.NAME`, `path.NAME`, `header.NAME`: where it is not the usual one."""

    def answer(self, status: int) -> Answer | None:
        """How to read the answer of this status, or None when it is not a success."""
        if status in self.answers:
            return self.answers[status]
        if not 200 <= status < 300:
            return None
        return self.answers.get(2) or self.answers.get(0) or self._only_answer()

    def accept(self) -> str:
        """Media types the caller can read."""
        wanted = dict.fromkeys(a.accept for a in self.answers.values() if a.accept)
        return ", ".join(wanted) if wanted else "*/*"

    def _only_answer(self) -> Answer:
        answers = list(self.answers.values())
        return answers[0] if len(answers) == 1 else NOTHING


_NO_VALUES: Any = {
    "include_input": False,
    "include_context": False,
    "include_url": False,
}
_STRICT_PRINTING = pydantic.ConfigDict(hide_input_in_errors=True)


def _is_model(type_: Any) -> bool:
    return isinstance(type_, type) and issubclass(type_, pydantic.BaseModel)


def _place(location: tuple[int | str, ...]) -> str:
    # Names of fields come from the contract; keys of maps do not, and are left out.
    return "/" + "/".join(
        part if _is_field(part) else "*" for part in map(str, location)
    )


def _is_field(part: str) -> bool:
    return part.isidentifier() and len(part) <= 64
