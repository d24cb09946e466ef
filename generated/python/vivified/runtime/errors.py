"""Failed calls: what an error holds, which class it becomes and what it prints.

An error prints its status, its code and the texts of the catalogue. What the server wrote for
this one case (`detail`, `violations`) is held and never printed, because it may repeat a value
of the request. URLs with values, bodies and tokens are not held at all.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, ClassVar


@dataclass(frozen=True, kw_only=True)
class Violation:
    """One fault of a request."""

    pointer: str
    """JSON pointer of the value that is wrong."""

    rule: str
    """The rule it breaks."""

    message: str = field(repr=False)
    """What is wrong with it."""


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Everything known about a failed call."""

    method: str
    path: str
    """The path as the contract writes it, without values."""

    status: int | None = None
    """None when there was no answer."""

    code: str | None = None
    title: str | None = field(default=None, repr=False)
    detail: str | None = field(default=None, repr=False)
    hint: str | None = field(default=None, repr=False)
    retryable: bool | None = None
    """None when the server did not say."""

    retry_after: float | None = None
    """Seconds."""

    decision_id: str | None = None
    trace_id: str | None = None
    violations: tuple[Violation, ...] = field(default=(), repr=False)
    reason: str | None = None
    """Why there was no usable answer, such as `ConnectTimeout`."""


class CallError(Exception):
    """A call that failed. The root class of each contract is one of these."""

    code_of_class: ClassVar[str | None] = None
    """The catalogue code this class stands for."""

    catalogue_title: ClassVar[str | None] = None
    catalogue_hint: ClassVar[str | None] = None

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure)
        self.failure = failure

    @property
    def status(self) -> int | None:
        """The HTTP status; None when there was no answer."""
        return self.failure.status

    @property
    def code(self) -> str | None:
        """The stable code of the problem."""
        return self.failure.code or self.code_of_class

    @property
    def title(self) -> str | None:
        """The title of the problem, the same for every problem of its code."""
        return self.failure.title or self.catalogue_title

    @property
    def detail(self) -> str | None:
        """What is special to this case. It may repeat values: do not log it."""
        return self.failure.detail

    @property
    def hint(self) -> str | None:
        """What to do about it."""
        return self.failure.hint or self.catalogue_hint

    @property
    def retryable(self) -> bool:
        """Whether the same call can succeed later."""
        return bool(self.failure.retryable)

    @property
    def retry_after(self) -> float | None:
        """Seconds the server asks to wait."""
        return self.failure.retry_after

    @property
    def decision_id(self) -> str | None:
        """Id of the decision that denied the call."""
        return self.failure.decision_id

    @property
    def trace_id(self) -> str | None:
        """W3C trace id of the call."""
        return self.failure.trace_id

    @property
    def violations(self) -> tuple[Violation, ...]:
        """Every fault of the request."""
        return self.failure.violations

    @property
    def method(self) -> str:
        """The HTTP method of the call."""
        return self.failure.method

    @property
    def path(self) -> str:
        """The path of the call as the contract writes it, without values."""
        return self.failure.path

    def __str__(self) -> str:
        failure = self.failure
        head = f"{failure.method} {failure.path}: {self._what()}"
        facts = [
            ("code", self.code_of_class),
            ("violations", len(failure.violations) or None),
            ("decision", _plain(failure.decision_id)),
            ("trace", _plain(failure.trace_id)),
        ]
        known = ", ".join(
            f"{name} {value}" for name, value in facts if value is not None
        )
        tail = f" ({known})" if known else ""
        return f"{head}{tail}" + (
            f". {self.catalogue_hint}" if self.catalogue_hint else ""
        )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def _what(self) -> str:
        if self.failure.status is None:
            return f"no usable answer: {self.failure.reason or 'unknown'}"
        title = self.catalogue_title or _phrase(self.failure.status)
        reason = f": {self.failure.reason}" if self.failure.reason else ""
        return f"{self.failure.status} {title}{reason}"


@dataclass(frozen=True, kw_only=True)
class ErrorTree:
    """Which class an answer becomes."""

    root: type[CallError]
    transport: type[CallError]
    """For calls that got no usable answer."""

    codes: Mapping[str, type[CallError]]
    statuses: Mapping[int, type[CallError]]

    def error(self, failure: Failure) -> CallError:
        """The error of a failure: by its code, else by its status, else the root."""
        if failure.status is None:
            return self.transport(failure)
        by_status = self.statuses.get(failure.status, self.root)
        return self.codes.get(failure.code or "", by_status)(failure)


def read_failure(
    method: str,
    path: str,
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    retry_after: float | None,
    trace_id: str | None,
) -> Failure:
    """What a failed answer says, as far as it is an RFC 9457 problem."""
    problem = _read_problem(headers.get("content-type", ""), body)
    retryable = problem.get("retryable")
    return Failure(
        method=method,
        path=path,
        status=status,
        code=_text(problem, "code"),
        title=_text(problem, "title"),
        detail=_text(problem, "detail"),
        hint=_text(problem, "hint"),
        retryable=retryable if isinstance(retryable, bool) else None,
        retry_after=retry_after,
        decision_id=_text(problem, "decision_id"),
        trace_id=_text(problem, "trace_id") or trace_id,
        violations=_violations(problem),
    )


def _read_problem(content_type: str, body: bytes) -> Mapping[str, Any]:
    media_type = content_type.partition(";")[0].strip().lower()
    if media_type != "application/json" and not media_type.endswith("+json"):
        return {}
    try:
        problem = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return problem if isinstance(problem, dict) else {}


def _violations(problem: Mapping[str, Any]) -> tuple[Violation, ...]:
    entries = problem.get("errors", problem.get("violations"))
    if not isinstance(entries, list):
        return ()
    return tuple(
        Violation(
            pointer=_text(entry, "pointer") or "",
            rule=_text(entry, "rule") or "",
            message=_text(entry, "message") or "",
        )
        for entry in entries
        if isinstance(entry, dict)
    )


def _text(problem: Mapping[str, Any], name: str) -> str | None:
    value = problem.get(name)
    return value if isinstance(value, str) else None


def _plain(value: str | None) -> str | None:
    """An identifier of the server, if it looks like one; anything else is not printed."""
    if value and len(value) <= 64 and all(c.isalnum() or c in "-_" for c in value):
        return value
    return None


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "unknown status"
