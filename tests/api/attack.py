"""One run of generated requests against one Core; writes what it saw as JSON.

    attack.py --seed N --examples N --phases NAMES --report FILE [--contract FILE --url URL] OPERATION...

Runs schemathesis on the named operations of the contract that Core serves. With --url no Core is
started: the control aims the same checks at a server that answers wrongly.
"""

import argparse
import contextlib
import json
import logging
import pathlib
import random
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "harness")]

import schemathesis.cli
from callers import Callers
from chains import link
from hooks import Hooks
from peer import running_peer

CHECKS = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
    "ignored_auth",
    "use_after_free",
    "ensure_resource_availability",
    "documented_answer",
    "good_request_is_taken",
]


def attack(arguments: argparse.Namespace, folder: pathlib.Path) -> dict:
    rng = random.Random(arguments.seed)
    chains = arguments.phases == "stateful"
    with contextlib.ExitStack() as stack:
        callers = None
        if arguments.url:
            document = json.loads(arguments.contract.read_text())
        else:
            peer = stack.enter_context(running_peer())
            # What one plugin keeps is not there for another: a chain has one plugin.
            callers = Callers(folder, peer.address, rng, plugins=1 if chains else 6)
            stack.callback(callers.core.stop)
            document = callers.core.document()
        hooks = Hooks(document, callers, rng)
        hooks.register()
        if chains:
            link(document)
        file = folder / "openapi.json"
        file.write_text(json.dumps(document))
        command = ["--config-file", str(HERE / "schemathesis.toml"), "run", str(file)]
        command += ["--url", arguments.url or callers.core.url, "--checks", ",".join(CHECKS)]
        command += ["--phases", arguments.phases, "--max-examples", str(arguments.examples)]
        command += ["--seed", str(arguments.seed), "--continue-on-failure", "--no-shrink", "--request-timeout", "30"]
        command += ["--suppress-health-check", "all", "--generation-database", "none", "--warnings", "off"]
        for name in arguments.operations:
            command += ["--include-operation-id", name]
        try:
            code = schemathesis.cli.schemathesis.main(command, standalone_mode=False)
        except SystemExit as end:
            code = end.code
        return hooks.report(int(code or 0))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--examples", type=int, required=True)
    parser.add_argument("--phases", default="examples,coverage,fuzzing")
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
