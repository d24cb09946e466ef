"""Only a fresh call token of Core, for this plugin, operation and body, is taken, and only once."""

import base64
import json
import time
from typing import Any

import jwt
import pytest

from conftest import claims, public_jwk, sign
from hello_py.inbound import CallVerifier, Refused

NOW = int(time.time())


async def test_a_token_of_core_is_taken(verifier: CallVerifier) -> None:
    assert await verifier.caller(f"Bearer {sign(claims())}", "ping", b"{}") == "caller"


@pytest.mark.parametrize(
    "changes",
    [
        {"aud": "other"},
        {"aud": ["hello_py"]},
        {"aud": "hello_py_"},
        {"iss": "vivified-core/"},
        {"sub": ...},
        {"jti": ...},
        {"op": "pong"},
        {"op": ...},
        {"body_sha256": "0" * 64},
        {"body_sha256": 1},
        {"exp": NOW - 31, "iat": NOW - 90, "nbf": NOW - 90},
        {"exp": NOW + 86_400},
        {"exp": "soon"},
        {"exp": 1e400},
        {"exp": NOW + 59.5},
        {"nbf": NOW + 300},
        {"iat": NOW + 300},
    ],
)
async def test_a_wrong_claim_is_refused(verifier: CallVerifier, changes: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        await verifier.caller(f"Bearer {sign(claims(**changes))}", "ping", b"{}")


@pytest.mark.parametrize(
    "header",
    [
        {"typ": "JWT"},
        {"typ": "viv-plugin+jwt"},
        {"jku": "https://x"},
        {"crit": ["x"]},
        {"kid": "../key"},
    ],
)
async def test_a_wrong_header_is_refused(verifier: CallVerifier, header: dict[str, Any]) -> None:
    with pytest.raises(Refused):
        await verifier.caller(f"Bearer {sign(claims(), **header)}", "ping", b"{}")


async def test_another_algorithm_is_refused(verifier: CallVerifier) -> None:
    secret = base64.urlsafe_b64decode(public_jwk()["x"] + "=")
    headers = {"kid": "key-1", "typ": "viv-call+jwt"}
    none = ".".join(
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
        for part in ({"alg": "none", **headers}, claims())
    )
    for token in (jwt.encode(claims(), secret, algorithm="HS256", headers=headers), f"{none}."):
        with pytest.raises(Refused):
            await verifier.caller(f"Bearer {token}", "ping", b"{}")


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Bearer ", "Basic x", "Bearer a.b", "Bearer " + "a" * 5000],
)
async def test_what_is_no_token_is_refused(
    verifier: CallVerifier, authorization: str | None
) -> None:
    with pytest.raises(Refused):
        await verifier.caller(authorization, "ping", b"{}")


async def test_a_changed_body_is_refused(verifier: CallVerifier) -> None:
    with pytest.raises(Refused):
        await verifier.caller(f"Bearer {sign(claims(b'{}'))}", "ping", b'{"more":1}')


async def test_a_token_is_taken_once(verifier: CallVerifier) -> None:
    token = sign(claims())
    await verifier.caller(f"Bearer {token}", "ping", b"{}")
    with pytest.raises(Refused):
        await verifier.caller(f"Bearer {token}", "ping", b"{}")


async def test_unknown_keys_do_not_make_core_answer_at_every_call(
    verifier: CallVerifier, keys_read: list[int], clock: list[float]
) -> None:
    for _ in range(50):
        with pytest.raises(Refused):
            await verifier.caller(f"Bearer {sign(claims(), kid='unknown')}", "ping", b"{}")
    assert len(keys_read) == 1
    clock[0] += 31
    with pytest.raises(Refused):
        await verifier.caller(f"Bearer {sign(claims(), kid='unknown')}", "ping", b"{}")
    assert len(keys_read) == 2


async def test_known_keys_are_read_again_when_they_are_old(
    verifier: CallVerifier, keys_read: list[int], clock: list[float]
) -> None:
    await verifier.caller(f"Bearer {sign(claims())}", "ping", b"{}")
    await verifier.caller(f"Bearer {sign(claims())}", "ping", b"{}")
    assert len(keys_read) == 1
    clock[0] += 301
    await verifier.caller(f"Bearer {sign(claims())}", "ping", b"{}")
    assert len(keys_read) == 2
