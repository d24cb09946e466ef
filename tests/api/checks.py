"""What an answer must be, beyond the checks that schemathesis brings.

The contract documents problems by code, so that is what is judged: an answer with a code that its
operation does not name is undocumented, whatever its status says.
"""

import json
import urllib.parse

from contract import Operation, operations

# Failures of what stands behind Core. Only operations that reach something behind it may give them.
BEHIND = {502, 503, 504}
NEVER = {"internal_error", "audit_unavailable", "not_ready"}
# Codes of the router, for requests that name no operation.
ROUTER = {"not_found", "method_not_allowed"}
# Codes of the edge, for requests that never reach an operation: their size is wrong, not their words.
EDGE = {"request_line_too_long", "headers_too_large"}


def fits(operation: Operation, url: str) -> bool:
    """Whether this URL, as sent, is one of the path of the operation."""
    wanted = operation.path.split("/")
    sent = urllib.parse.urlsplit(url).path.split("/")
    pairs = zip(sent, wanted, strict=False)
    return len(sent) == len(wanted) and all(part == wish or (wish.startswith("{") and part != "") for part, wish in pairs)


class Judge:
    def __init__(self, document: dict) -> None:
        self.operations = {operation.id: operation for operation in operations(document)}
        self.statuses = {entry["code"]: entry["status"] for entry in document["x-problem-catalogue"]}

    def fault(self, operation: Operation, status: int, media_type: str, body: bytes, *, named: bool) -> str:
        """Empty when the answer is one the contract documents. `named`: the request names the operation."""
        if status < 400:
            documented = {int(code) for code in operation.raw["responses"] if code.isdigit()}
            return "" if status in documented or not named else f"status {status} is not documented"
        if media_type.split(";")[0] != "application/problem+json":
            return f"status {status} with {media_type or 'no type'} is no problem"
        try:
            code = json.loads(body)["code"]
        except (ValueError, KeyError, TypeError):
            return f"status {status} without a code"
        if self.statuses.get(code) != status:
            return f"{code} came with {status} and not {self.statuses.get(code)}"
        if code in NEVER:
            return f"{code} ({status})"
        if code in ROUTER:
            return f"{code} on a route of the contract" if named else ""
        if code in EDGE:
            return ""
        if code not in operation.codes:
            return f"{code} ({status}) is not documented for {operation.id}"
        if status >= 500 and status not in BEHIND:
            return f"{code} ({status})"
        return ""

    def methods(self, url: str) -> set[str]:
        """Methods that this URL takes; paths with names for some segments may overlap."""
        found = {operation.method for operation in self.operations.values() if fits(operation, url)}
        return found | {"OPTIONS"} | ({"HEAD"} if "GET" in found else set())
