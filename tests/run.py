#!/usr/bin/env python3
"""Runs every test target of the Makefile and prints what ran, what failed and what was skipped.

`--prove` runs the long forms instead: the same steps with full counts, set by PROVE in the
environment of each. A step skips a check by printing a line that starts with `skipped:` and a reason. With NO_SKIP set
in the environment a skip counts as a failure. The whole output of each step is kept in .cache/logs.
"""

import os
import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
LOGS = ROOT / ".cache" / "logs"
STEPS = [
    ("test-house", "house rules and version floors"),
    ("test-rust", "Rust: format, lints, tests"),
    ("test-oracle", "the policy against an independent engine"),
    ("test-drift", "drift: the gate and check"),
    ("test-manifests", "manifests under plugins/"),
    ("test-deploy", "deployment files"),
    ("test-python", "Python SDK and sample plugin"),
    ("test-node", "Node SDK"),
    ("test-go", "Go SDK"),
    ("test-strangers", "documents nobody here wrote"),
    ("test-hostile", "hostile text in documents"),
    ("test-docs", "docs site and samples"),
    ("test-scenarios", "scenarios in three languages"),
    ("test-egress", "egress in a private network"),
    ("test-release", "development mode in nothing that ships"),
    ("test-smoke", "smoke flow on make up"),
    ("test-identities", "identities on the lanes"),
    ("test-edge", "the edge: ambiguous messages, slow clients, floods"),
    ("test-api", "generated requests over the whole contract"),
    ("test-durability", "kills, power cuts, failing and full disks"),
    ("test-canary", "personal data in nothing that operators read"),
    ("test-coverage", "coverage of the command line"),
]
# Long forms: the step runs with PROVE=1 in its environment and takes its full counts from it.
PROOFS = [
    ("test-oracle", "the policy against an independent engine"),
    ("test-audit", "tampering with the audit log"),
    ("test-drain", "stops under load"),
    ("test-identities", "identities on the lanes"),
    ("test-edge", "the edge: ambiguous messages, slow clients, floods"),
    ("test-api", "generated requests over the whole contract"),
    ("test-durability", "kills, power cuts, failing and full disks"),
]


def run(target: str) -> tuple[bool, float, list[str], pathlib.Path]:
    """Runs one target; returns success, seconds, skip reasons and the log."""
    log = LOGS / f"{target}.log"
    started = time.monotonic()
    with log.open("w") as output:
        result = subprocess.run(
            ["make", "--no-print-directory", target],
            cwd=ROOT,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
    lines = log.read_text(errors="replace").splitlines()
    skips = [line.removeprefix("skipped:").strip() for line in lines if line.startswith("skipped:")]
    return result.returncode == 0, time.monotonic() - started, skips, log


def main() -> int:
    strict = bool(os.environ.get("NO_SKIP"))
    proving = "--prove" in sys.argv
    if proving:
        os.environ["PROVE"] = "1"
    wanted = set(sys.argv[1:]) - {"--prove"}
    steps = [step for step in (PROOFS if proving else STEPS) if not wanted or step[0] in wanted]
    LOGS.mkdir(parents=True, exist_ok=True)
    failed: list[str] = []
    skipped: list[tuple[str, str]] = []
    started = time.monotonic()
    for number, (target, title) in enumerate(steps, 1):
        print(f"[{number:2}/{len(steps)}] {title} ...", end="", flush=True)
        passed, seconds, skips, log = run(target)
        skipped += [(target, reason) for reason in skips]
        if strict and skips:
            passed = False
        print(f" {'ok' if passed else 'FAILED'} ({seconds:.0f} s)", flush=True)
        if not passed:
            failed.append(target)
            print("".join(f"    {line}\n" for line in log.read_text(errors="replace").splitlines()[-60:]))
    print(f"\n{len(steps) - len(failed)} of {len(steps)} steps passed in {time.monotonic() - started:.0f} s")
    for target, reason in skipped:
        print(f"skipped in {target}: {reason}")
    if not skipped:
        print("nothing was skipped")
    for target in failed:
        print(f"failed: {target} (log: .cache/logs/{target}.log; again: make {target})")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
