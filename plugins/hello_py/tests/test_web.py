"""The web application: health for anybody, ping for Core alone."""

import httpx2

from conftest import claims, sign
from hello_py.inbound import CallVerifier
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
