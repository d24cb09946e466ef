"""Parameters on their way to the wire: paths, queries, headers (OpenAPI `style` and `explode`).

A value never changes the shape of a URL or a header: everything is percent-encoded, a path
segment that a server could read as "here" or "up" is refused, and so are line breaks in headers.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any
from urllib.parse import quote

from .model import jsonable
from .operation import Style
from .unset import UNSET


def encode_path(
    template: str, values: Mapping[str, Any], styles: Mapping[str, Style]
) -> str:
    """The path with its parameters filled in."""
    path = template
    for name, value in values.items():
        text = _path_text(name, value, styles.get(f"path.{name}"))
        if text in ("", ".", ".."):
            raise ValueError(f"path parameter {name} must not be empty, '.' or '..'")
        path = path.replace("{" + name + "}", text)
    return path


def encode_query(values: Mapping[str, Any], styles: Mapping[str, Style]) -> str:
    """The query string without `?`; what is None or UNSET is left out."""
    pairs = (
        pair
        for name, value in values.items()
        if value is not None and value is not UNSET
        for pair in _query_pairs(name, value, styles.get(f"query.{name}", "explode"))
    )
    return "&".join(f"{_quote(name)}={_quote(text)}" for name, text in pairs)


def encode_headers(
    values: Mapping[str, Any], styles: Mapping[str, Style]
) -> dict[str, str]:
    """Header values; what is None or UNSET is left out."""
    return {
        name: check_header(name, _simple_text(value, styles.get(f"header.{name}")))
        for name, value in values.items()
        if value is not None and value is not UNSET
    }


def encode_cookies(values: Mapping[str, Any]) -> str:
    """The value of the `Cookie` header."""
    return "; ".join(
        f"{name}={_quote(scalar_text(value))}"
        for name, value in values.items()
        if value is not None and value is not UNSET
    )


def check_header(name: str, value: str) -> str:
    """Refuses what could end a header or start another one. The message never shows the value."""
    if not all(character == "\t" or " " <= character <= "~" for character in value):
        raise ValueError(f"header {name} must be printable ASCII")
    return value


def scalar_text(value: Any) -> str:
    """One value as text: `true`, `5`, `2026-01-31`; whatever is not a scalar, as JSON."""
    plain = jsonable(value.value if isinstance(value, Enum) else value)
    return plain if isinstance(plain, str) else json.dumps(plain, separators=(",", ":"))


def _path_text(name: str, value: Any, style: Style | None) -> str:
    if value is None or value is UNSET:
        raise ValueError(f"path parameter {name} is required")
    plain = jsonable(value)
    if style == "label":
        return "." + ".".join(_quote(part) for part in _parts(plain))
    if style == "matrix":
        return f";{name}=" + ",".join(_quote(part) for part in _parts(plain))
    return ",".join(_quote(part) for part in _parts(plain, style == "simple-explode"))


def _query_pairs(name: str, value: Any, style: Style) -> Iterable[tuple[str, str]]:
    plain = jsonable(value)
    if style == "json":
        return [(name, json.dumps(plain, separators=(",", ":")))]
    if style == "deep" and isinstance(plain, dict):
        return [
            pair
            for key, item in plain.items()
            for pair in _deep_pairs(f"{name}[{key}]", item)
        ]
    if isinstance(plain, dict) and style == "explode":
        return [(key, scalar_text(item)) for key, item in plain.items()]
    if isinstance(plain, list) and style in ("explode", "deep"):
        return [(name, scalar_text(item)) for item in plain]
    separator = {"space": " ", "pipe": "|"}.get(style, ",")
    return [(name, separator.join(_parts(plain)))]


def _deep_pairs(name: str, value: Any) -> Iterable[tuple[str, str]]:
    if isinstance(value, dict):
        return [
            pair
            for key, item in value.items()
            for pair in _deep_pairs(f"{name}[{key}]", item)
        ]
    if isinstance(value, list):
        return [(name, scalar_text(item)) for item in value]
    return [(name, scalar_text(value))]


def _simple_text(value: Any, style: Style | None) -> str:
    if style == "json":
        return json.dumps(jsonable(value), separators=(",", ":"))
    return ",".join(_parts(jsonable(value), style == "simple-explode"))


def _parts(plain: Any, explode: bool = False) -> list[str]:
    if isinstance(plain, list):
        return [scalar_text(item) for item in plain]
    if isinstance(plain, dict) and explode:
        return [f"{key}={scalar_text(item)}" for key, item in plain.items()]
    if isinstance(plain, dict):
        return [
            text for key, item in plain.items() for text in (key, scalar_text(item))
        ]
    return [scalar_text(plain)]


def _quote(text: str) -> str:
    return quote(text, safe="")
