"""Times the build: a clean debug build of the workspace, and one in which nothing changed.

Prints seconds of wall clock and of processor for each, beside its limit. The clean build goes to
a folder of its own and is removed afterwards.
"""

import os
import pathlib
import resource
import shutil
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TARGET = ROOT / "target" / "bench-build"
LIMITS = {"clean debug build": 360.0, "build without a change": 2.0}


def build() -> tuple[float, float]:
    """Builds the workspace; returns seconds of wall clock and of processor."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    environment = {**os.environ, "CARGO_TARGET_DIR": str(TARGET)}
    subprocess.run(["cargo", "build", "--workspace", "--quiet"], cwd=ROOT, env=environment, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return time.monotonic() - started, processor


def main() -> int:
    shutil.rmtree(TARGET, ignore_errors=True)
    print(f"{'':24} {'wall s':>8} {'cpu s':>8} {'limit s':>8}", flush=True)
    missed = False
    for name, limit in LIMITS.items():
        wall, processor = build()
        print(f"{name:24} {wall:8.1f} {processor:8.1f} {limit:8.1f}", flush=True)
        missed |= wall > limit
    shutil.rmtree(TARGET, ignore_errors=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
