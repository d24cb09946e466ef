"""Every operation of the contract reaches the wire as the contract says, in both clients."""

from __future__ import annotations

import asyncio
import datetime
import json
import re
from pathlib import Path
from typing import Any, get_type_hints
from urllib.parse import parse_qsl, unquote

import httpx2
import pydantic
import pytest

from .subject import AsyncClient, Client, model, streams

CASES = json.loads(Path(__file__).with_name("operations.json").read_text())


def every_case(test: Any) -> Any:
    return pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])(
        test
    )


class Recorder:
    def __init__(self, case: dict[str, Any]) -> None:
        self.case = case
        self.requests: list[httpx2.Request] = []

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        answers = self.case["answers"]
        media_type = answers["media_type"]
        if not media_type:
            return httpx2.Response(answers["status"])
        return httpx2.Response(
            answers["status"],
            headers={"content-type": media_type},
            content=content(answers),
        )


def content(answers: dict[str, Any]) -> str:
    """What the server of the test answers."""
    media_type, body = answers["media_type"], answers["body"]
    if media_type == "text/event-stream":
        return f"data: {json.dumps(body)}\n\n"
    return json.dumps(body) if "json" in media_type else str(body)


def find(client: Any, case: dict[str, Any]) -> Any:
    """The method of a resource, or of the client itself."""
    owner = getattr(client, case["resource"]) if case["resource"] else client
    return getattr(owner, case["method"])


def arguments(method: Any, case: dict[str, Any]) -> dict[str, Any]:
    """The arguments of a call: wire values, read by the annotations of the method."""
    hints = get_type_hints(method, include_extras=True)
    return {name: read(hints[name], value) for name, value in case["arguments"].items()}


def read(hint: Any, value: Any) -> Any:
    if "BinaryIO" in str(hint):
        return str(value).encode()
    return pydantic.TypeAdapter(hint).validate_json(json.dumps(value))


def check_request(request: httpx2.Request, case: dict[str, Any]) -> None:
    sends = case["sends"]
    assert request.method == sends["method"]
    path, _, query = request.url.raw_path.decode().partition("?")
    if "*" not in sends["path"]:
        assert unquote(path) == sends["path"]
    pairs = parse_qsl(query, keep_blank_values=True, strict_parsing=bool(query))
    for name, text in sends["query"]:
        assert (name, text) in pairs
    for name, text in sends["headers"]:
        assert request.headers[name] == text
    if "json" in sends:
        assert json.loads(request.content) == sends["json"]
        assert request.headers["content-type"] == sends["media_type"]
    assert ("idempotency-key" in request.headers) == sends["keyed"]
    assert request.headers["traceparent"].count("-") == 3
    assert request.headers["user-agent"].count("/") >= 1


def check_answer(answer: Any, case: dict[str, Any]) -> None:
    answers = case["answers"]
    if isinstance(answer, bytes):
        assert answer == content(answers).encode()
    elif answers["media_type"].endswith("json"):
        body = answers["body"]
        if case["returns"] is not None:
            body = body.get(case["returns"])
        assert instants(model.jsonable(answer)) == instants(body)


def instants(value: Any) -> Any:
    """The same JSON with moments of time in one spelling."""
    if isinstance(value, dict):
        return {name: instants(item) for name, item in value.items()}
    if isinstance(value, list):
        return [instants(item) for item in value]
    if isinstance(value, str) and re.match(r"\d{4}-\d\d-\d\dT", value):
        return datetime.datetime.fromisoformat(value)
    return value


@every_case
def test_threads_send_what_the_contract_says(case: dict[str, Any]) -> None:
    recorder = Recorder(case)
    with Client(
        "http://127.0.0.1:1", transport=httpx2.MockTransport(recorder)
    ) as client:
        method = find(client, case)
        answer = method(**arguments(method, case))
        if isinstance(answer, streams.Stream):
            assert len(list(answer)) <= 1
        elif case["sends"]["method"] != "HEAD":
            check_answer(answer, case)
    check_request(recorder.requests[0], case)


@every_case
def test_tasks_send_what_the_contract_says(case: dict[str, Any]) -> None:
    recorder = Recorder(case)

    async def call() -> None:
        async with AsyncClient(
            "http://127.0.0.1:1", transport=httpx2.MockTransport(recorder)
        ) as client:
            method = find(client, case)
            answer = await method(**arguments(method, case))
            if isinstance(answer, streams.AsyncStream):
                async for _ in answer:
                    pass
            elif case["sends"]["method"] != "HEAD":
                check_answer(answer, case)

    asyncio.run(call())
    check_request(recorder.requests[0], case)


def test_every_operation_of_the_resources_has_a_case() -> None:
    known = {(case["resource"], case["method"]) for case in CASES}
    client = Client("http://127.0.0.1:1")
    for resource in {case["resource"] for case in CASES if case["resource"]}:
        kind = type(getattr(client, resource))
        for method in vars(kind):
            assert method.startswith("__") or (resource, method) in known
