"""The contract as Core serves it: operations, a good request for each, the problems each may give.

Everything is read from GET /openapi.json, so that an operation added to the contract is attacked
from the day it exists.
"""

import copy
import dataclasses
import re
import urllib.parse
from collections.abc import Iterator

METHODS = ("get", "put", "post", "delete", "patch")
# Answers that any operation may give before its own work begins.
COMMON_CODES = {"invalid_request", "payload_too_large", "unsupported_media_type", "rate_limited"}


@dataclasses.dataclass
class Operation:
    id: str
    method: str
    path: str
    raw: dict
    document: dict

    @property
    def schemes(self) -> list[str]:
        """Kinds of token that open it; empty when anybody may call it."""
        return [name for requirement in self.raw.get("security", []) for name in requirement]

    @property
    def rights(self) -> list[str]:
        return list(self.raw.get("x-required-traits") or [])

    @property
    def codes(self) -> set[str]:
        """Codes of problems it may answer."""
        return set(self.raw.get("x-problems", [])) | COMMON_CODES

    @property
    def body_schema(self) -> dict | None:
        content = resolve(self.document, self.raw.get("requestBody", {})).get("content", {})
        return content.get("application/json", {}).get("schema") if content else None

    @property
    def body(self) -> object:
        """The example of its request body."""
        content = resolve(self.document, self.raw.get("requestBody", {})).get("content", {})
        for media in content.values():
            if "example" in media:
                return copy.deepcopy(media["example"])
            for example in media.get("examples", {}).values():
                return copy.deepcopy(resolve(self.document, example)["value"])
        return None

    @property
    def parameters(self) -> list[dict]:
        item = self.document["paths"][self.path]
        return [resolve(self.document, p) for p in item.get("parameters", []) + self.raw.get("parameters", [])]

    def target(self, **values: str) -> str:
        """Its path, with the given values or else the examples for its parameters."""
        examples = {p["name"]: example(self.document, p) for p in self.parameters if p["in"] == "path"}

        def value(match: re.Match[str]) -> str:
            return urllib.parse.quote(str(values.get(match[1], examples.get(match[1], "alpha"))), safe="")

        return re.sub(r"\{(\w+)\}", value, self.path)


def operations(document: dict) -> Iterator[Operation]:
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield Operation(item[method]["operationId"], method.upper(), path, item[method], document)


def resolve(document: dict, value: dict) -> dict:
    """The object behind a local reference."""
    while "$ref" in value:
        found: dict = document
        for part in value["$ref"].removeprefix("#/").split("/"):
            found = found[part.replace("~1", "/").replace("~0", "~")]
        value = found
    return value


def example(document: dict, parameter: dict) -> object:
    schema = resolve(document, parameter.get("schema", {}))
    return parameter.get("example", schema.get("example", schema.get("default", "alpha")))
