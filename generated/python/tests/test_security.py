"""Which tokens of inbound calls are accepted, and which are not."""

from __future__ import annotations

import base64
import concurrent.futures
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from .subject import security

NOW = 1_800_000_000.0
KEY = Ed25519PrivateKey.from_private_bytes(b"\x01" * 32)
OTHER = Ed25519PrivateKey.from_private_bytes(b"\x02" * 32)
BODY = b'{"greeting":"hello"}'
TYPE = "viv-call+jwt"
Change = Callable[[dict[str, Any]], None]


def encode(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def claims(**changes: Any) -> dict[str, Any]:
    base = {
        "iss": "issuer",
        "aud": "callee",
        "sub": "caller",
        "jti": "one",
        "iat": NOW,
        "nbf": NOW,
        "exp": NOW + 60,
        "op": "ping",
        "body_sha256": hashlib.sha256(BODY).hexdigest(),
        "act": {"sub": "caller"},
    }
    return {
        name: value for name, value in {**base, **changes}.items() if value is not None
    }


def header(**changes: Any) -> dict[str, Any]:
    base = {"alg": "EdDSA", "kid": "k1", "typ": TYPE}
    return {
        name: value for name, value in {**base, **changes}.items() if value is not None
    }


def sign(head: Any, body: Any, key: Ed25519PrivateKey = KEY) -> str:
    def text(value: Any) -> bytes:
        return value if isinstance(value, bytes) else json.dumps(value).encode()

    message = f"{encode(text(head))}.{encode(text(body))}"
    return f"{message}.{encode(key.sign(message.encode()))}"


def jwk(kid: str = "k1", key: Ed25519PrivateKey = KEY, **more: Any) -> dict[str, Any]:
    x = encode(key.public_key().public_bytes_raw())
    return {"kty": "OKP", "crv": "Ed25519", "use": "sig", "kid": kid, "x": x, **more}


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


class Issuer:
    """Serves a key set and counts how often it is asked."""

    def __init__(self, *keys: dict[str, Any]) -> None:
        self.keys: list[Any] = list(keys) or [jwk()]
        self.asked = 0

    def __call__(self) -> dict[str, Any]:
        self.asked += 1
        return {"keys": self.keys}


def verifier(
    issuer: Issuer | None = None, clock: Clock | None = None
) -> security.CallVerifier:
    clock = clock or Clock()
    keys = security.KeySet(issuer or Issuer(), clock)
    return security.CallVerifier(
        keys, issuer="issuer", audience="callee", token_type=TYPE, clock=clock
    )


def verify(token: str, **more: Any) -> security.VerifiedCall:
    judge = more.pop("verifier", None) or verifier()
    call = {"operation": "ping", "body": BODY, **more}
    found: security.VerifiedCall = judge.verify(f"Bearer {token}", **call)
    return found


def refused(token: str, step: str, **more: Any) -> None:
    with pytest.raises(security.TokenRefusedError) as caught:
        verify(token, **more)
    assert caught.value.step == step
    assert token not in str(caught.value) or not token


def test_a_good_token_names_the_caller() -> None:
    chain = {"sub": "caller", "act": {"sub": "first"}}
    call = verify(sign(header(), claims(act=chain)))
    assert (call.caller, call.operation) == ("caller", "ping")
    assert call.chain == ("first", "caller")
    assert "body_sha256" not in repr(call)


def test_a_token_without_a_chain_has_its_caller() -> None:
    assert verify(sign(header(), claims(act=None))).chain == ("caller",)


@pytest.mark.parametrize("authorization", ["", "Bearer", "Basic x", "a.b.c", "bearer"])
def test_other_authorizations_are_refused(authorization: str) -> None:
    with pytest.raises(security.TokenRefusedError):
        verifier().verify(authorization, operation="ping", body=BODY)


@pytest.mark.parametrize(
    ("token", "step"),
    [
        ("a.b.c" * 1000, "size"),
        ("a.b", "form"),
        ("a.b.c.d", "form"),
        ("a..c", "form"),
        ("a=.b.c", "form"),
        (" a.b.c", "form"),
        ("a.b.c\n", "form"),
        ("\ud800.b.c", "form"),
        (f"{encode(b'[]')}.e30.AA", "header"),
        (f"{encode(b'not json')}.e30.AA", "header"),
        (encode(b'{"a":NaN}') + ".e30.AA", "header"),
        ("eyJhbGciOiJFZERTQSJ9AB.e30.AA", "header"),
        ("{}", "form"),
    ],
)
def test_the_form_is_strict(token: str, step: str) -> None:
    refused(token, step)


@pytest.mark.parametrize(
    "changes",
    [
        *[
            {"alg": alg}
            for alg in ("none", "None", "NONE", "nOnE", "", "HS256", "RS256")
        ],
        *[
            {"alg": alg}
            for alg in ("ES256", "PS256", "eddsa", "EDDSA", ["EdDSA"], 5, None)
        ],
        {"typ": "JWT"},
        {"typ": "viv-plugin+jwt"},
        {"typ": TYPE.upper()},
        {"typ": None},
        {"crit": ["exp"]},
        {"b64": False},
        {"zip": "DEF"},
        {"jwk": {}},
        {"jku": "https://example.org"},
        {"x5c": []},
        {"kid": None},
    ],
)
def test_only_the_pinned_header_is_accepted(changes: dict[str, Any]) -> None:
    refused(sign(header(**changes), claims()), "header")


@pytest.mark.parametrize("kid", ["k2", "../k1", "", "k1\0", 5, ["k1"], {"k1": 1}])
def test_an_unknown_key_is_refused(kid: Any) -> None:
    refused(sign({"alg": "EdDSA", "kid": kid, "typ": TYPE}, claims()), "key")


def test_repeated_names_are_refused() -> None:
    double = b'{"alg":"EdDSA","alg":"none","kid":"k1","typ":"' + TYPE.encode() + b'"}'
    refused(sign(double, claims()), "header")
    text = json.dumps(claims())[:-1] + ',"sub":"admin"}'
    refused(sign(header(), text.encode()), "claims")


def test_a_public_key_is_no_secret() -> None:
    message = f"{encode(json.dumps(header()).encode())}.{encode(json.dumps(claims()).encode())}"
    raw = KEY.public_key().public_bytes_raw()
    mac = hmac.new(raw, message.encode(), hashlib.sha256).digest()
    refused(f"{message}.{encode(mac)}", "signature")


def test_signatures_are_checked() -> None:
    good = sign(header(), claims())
    message, _, signature = good.rpartition(".")
    other = sign(header(), claims(jti="two")).rpartition(".")[2]
    octets = base64.urlsafe_b64decode(signature + "==")
    order = 2**252 + 27742317777372353535851937790883648493
    grown = (int.from_bytes(octets[32:], "little") + order).to_bytes(32, "little")
    for wrong in (b"", b"\0" * 64, octets[:-1], octets + b"\0", octets[:32] + grown):
        step = "form" if not wrong else "signature"
        refused(f"{message}.{encode(wrong)}", step)
    refused(f"{message}.{other}", "signature")
    refused(sign(header(), claims(), OTHER), "signature")


@pytest.mark.parametrize("name", ["iss", "aud", "sub", "jti", "exp", "nbf", "iat"])
@pytest.mark.parametrize("value", [None, True, [], {}, ""])
def test_every_claim_must_be_there_and_of_its_type(name: str, value: Any) -> None:
    refused(sign(header(), claims(**{name: value})), f"claim {name}")


@pytest.mark.parametrize(
    ("changes", "step"),
    [
        ({"iss": "other"}, "issuer"),
        ({"iss": "issuer/"}, "issuer"),
        ({"aud": "Callee"}, "audience"),
        ({"aud": "callee2"}, "audience"),
        ({"exp": "soon"}, "claim exp"),
        ({"exp": NOW - 30}, "time"),
        ({"exp": NOW - 31, "iat": NOW - 60, "nbf": NOW - 60}, "time"),
        ({"nbf": NOW + 31}, "time"),
        ({"iat": NOW + 31, "exp": NOW + 60}, "time"),
        ({"exp": NOW + 86_400}, "life"),
        ({"iat": NOW - 20, "exp": NOW - 20}, "life"),
        ({"act": {"sub": "other"}}, "claim act"),
        ({"act": "caller"}, "claim act"),
        ({"act": {"sub": "caller", "act": {}}}, "claim act"),
        ({"op": "pong"}, "operation"),
        ({"op": None}, "operation"),
        ({"body_sha256": "0" * 64}, "body"),
        ({"body_sha256": None}, "body"),
    ],
)
def test_claims_are_compared(changes: dict[str, Any], step: str) -> None:
    refused(sign(header(), claims(**changes)), step)


def test_clocks_may_differ_by_half_a_minute() -> None:
    shifted = claims(iat=NOW + 29, nbf=NOW + 29, exp=NOW + 80)
    assert verify(sign(header(), shifted)).caller == "caller"
    late = claims(iat=NOW - 80, nbf=NOW - 80, exp=NOW - 29)
    assert verify(sign(header(), late)).caller == "caller"


def test_another_body_is_refused() -> None:
    refused(sign(header(), claims()), "body", body=BODY + b" ")


def test_a_token_works_once_also_in_parallel() -> None:
    judge = verifier()
    token = sign(header(), claims())

    def attempt(_: int) -> bool:
        try:
            return bool(verify(token, verifier=judge))
        except security.TokenRefusedError:
            return False

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(attempt, range(100))) == 1


def test_seen_tokens_are_forgotten_when_they_have_ended() -> None:
    clock = Clock()
    judge = verifier(clock=clock)
    verify(sign(header(), claims()), verifier=judge)
    clock.now += 1000
    later = claims(jti="two", iat=clock.now, nbf=clock.now, exp=clock.now + 60)
    verify(sign(header(), later), verifier=judge)
    assert set(judge._seen) == {"two"}


def test_unknown_keys_ask_the_issuer_rarely() -> None:
    clock, issuer = Clock(), Issuer()
    judge = verifier(issuer, clock)
    for number in range(1000):
        refused(sign(header(kid=f"x{number}"), claims()), "key", verifier=judge)
    assert issuer.asked == 1
    clock.now += 31
    refused(sign(header(kid="x"), claims()), "key", verifier=judge)
    assert issuer.asked == 2


def test_a_rotated_key_is_found_and_an_old_one_forgotten() -> None:
    clock, issuer = Clock(), Issuer()
    keys = security.KeySet(issuer, clock)
    assert keys.find("k1") is not None
    issuer.keys = [jwk("k2", OTHER)]
    assert keys.find("k1") is not None
    clock.now += 31
    assert keys.find("k2") is not None
    assert keys.find("k1") is None
    clock.now += 301
    assert keys.find("k2") is not None
    assert issuer.asked == 3


@pytest.mark.parametrize(
    "keys",
    [
        [jwk(), jwk()],
        [jwk(d="AA")],
        [{"kty": "oct", "kid": "k1", "k": "AA"}],
        [jwk(use="enc")],
        [jwk(alg="RS256")],
        [jwk(crv="X25519")],
        [jwk(x="AA")],
        [jwk(x="not base64!")],
        [jwk(x=5)],
        [{**jwk(), "kid": 5}],
        ["k1"],
        [],
    ],
)
def test_doubtful_key_sets_hold_no_key(keys: list[Any]) -> None:
    assert security.KeySet(lambda: {"keys": keys}, Clock()).find("k1") is None


def test_a_key_set_may_be_nonsense() -> None:
    assert security.KeySet(lambda: {"keys": "none"}, Clock()).find("k1") is None
