"""The web application: health for anybody, ping for Core alone."""

from collections.abc import Mapping
from typing import Any

import httpx2
import pytest
from vivified import CommunicationError
from vivified.runtime.errors import Failure
from vivified.runtime.security import CallVerifier, KeySet

from conftest import claims, sign
from hello_py.web import LARGEST_BODY, application


def client(verifier: CallVerifier) -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(app=application(verifier))
    return httpx2.AsyncClient(transport=transport, base_url="http://plugin")


async def test_health_needs_no_token(verifier: CallVerifier) -> None:
    async with client(verifier) as http:
        answer = await http.get("/health")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def test_ping_says_who_called(verifier: CallVerifier) -> None:
    async with client(verifier) as http:
        headers = {"authorization": f"Bearer {sign(claims(b'{}'))}"}
        answer = await http.post("/rpc/ping", content=b"{}", headers=headers)
    assert (answer.status_code, answer.json()) == (200, {"pong": True, "caller": "caller"})


async def test_ping_without_a_token_is_refused_as_a_problem(verifier: CallVerifier) -> None:
    async with client(verifier) as http:
        answer = await http.post("/rpc/ping", content=b"{}")
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "unauthenticated"


async def test_a_body_beyond_the_limit_is_refused(verifier: CallVerifier) -> None:
    async with client(verifier) as http:
        answer = await http.post("/rpc/ping", content=b"x" * (LARGEST_BODY + 1))
    assert answer.status_code == 413


@pytest.mark.parametrize(
    ("changes", "header"),
    [
        ({"aud": "other"}, {}),
        ({"iss": "other"}, {}),
        ({"op": "pong"}, {}),
        ({"body_sha256": "0" * 64}, {}),
        ({"exp": 1}, {}),
        ({}, {"typ": "viv-plugin+jwt"}),
        ({}, {"kid": "unknown"}),
    ],
)
async def test_a_token_that_is_not_for_this_call_is_refused(
    verifier: CallVerifier, changes: dict[str, Any], header: dict[str, Any]
) -> None:
    async with client(verifier) as http:
        headers = {"authorization": f"Bearer {sign(claims(**changes), **header)}"}
        answer = await http.post("/rpc/ping", content=b"{}", headers=headers)
    assert answer.status_code == 401


async def test_a_token_is_taken_once(verifier: CallVerifier) -> None:
    headers = {"authorization": f"Bearer {sign(claims())}"}
    async with client(verifier) as http:
        first = await http.post("/rpc/ping", content=b"{}", headers=headers)
        second = await http.post("/rpc/ping", content=b"{}", headers=headers)
    assert (first.status_code, second.status_code) == (200, 401)


async def test_without_the_keys_of_core_nothing_is_served() -> None:
    def fetch() -> Mapping[str, Any]:
        raise CommunicationError(Failure(method="GET", path="/.well-known/jwks.json"))

    verifier = CallVerifier(
        KeySet(fetch), issuer="vivified-core", audience="hello_py", token_type="viv-call+jwt"
    )
    async with client(verifier) as http:
        headers = {"authorization": f"Bearer {sign(claims())}"}
        answer = await http.post("/rpc/ping", content=b"{}", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
