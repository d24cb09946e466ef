"""Request bodies as octets. They are made once, so that every try sends the same ones."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, BinaryIO, TypeAlias
from urllib.parse import quote_plus

from pydantic_core import CoreSchema, core_schema

from .encoding import scalar_text
from .model import Model, jsonable
from .operation import BodyKind
from .unset import UNSET


@dataclass(frozen=True, kw_only=True, repr=False)
class Upload:
    """A file to send, with the name and media type the server shall see."""

    content: bytes | BinaryIO
    filename: str | None = None
    media_type: str = "application/octet-stream"

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> CoreSchema:
        return core_schema.is_instance_schema(cls)


Binary: TypeAlias = bytes | Upload
"""Octets of a multipart field."""


def encode_body(
    kind: BodyKind | None, media_type: str | None, value: Any
) -> tuple[bytes | None, str | None]:
    """The octets of a body and its `Content-Type`."""
    if kind is None or value is None or value is UNSET:
        return None, None
    if kind == "json":
        return encode_json(value), media_type or "application/json"
    if kind == "form":
        return _encode_form(value), "application/x-www-form-urlencoded"
    if kind == "multipart":
        return _encode_multipart(value)
    if kind == "text":
        return str(value).encode(), f"{media_type or 'text/plain'}; charset=utf-8"
    return _octets(value), media_type or "application/octet-stream"


def encode_json(value: Any) -> bytes:
    """JSON in UTF-8; NaN and infinities are refused."""
    text = json.dumps(
        jsonable(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False
    )
    return text.encode()


def _encode_form(value: Any) -> bytes:
    pairs: list[str] = []
    for name, item in jsonable(value).items():
        for entry in item if isinstance(item, list) else [item]:
            pairs.append(f"{quote_plus(name)}={quote_plus(scalar_text(entry))}")
    return "&".join(pairs).encode()


def _encode_multipart(value: Any) -> tuple[bytes, str]:
    boundary = secrets.token_hex(16)
    body = bytearray()
    for name, item in _fields(value):
        for entry in item if isinstance(item, (list, tuple)) else [item]:
            body += _part(boundary, name, entry)
    body += f"--{boundary}--\r\n".encode()
    return bytes(body), f"multipart/form-data; boundary={boundary}"


def _fields(value: Any) -> Iterable[tuple[str, Any]]:
    """The fields that are set, by wire name; files stay files."""
    if not isinstance(value, Model):
        return list(dict(value).items())
    declared = type(value).model_fields
    fields = [
        (declared[name].serialization_alias or name, getattr(value, name))
        for name in declared
        if name in value.model_fields_set
    ]
    return fields + list((value.model_extra or {}).items())


def _part(boundary: str, name: str, value: Any) -> bytes:
    disposition = f'form-data; name="{_quoted(name)}"'
    if isinstance(value, (bytes, bytearray)):
        value = Upload(content=bytes(value))
    if isinstance(value, Upload):
        disposition += f'; filename="{_quoted(value.filename or name)}"'
        media_type, content = value.media_type, _octets(value)
    elif isinstance(jsonable(value), (dict, list)):
        media_type, content = "application/json", encode_json(value)
    else:
        media_type, content = "text/plain; charset=utf-8", scalar_text(value).encode()
    head = f"--{boundary}\r\nContent-Disposition: {disposition}\r\nContent-Type: {media_type}"
    return head.encode() + b"\r\n\r\n" + content + b"\r\n"


def _quoted(text: str) -> str:
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _octets(value: Any) -> bytes:
    content = value.content if isinstance(value, Upload) else value
    if isinstance(content, (bytes, bytearray, memoryview)):
        return bytes(content)
    if isinstance(content, str):
        return content.encode()
    return bytes(content.read())
