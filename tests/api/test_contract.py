"""Thousands of generated requests over the whole contract: nothing undocumented, nothing broken.

Good and bad requests for every operation, made by schemathesis from the contract that Core serves,
against real Cores with real tokens. The operations are dealt out to several Cores; those that end
or take away something share one, so that the others keep what they have. One more Core gets chains
of requests. The seed is printed and can be given again:

    API_SEED=7 make test-api
"""

import collections
import concurrent.futures
import contextlib
import http.server
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import threading
from collections.abc import Iterator

import contract
from cores import running_core
from made import WITHOUT_SUCCESS

HERE = pathlib.Path(__file__).parent
SHARDS = 4
PROVING = bool(os.environ.get("PROVE"))
CASES = 12_000 if PROVING else 5_000
# Generated requests of each operation beyond the examples and the cases that its schema implies.
EXAMPLES = 90 if PROVING else 14
# Chains of requests, in which one uses what another has answered.
CHAINS = 400 if PROVING else 100
TAKES_AWAY = re.compile(r"log_?out|deregister|revoke|suspend|resume|drain|rotate|disable|delete_user|password|mfa|policy|role|user|refresh|restore")


def seed() -> int:
    return int(os.environ.get("API_SEED") or random.SystemRandom().randrange(1_000_000))


def attack(folder: pathlib.Path, name: str, chosen: int, examples: int, operations: list[str], *more: str) -> dict:
    report, log = folder / f"{name}.json", folder / f"{name}.log"
    command = [sys.executable, str(HERE / "attack.py"), "--seed", str(chosen), "--examples", str(examples)]
    with log.open("wb") as output:
        subprocess.run(
            [*command, "--report", str(report), *more, *operations], cwd=folder, stdout=output, stderr=subprocess.STDOUT, timeout=1800, check=False
        )
    text = log.read_text(errors="replace")
    assert report.exists(), text[-4000:]
    return json.loads(report.read_text()) | {"log": text}


def shards(ids: list[str]) -> list[list[str]]:
    """The last one holds what takes something away."""
    quiet = [name for name in ids if not TAKES_AWAY.search(name)]
    return [quiet[number :: SHARDS - 1] for number in range(SHARDS - 1)] + [[name for name in ids if name not in quiet]]


def test_generated_requests_meet_only_what_the_contract_documents(tmp_path: pathlib.Path) -> None:
    with running_core() as core:
        ids = [operation.id for operation in contract.operations(core.document())]
    chosen = seed()
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        runs = [pool.submit(attack, tmp_path, "chains", chosen, CHAINS, [], "--phases", "stateful")]
        for number, names in enumerate(reversed(shards(ids))):
            runs.append(pool.submit(attack, tmp_path, f"shard{number}", chosen + number, EXAMPLES, names))
        reports = [run.result() for run in runs]

    def total(key: str) -> collections.Counter[str]:
        return sum((collections.Counter(report[key]) for report in reports), collections.Counter())

    phases, faults, dropped = total("phases"), total("faults"), total("dropped")
    attacked, succeeded = ({name for report in reports for name in report[key]} for key in ("operations", "succeeded"))
    cases, made = phases.total(), sum(report["made"] for report in reports)
    print(f"seed {chosen}: {cases} cases over {len(attacked)} operations, {dict(phases)}; {made} made to measure")
    print(f"{faults.total()} faults; dropped {dict(dropped)}; Core was installed anew {sum(report['restarts'] for report in reports)} times")
    failed = [report["log"][max(0, report["log"].find("= FAILURES")) :] for report in reports if report["exit"]]
    assert not failed, f"{dict(faults)}\n" + "\n".join(line[:500] for text in failed for line in text.splitlines())
    assert attacked == set(ids)
    assert set(ids) - succeeded == WITHOUT_SUCCESS.keys(), "every operation is reached beyond its refusals"
    assert cases >= CASES


class Careless(http.server.BaseHTTPRequestHandler):
    """Answers as a broken Core would, each path in its own way."""

    protocol_version = "HTTP/1.1"
    document: dict = {}

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("content-length") or 0))
        path = self.path.split("?")[0]
        if path == "/health":
            self.reply(500, "text/html", b"<h1>failed</h1>")
        elif path == "/ready":
            self.reply(200, "application/json", b'{"status": 7}')
        elif path == "/plugins":
            self.reply(418, "application/problem+json", b'{"code": "teapot"}')
        elif path == "/events/types":
            self.reply(404, "application/problem+json", b'{"code": "unknown_user"}')
        elif path == "/storage":
            problem = {"code": "invalid_request", "violations": [{"pointer": "/query", "rule": "none", "message": "no"}]}
            self.reply(400, "application/problem+json", json.dumps(problem).encode())
        else:
            item = self.document["paths"]["/auth/me" if path == "/auth/me" else "/config/{key}"]
            content = item[next(m for m in ("put", "get") if m in item)]["responses"]["200"]["content"]
            self.reply(200, "application/json", json.dumps(content["application/json"]["example"]).encode())

    def reply(self, status: int, media_type: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("content-type", media_type)
        self.send_header("content-length", str(len(body)))
        self.send_header("allow", "GET, PUT, TRACE")
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_PUT = do_POST = do_DELETE = do_PATCH = do_OPTIONS = do_TRACE = answer

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def careless_server(document: dict) -> Iterator[str]:
    handler = type("Handler", (Careless,), {"document": document})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_control_a_server_that_answers_wrongly_is_found_out(tmp_path: pathlib.Path) -> None:
    with running_core() as core:
        document = core.document()
    file = tmp_path / "contract.json"
    file.write_text(json.dumps(document))
    names = ["get_health", "get_ready", "list_plugins", "list_event_types", "list_values", "get_me", "set_config"]
    with careless_server(document) as url:
        report = attack(tmp_path, "control", 1, 10, names, "--url", url, "--contract", str(file))
    assert report["exit"] == 1, report["log"][-3000:]
    wanted = {
        "Undocumented answer: get_health",
        "Undocumented Content-Type: get_health",
        "Response violates schema: get_ready",
        "Undocumented answer: list_plugins",
        "Undocumented answer: list_event_types",
        "Schema-conforming request refused: list_values",
        "Wrong Allow: get_me",
        "API accepts requests without authentication: get_me",
        "Schema-violating request accepted: set_config",
        "Wrong response to undeclared method: get_me",
    }
    assert wanted <= report["faults"].keys(), sorted(report["faults"])
    print(f"control: {len(wanted)} wrong answers planted, all found")
