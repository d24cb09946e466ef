"""What an answer must be, beyond the checks that schemathesis brings.

The contract documents problems by code, so that is what is judged: an answer with a code that its
operation does not name is undocumented, whatever its status says.
"""

import json

from contract import Operation, operations

# Failures of what stands behind Core. Only operations that reach something behind it may give them.
BEHIND = {502, 503, 504}
NEVER = {"internal_error", "audit_unavailable", "not_ready"}
# Codes of the router, for requests that name no operation.
ROUTER = {"not_found", "method_not_allowed"}


class Judge:
    def __init__(self, document: dict) -> None:
        self.operations = {operation.id: operation for operation in operations(document)}
        self.statuses = {entry["code"]: entry["status"] for entry in document["x-problem-catalogue"]}

    def fault(self, operation: Operation, status: int, media_type: str, body: bytes, *, misrouted: bool) -> str:
        """Empty when the answer is one the contract documents. `misrouted`: the request may have missed its route."""
        if status < 400:
            documented = {int(code) for code in operation.raw["responses"] if code.isdigit()}
            return "" if status in documented or misrouted else f"status {status} is not documented"
        if media_type.split(";")[0] != "application/problem+json":
            return f"status {status} with {media_type or 'no type'} is no problem"
        try:
            code = json.loads(body)["code"] if body else ""
        except (ValueError, KeyError, TypeError):
            return f"status {status} without a code"
        if not body and misrouted:
            return ""
        if code in ROUTER:
            return "" if misrouted else f"{code} on a route of the contract"
        if code in NEVER or status == 500:
            return f"{code} ({status})"
        if code not in operation.codes:
            return f"{code} ({status}) is not documented for {operation.id}"
        if self.statuses.get(code) != status:
            return f"{code} came with {status} and not {self.statuses.get(code)}"
        if status >= 500 and status not in BEHIND:
            return f"{code} ({status})"
        return ""
