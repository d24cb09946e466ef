"""Runs every benchmark, each with its own table, and says at the end which limits were missed.

Exits 1 when a limit was missed or a benchmark could not run. Names on the command line run only
those.
"""

import pathlib
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
CARGO = ["cargo", "bench", "--quiet", "--package"]
BENCHMARKS = {
    "compiler": [*CARGO, "vivified-codegen", "--bench", "floor"],
    "manifest": [*CARGO, "vivified-contract", "--bench", "manifest"],
    "audit": [*CARGO, "vivified-core", "--bench", "audit"],
    "policy": [*CARGO, "vivified-core", "--bench", "policy"],
    "start": [sys.executable, "tests/bench/start.py"],
    "gateway": [sys.executable, "tests/bench/gateway.py"],
    "publish": [sys.executable, "tests/bench/publish.py"],
    "build": [sys.executable, "tests/bench/build.py"],
}


def main() -> int:
    wanted = sys.argv[1:] or list(BENCHMARKS)
    unknown = [name for name in wanted if name not in BENCHMARKS]
    if unknown:
        print(f"no benchmark is named {', '.join(unknown)}; there are {', '.join(BENCHMARKS)}", file=sys.stderr)
        return 2
    missed = []
    for number, name in enumerate(wanted, 1):
        print(f"\n[{number}/{len(wanted)}] {name}", flush=True)
        started = time.monotonic()
        if subprocess.run(BENCHMARKS[name], cwd=ROOT).returncode:
            missed.append(name)
        print(f"({time.monotonic() - started:.0f} s)", flush=True)
    print(f"\nlimits missed: {', '.join(missed)}" if missed else "\nevery limit is kept")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
