"""Parameters and bodies on the wire."""

from __future__ import annotations

import io
from typing import Any

import pytest

from .subject import bodies, encoding, model, unset


class Form(model.Model):
    name: str
    file: bodies.Binary | None = None
    tags: list[str] | None = None


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a/b?c#d", "a%2Fb%3Fc%23d"),
        ("ä %", "%C3%A4%20%25"),
        (5, "5"),
        (True, "true"),
        (["a", "b,c"], "a,b%2Cc"),
        ("..a", "..a"),
    ],
)
def test_a_path_parameter_stays_one_segment(value: Any, text: str) -> None:
    assert encoding.encode_path("/x/{id}/y", {"id": value}, {}) == f"/x/{text}/y"


@pytest.mark.parametrize("value", ["", ".", "..", None, unset.UNSET])
def test_a_path_parameter_never_means_here_or_up(value: Any) -> None:
    with pytest.raises(ValueError):
        encoding.encode_path("/x/{id}", {"id": value}, {})


def test_path_styles() -> None:
    encode = encoding.encode_path
    assert encode("/{a}", {"a": ["x", "y"]}, {"path.a": "label"}) == "/.x.y"
    assert encode("/{a}", {"a": "x"}, {"path.a": "matrix"}) == "/;a=x"
    assert encode("/{a}", {"a": {"k": "v"}}, {"path.a": "simple-explode"}) == "/k%3Dv"
    assert encode("/{a}", {"a": {"k": "v"}}, {}) == "/k,v"


@pytest.mark.parametrize(
    ("style", "value", "query"),
    [
        ("explode", ["a", "b"], "q=a&q=b"),
        ("explode", {"a": 1, "b": 2}, "a=1&b=2"),
        ("comma", ["a", "b"], "q=a%2Cb"),
        ("comma", {"a": 1}, "q=a%2C1"),
        ("space", ["a", "b"], "q=a%20b"),
        ("pipe", ["a", "b"], "q=a%7Cb"),
        (
            "deep",
            {"a": 1, "b": [2, 3], "c": {"d": True}},
            "q%5Ba%5D=1&q%5Bb%5D=2&q%5Bb%5D=3&q%5Bc%5D%5Bd%5D=true",
        ),
        ("json", {"a": [1]}, "q=%7B%22a%22%3A%5B1%5D%7D"),
        ("explode", False, "q=false"),
        ("explode", 0, "q=0"),
        ("explode", None, ""),
        ("explode", unset.UNSET, ""),
        ("explode", [], ""),
    ],
)
def test_query_styles(style: Any, value: Any, query: str) -> None:
    assert encoding.encode_query({"q": value}, {"query.q": style}) == query


def test_headers_cannot_be_split() -> None:
    assert encoding.encode_headers({"X": ["a", 1], "Y": None}, {}) == {"X": "a,1"}
    assert encoding.encode_headers({"X": {"a": 1}}, {"header.X": "json"}) == {
        "X": '{"a":1}'
    }
    for value in ("a\r\nB: c", "a\0", "ä"):
        with pytest.raises(ValueError) as caught:
            encoding.encode_headers({"X": value}, {})
        assert value not in str(caught.value)
    assert encoding.encode_cookies({"a": "b; c", "d": None}) == "a=b%3B%20c"


def test_json_bodies() -> None:
    assert bodies.encode_body("json", None, {"a": "ä"}) == (
        '{"a":"ä"}'.encode(),
        "application/json",
    )
    assert (
        bodies.encode_body("json", "application/x+json", [1])[1] == "application/x+json"
    )
    assert bodies.encode_body("json", None, None) == (None, None)
    assert bodies.encode_body(None, None, "x") == (None, None)
    with pytest.raises(ValueError):
        bodies.encode_body("json", None, {"a": float("nan")})


def test_form_bodies() -> None:
    form = Form(name="a&b c", tags=["x", "y"])
    body, media_type = bodies.encode_body("form", None, form)
    assert body == b"name=a%26b+c&tags=x&tags=y"
    assert media_type == "application/x-www-form-urlencoded"


def test_multipart_bodies() -> None:
    upload = bodies.Upload(
        content=io.BytesIO(b"\x00\x01"), filename='a".bin', media_type="x/y"
    )
    form = Form.from_wire(
        {"name": "a", "file": upload, "more": {"k": 1}, "raw\r\n": b"r"}
    )
    body, media_type = bodies.encode_body("multipart", None, form)
    assert body is not None and media_type is not None
    boundary = media_type.partition("boundary=")[2]
    parts = body.split(f"--{boundary}".encode())
    assert parts[0] == b"" and parts[-1] == b"--\r\n" and len(parts) == 6
    assert (
        b'name="name"\r\nContent-Type: text/plain; charset=utf-8\r\n\r\na\r\n'
        in parts[1]
    )
    assert b'filename="a%22.bin"\r\nContent-Type: x/y\r\n\r\n\x00\x01\r\n' in parts[2]
    assert b'application/json\r\n\r\n{"k":1}\r\n' in parts[3]
    assert b'name="raw%0D%0A"; filename="raw%0D%0A"' in parts[4]
    assert "\\x00" not in repr(upload)


def test_multipart_takes_a_plain_mapping_and_lists() -> None:
    body, _ = bodies.encode_body("multipart", None, {"files": [b"a", b"b"], "n": 1})
    assert body is not None and body.count(b'data; name="files"') == 2


def test_other_bodies() -> None:
    assert bodies.encode_body("text", None, "ä") == (
        "ä".encode(),
        "text/plain; charset=utf-8",
    )
    for content in (b"x", "x", io.BytesIO(b"x"), bytearray(b"x")):
        assert bodies.encode_body("binary", None, content) == (
            b"x",
            "application/octet-stream",
        )
