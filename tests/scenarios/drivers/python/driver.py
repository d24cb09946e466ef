"""Runs the steps of one case file through the installed Python package, one JSON line for each step.

    CORE_URL=... VIVIFIED_TOKEN=... python driver.py CASE.json

A case names methods and arguments as the parity document does, and so does the package.
"""

import json
import os
import pathlib
import sys
from typing import Any

import vivified

# The classes every SDK has, before those of single codes.
CLASSES = (
    "AuthenticationError",
    "AuthorizationError",
    "ValidationError",
    "CommunicationError",
    "VivifiedError",
)


def wire_form(result: Any) -> Any:
    """What a method returned as JSON: a model in its wire form, plain values as they are."""
    return result.to_wire() if hasattr(result, "to_wire") else result


def run(client: vivified.VivifiedClient, step: dict[str, Any]) -> dict[str, Any]:
    """One step and its outcome."""
    try:
        result = getattr(client, step["method"])(**step["args"])
    except vivified.VivifiedError as error:
        kind = next(name for name in CLASSES if isinstance(error, getattr(vivified, name)))
        return {"ok": False, "error": kind, "code": error.code, "status": error.status}
    return {"ok": True, "result": wire_form(result)}


def main() -> None:
    case = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    with vivified.VivifiedClient(os.environ["CORE_URL"]) as client:
        for step in case["steps"]:
            print(json.dumps(run(client, step)), flush=True)


if __name__ == "__main__":
    main()
