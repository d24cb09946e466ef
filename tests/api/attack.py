"""One run of generated requests against one Core; writes what it saw as JSON.

    attack.py --seed N --examples N --report FILE [--contract FILE --url URL] OPERATION...

Runs schemathesis on the named operations of the contract that Core serves. With --url no Core is
started: the control aims the same checks at a server that answers wrongly.
"""

import argparse
import collections
import contextlib
import json
import logging
import pathlib
import random
import sys
import tempfile

import requests.adapters
import requests.sessions

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "harness")]

import contract  # noqa: E402
import schemathesis  # noqa: E402
import schemathesis.cli  # noqa: E402
import wire  # noqa: E402
from callers import Callers  # noqa: E402
from checks import Judge  # noqa: E402
from peer import running_peer  # noqa: E402
from schemathesis import GenerationMode  # noqa: E402
from schemathesis.core.failures import Failure  # noqa: E402

CHECKS = [
    "documented_answer",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "negative_data_rejection",
    "ignored_auth",
    "missing_required_header",
    "unsupported_method",
]
# Values for parameters of paths that exist in every installation of the run.
KNOWN = {"plugin_id": ["callee", "candidate"], "operation": ["echo", "ping", "fail"], "name": ["mail"], "key": ["greeting"]}
LONGEST_LINE = 8_000
REFUSED_TOKENS = {"token_invalid", "token_expired", "plugin_inactive", "step_up_required"}


class FromAnywhere(requests.adapters.HTTPAdapter):
    """Connects from the next loopback address, and from another one the next time."""

    def send(self, *positional: object, **named: object) -> requests.Response:
        self.poolmanager.clear()
        self.poolmanager.connection_pool_kw["source_address"] = (wire.next_source(), 0)
        return super().send(*positional, **named)  # type: ignore[arg-type]


class Run:
    def __init__(self, document: dict, callers: Callers | None, rng: random.Random) -> None:
        self.judge = Judge(document)
        self.callers, self.rng = callers, rng
        self.cases: collections.Counter[str] = collections.Counter()
        self.statuses: collections.Counter[str] = collections.Counter()
        self.succeeded: set[str] = set()
        self.faults: collections.Counter[str] = collections.Counter()

    def operation(self, case: schemathesis.Case) -> contract.Operation:
        return self.judge.operations[case.operation.definition.raw["operationId"]]

    def before_call(self, context: object, case: schemathesis.Case, kwargs: dict) -> None:
        positive = case.meta is not None and case.meta.generation.mode == GenerationMode.POSITIVE
        for name, values in KNOWN.items():
            if positive and name in case.path_parameters and self.rng.random() < 0.6:
                case.path_parameters[name] = self.rng.choice(values)
        if positive and self.callers and self.rng.random() < 0.3:
            token = str((case.headers or {}).get("Authorization", "")).removeprefix("Bearer ")
            if (body := self.callers.good_body(self.operation(case).id, token)) is not None:
                case.body = body
        content = self.operation(case).raw["responses"].get("200", {}).get("content", {})
        if "text/event-stream" in content:
            kwargs["timeout"] = 0.7
        for part in (case.body, case.query):
            if isinstance(part, dict) and isinstance(part.get("wait_ms"), int) and part["wait_ms"] > 50 and positive:
                part["wait_ms"] = 50

    def after_call(self, context: object, case: schemathesis.Case, response: schemathesis.Response) -> None:
        operation = self.operation(case)
        self.cases[operation.id] += 1
        self.statuses[f"{operation.id} {response.status_code}"] += 1
        if response.status_code < 300 and case.method.upper() == operation.method:
            self.succeeded.add(operation.id)
        sent = response.request.headers.get("authorization") or ""
        if self.callers and response.status_code in (401, 403):
            with contextlib.suppress(ValueError, TypeError, AttributeError):
                if (code := response.json().get("code")) in REFUSED_TOKENS:
                    text = sent.decode() if isinstance(sent, bytes) else sent
                    self.callers.dead(text.removeprefix("Bearer "), code)

    def documented_answer(self, context: object, response: schemathesis.Response, case: schemathesis.Case) -> None:
        operation = self.operation(case)
        other_method = case.method.upper() != operation.method
        odd_path = any(
            not str(value) or set(str(value)) & set("/\\?#%.") or not str(value).isascii() for value in case.path_parameters.values()
        )
        media_type = (response.headers.get("content-type") or [""])[0]
        fault = self.judge.fault(
            operation, response.status_code, media_type, response.content, misrouted=other_method or odd_path
        )
        if fault:
            raise Failure(operation=case.operation.label, title="Undocumented answer", message=fault)

    def is_fault(self, context: object, failure: Failure, case: schemathesis.Case, response: schemathesis.Response) -> bool:
        """A refusal for asking too often is no judgement of the request; it is counted apart."""
        # HTTP lets any field travel that nobody asked for, so an unknown one makes no request wrong.
        unknown_field = "in header - object with unexpected properties" in failure.message
        # The edge refuses such a request line before it reaches the contract; the table of raw octets has it.
        too_long = len(response.request.url or "") > LONGEST_LINE and response.status_code in (400, 414)
        if response.status_code == 429 or unknown_field or too_long:
            return False
        self.faults[f"{failure.title}: {self.operation(case).id}"] += 1
        return True

    def register(self) -> None:
        run = self
        requests.sessions.HTTPAdapter = FromAnywhere  # type: ignore[misc]

        @schemathesis.auth(refresh_interval=None)
        class Tokens:
            def get(self, case: schemathesis.Case, context: object) -> str | None:
                operation = run.operation(case)
                return run.callers.token(operation.id, operation.schemes) if run.callers else "control"

            def set(self, case: schemathesis.Case, data: str, context: object) -> None:
                case.headers = {**(case.headers or {}), "Authorization": f"Bearer {data}"}

        for name, function in [
            ("before_call", self.before_call),
            ("after_call", self.after_call),
            ("filter_failure", self.is_fault),
        ]:
            schemathesis.hooks.GLOBAL_HOOK_DISPATCHER.register_hook_with_name(function, name)

        def documented_answer(ctx, response, case):  # noqa: ANN001, ANN202
            return run.documented_answer(ctx, response, case)

        schemathesis.check(documented_answer)

    def report(self, code: int) -> dict:
        return {
            "exit": code,
            "cases": sum(self.cases.values()),
            "limited": sum(count for name, count in self.statuses.items() if name.endswith(" 429")),
            "operations": sorted(self.cases),
            "succeeded": sorted(self.succeeded),
            "statuses": dict(sorted(self.statuses.items())),
            "faults": dict(self.faults.most_common()),
            "restarts": self.callers.restarts if self.callers else 0,
        }


def attack(arguments: argparse.Namespace, folder: pathlib.Path) -> dict:
    rng = random.Random(arguments.seed)
    with contextlib.ExitStack() as stack:
        callers = None
        if arguments.url:
            document = json.loads(arguments.contract.read_text())
        else:
            peer = stack.enter_context(running_peer())
            callers = Callers(folder, peer.address, rng)
            stack.callback(lambda: callers.core.stop())
            document = callers.core.document()
        run = Run(document, callers, rng)
        run.register()
        file = folder / "openapi.json"
        file.write_text(json.dumps(document))
        command = ["run", str(file), "--url", arguments.url or callers.core.url, "--checks", ",".join(CHECKS)]
        command += ["--phases", "examples,coverage,fuzzing", "--max-examples", str(arguments.examples)]
        command += ["--seed", str(arguments.seed), "--continue-on-failure", "--no-shrink", "--request-timeout", "30"]
        command += ["--suppress-health-check", "all", "--generation-database", "none", "--warnings", "off"]
        for name in arguments.operations:
            command += ["--include-operation-id", name]
        try:
            code = schemathesis.cli.schemathesis.main(command, standalone_mode=False)
        except SystemExit as end:
            code = end.code
        return run.report(int(code or 0))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--examples", type=int, required=True)
    parser.add_argument("--report", type=pathlib.Path, required=True)
    parser.add_argument("--contract", type=pathlib.Path)
    parser.add_argument("--url", default="")
    parser.add_argument("operations", nargs="*")
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="vivified-api-") as folder:
        report = attack(arguments, pathlib.Path(folder))
    arguments.report.write_text(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
