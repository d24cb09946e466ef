"""What happens around every generated request: tokens, what exists, judgement and counting."""

import collections
import contextlib
import json
import random

import contract
import schemathesis
from callers import Callers
from checks import Judge, fits
from made import WITHOUT_SUCCESS, Made
from schemathesis import GenerationMode
from schemathesis.core.failures import Failure
from schemathesis.generation.meta import TestPhase

# Values for parameters of paths that exist in every installation of the run.
KNOWN = {"plugin_id": ["hello_py", "candidate"], "operation": ["echo", "ping", "fail"], "name": ["mail"], "key": ["greeting"]}
# Of the good requests of an operation the first is made to measure, and then each one of so many; but
# the cases that a schema implies stay what they are.
MADE_EVERY = 5
# A long poll waits for what may not come; a stream has no end of its own.
LONGEST_WAIT, STREAM_SECONDS = 50, 0.7
REFUSED_TOKENS = {"token_invalid", "token_expired", "plugin_inactive", "step_up_required"}
# A cursor is good when Core gave it, whatever the text.
CURSORS = {"/query/cursor", "/header/Last-Event-ID"}
# Rules that no schema says: about two fields at once, about what Core holds, about octets.
BEYOND_SCHEMA = {
    "replay_events": {"oneOf"},
    "redrive_dead_letters": {"filter"},
    "approve_plugin": {"not-requested"},
    "set_plugin_egress_mode": {"entry", "end"},
    "create_enrollment": {"reserved"},
    "call_external": {"base64"},
}
# What one request does to what another made, by design.
BY_DESIGN = {
    ("Deleted resource still available", "list_config_history"): "the history of a setting outlives it",
    ("Deleted resource still available", "list_plugin_config_history"): "the history of a setting outlives it",
    ("Created resource not found", "revoke_enrollment"): "the end of a plugin ends its enrolments",
}
# NUL stands in no text that Core takes from a path, a query or a header.
NO_TEXT = "encoding"


class Hooks:
    def __init__(self, document: dict, callers: Callers | None, rng: random.Random) -> None:
        self.judge = Judge(document)
        self.callers, self.rng = callers, rng
        self.phases: collections.Counter[str] = collections.Counter()
        self.cases: collections.Counter[str] = collections.Counter()
        self.statuses: collections.Counter[str] = collections.Counter()
        self.dropped: collections.Counter[str] = collections.Counter()
        self.faults: collections.Counter[str] = collections.Counter()
        self.good: collections.Counter[str] = collections.Counter()
        self.made: set[str] = set()
        self.succeeded: set[str] = set()

    def operation(self, case: schemathesis.Case) -> contract.Operation:
        return self.judge.operations[case.operation.definition.raw["operationId"]]

    def token(self, case: schemathesis.Case) -> str | None:
        operation = self.operation(case)
        if not self.callers:
            return "control"
        return self.callers.token(operation.id, operation.schemes) if operation.schemes else None

    def before_call(self, context: object, case: schemathesis.Case, kwargs: dict) -> None:
        operation = self.operation(case)
        positive = case.meta is not None and case.meta.generation.mode == GenerationMode.POSITIVE
        phase = case.meta.phase.name if case.meta else None
        if positive and self.callers and phase != TestPhase.STATEFUL:
            number = self.good[operation.id]
            due = number == 0 or (number % MADE_EVERY == 0 and phase != TestPhase.COVERAGE)
            if due and operation.id not in WITHOUT_SUCCESS:
                self.take(case, self.callers.made(operation))
            else:
                for name in case.path_parameters.keys() & KNOWN.keys():
                    if self.rng.random() < 0.5:
                        case.path_parameters[name] = self.rng.choice(KNOWN[name])
            self.good[operation.id] += 1
        if "text/event-stream" in operation.raw["responses"].get("200", {}).get("content", {}):
            kwargs["timeout"] = STREAM_SECONDS
        for part in (case.body, case.query):
            if isinstance(part, dict) and str(part.get("wait_ms")).isdigit() and positive:
                part["wait_ms"] = min(int(part["wait_ms"]), LONGEST_WAIT)

    def take(self, case: schemathesis.Case, made: Made) -> None:
        case.path_parameters = dict(made.path)
        case.query = dict(made.query)
        case.headers = {**made.headers, **({"Authorization": f"Bearer {made.token}"} if made.token else {})}
        if made.body is not None:
            case.body, case.media_type = made.body, "application/json"
        self.made.add(case.id)

    def after_call(self, context: object, case: schemathesis.Case, response: schemathesis.Response) -> None:
        operation = self.operation(case)
        self.phases[case.meta.phase.name.value if case.meta else "other"] += 1
        self.cases[operation.id] += 1
        self.statuses[f"{operation.id} {response.status_code}"] += 1
        if response.status_code < 300 and case.method.upper() == operation.method:
            self.succeeded.add(operation.id)
            if operation.id == "put_policy" and self.callers and case.id not in self.made:
                # A generated policy decides from now on; nobody knows what it leaves possible.
                self.callers.reinstall()
        if self.callers and response.status_code in (401, 403) and problem(response).get("code") in REFUSED_TOKENS:
            sent = response.request.headers.get("authorization") or ""
            self.callers.dead((sent.decode() if isinstance(sent, bytes) else sent).removeprefix("Bearer "))

    def documented_answer(self, ctx: object, response: schemathesis.Response, case: schemathesis.Case) -> None:
        """The status and the code are among those of the operation."""
        operation = self.operation(case)
        method, url = response.request.method or "", response.request.url or ""
        named = method == operation.method and fits(operation, url)
        media_type = (response.headers.get("content-type") or [""])[0]
        if fault := self.judge.fault(operation, response.status_code, media_type, response.content, named=named):
            raise Failure(operation=case.operation.label, title="Undocumented answer", message=fault)
        told = ", ".join(response.headers.get("allow") or [])
        if told and set(told.split(", ")) != self.judge.methods(url):
            raise Failure(operation=case.operation.label, title="Wrong Allow", message=f"Allow: {told}")

    def good_request_is_taken(self, ctx: object, response: schemathesis.Response, case: schemathesis.Case) -> None:
        """What matches the schema is not called a breach of it, and what is made to measure succeeds."""
        label = case.operation.label
        if case.id in self.made and response.status_code >= 300:
            message = f"{response.status_code} {problem(response).get('code')}"
            raise Failure(operation=label, title="Refused what was made to measure", message=message)
        positive = case.meta is not None and case.meta.generation.mode == GenerationMode.POSITIVE
        if positive and problem(response).get("code") == "invalid_request":
            allowed = BEYOND_SCHEMA.get(self.operation(case).id, set()) | {NO_TEXT}
            violations = problem(response)["violations"]
            broken = [one for one in violations if one["pointer"] not in CURSORS and one["rule"] not in allowed]
            if broken:
                raise Failure(operation=label, title="Schema-conforming request refused", message=json.dumps(broken))

    def is_fault(self, context: object, failure: Failure, case: schemathesis.Case, response: schemathesis.Response) -> bool:
        """All that is dropped of what the checks find."""
        # HTTP lets any field travel that nobody asked for, so an unknown one makes no request wrong.
        if "in header - object with unexpected properties" in failure.message:
            self.dropped["unknown header field accepted"] += 1
            return False
        if reason := BY_DESIGN.get((failure.title, self.operation(case).id)):
            self.dropped[reason] += 1
            return False
        self.faults[f"{failure.title}: {self.operation(case).id}"] += 1
        return True

    def register(self) -> None:
        hooks = self

        @schemathesis.auth(refresh_interval=None)
        class Tokens:
            def get(self, case: schemathesis.Case, context: object) -> str | None:
                return hooks.token(case)

            def set(self, case: schemathesis.Case, data: str, context: object) -> None:
                case.headers = {**(case.headers or {}), "Authorization": f"Bearer {data}"}

        dispatcher = schemathesis.hooks.GLOBAL_HOOK_DISPATCHER
        dispatcher.register_hook_with_name(self.before_call, "before_call")
        dispatcher.register_hook_with_name(self.after_call, "after_call")
        dispatcher.register_hook_with_name(self.is_fault, "filter_failure")

        def documented_answer(ctx: object, response: schemathesis.Response, case: schemathesis.Case) -> None:
            return hooks.documented_answer(ctx, response, case)

        def good_request_is_taken(ctx: object, response: schemathesis.Response, case: schemathesis.Case) -> None:
            return hooks.good_request_is_taken(ctx, response, case)

        schemathesis.check(documented_answer)
        schemathesis.check(good_request_is_taken)

    def report(self, code: int) -> dict:
        return {
            "exit": code,
            "phases": dict(self.phases),
            "cases": sum(self.cases.values()),
            "made": len(self.made),
            "operations": sorted(self.cases),
            "succeeded": sorted(self.succeeded),
            "statuses": dict(sorted(self.statuses.items())),
            "faults": dict(self.faults.most_common()),
            "dropped": dict(self.dropped),
            "restarts": self.callers.restarts if self.callers else 0,
        }


def problem(response: schemathesis.Response) -> dict:
    """The problem of an answer; empty for every other answer."""
    if response.status_code < 400:
        return {}
    with contextlib.suppress(ValueError):
        body = response.json()
        return body if isinstance(body, dict) else {}
    return {}
