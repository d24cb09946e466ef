"""Links between operations, so that one request can use what another has answered.

The contract needs none for its readers; they follow from it. An answer that holds a value with the
name of a parameter of a path, itself or in the first entry of a list, leads to every operation of
its family that takes this parameter.
"""

from collections.abc import Iterator

from contract import Operation, operations, resolve


def link(document: dict) -> None:
    """Writes the links into the document."""
    known = list(operations(document))
    for operation in known:
        for status, answer in operation.raw["responses"].items():
            if not status.startswith("2"):
                continue
            for name, place in values(document, answer):
                for taker in known:
                    if taker is not operation and family(taker) == family(operation) and f"{{{name}}}" in taker.path:
                        parameters = {f"path.{name}": f"$response.body#{place}"}
                        links = answer.setdefault("links", {})
                        links[f"{taker.id}{place.replace('/', '_')}"] = {"operationId": taker.id, "parameters": parameters}


def family(operation: Operation) -> tuple[str, ...]:
    """What a path is about: `/admin/users` or `/storage`."""
    parts = operation.path.split("/")[1:]
    return tuple(parts[:2] if parts[0] in ("admin", "events", "auth") else parts[:1])


def values(document: dict, answer: dict) -> Iterator[tuple[str, str]]:
    """Names of values in the JSON of an answer and where they stand."""
    schema = resolve(document, answer.get("content", {}).get("application/json", {}).get("schema", {}))
    for name, inner in schema.get("properties", {}).items():
        yield name, f"/{name}"
        entries = resolve(document, resolve(document, inner).get("items", {}))
        for entry in entries.get("properties", {}):
            yield entry, f"/{name}/0/{entry}"
