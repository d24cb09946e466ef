"""Compares durable publishing on the bus of Core with what others reach on the same disk.

One kilobyte each, 1, 16 and 256 publishers, each waiting for its acknowledgement, and every kind
acknowledges only what is synced. The rounds are interleaved and the median counts, so that a noisy
minute of the machine touches all alike. Bounds: within 15 % of bare SQLite with the same group
commit, ten times NATS JetStream with `sync_interval: always`, twice Redis streams with
`appendfsync always`; append and fdatasync stand beside them as the floor of the disk.

NATS comes from the Go module registry and Redis from Debian (`redis-server`). NATS_SERVER and
REDIS_SERVER name other binaries. A peer that is missing is counted as skipped.
"""

import contextlib
import json
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOLS = ROOT / ".cache" / "tools" / "bin"
NATS = "github.com/nats-io/nats-server/v2@v2.11.12"
SECONDS = float(os.environ.get("BENCH_SECONDS", "1.5"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
LEVELS = [1, 16, 256]
LOCAL = ["file", "sqlite", "bus", "delivered"]
NAMES = {
    "file": "append + fdatasync",
    "sqlite": "bare SQLite FULL",
    "bus": "bus",
    "delivered": "bus, one subscription",
    "nats": "NATS JetStream, sync always",
    "redis": "Redis stream, fsync always",
}
# Least ratio of the bus to each.
BOUNDS = {"sqlite": 0.85, "nats": 10.0, "redis": 2.0}


def bench_binary() -> str:
    """Builds the load in release mode; answers the executable."""
    command = ["cargo", "bench", "--package", "vivified-core", "--features", "dev", "--bench", "publish"]
    command += ["--no-run", "--message-format=json-render-diagnostics"]
    built = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    for line in built.splitlines():
        message = json.loads(line)
        if message.get("executable") and message.get("target", {}).get("name") == "publish":
            return message["executable"]
    raise SystemExit("cargo names no executable for the publish benchmark")


def nats_binary() -> str | None:
    if named := os.environ.get("NATS_SERVER"):
        return named
    kept = TOOLS / "nats-server"
    if not kept.exists() and shutil.which("go"):
        environment = {**os.environ, "GOBIN": str(TOOLS), "GOFLAGS": "", "GOTOOLCHAIN": "local"}
        subprocess.run(["go", "install", NATS], env=environment, check=False, capture_output=True)
    return str(kept) if kept.exists() else None


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for_port(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise SystemExit(f"nothing listens on port {port}")


@contextlib.contextmanager
def started(command: list[str], log: pathlib.Path):
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


@contextlib.contextmanager
def peer(kind: str, binary: str, folder: pathlib.Path):
    """Runs a server over an empty folder; answers its address."""
    port = free_port()
    if kind == "nats":
        config = folder / "nats.conf"
        config.write_text(f'listen: 127.0.0.1:{port}\njetstream {{ store_dir: "{folder}/js", sync_interval: always }}\n')
        command = [binary, "-c", str(config)]
    else:
        command = [binary, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
        command += ["--save", "", "--appendonly", "yes", "--appendfsync", "always"]
    with started(command, folder / "log"):
        wait_for_port(port)
        yield f"127.0.0.1:{port}"


def measure(binary: str, kind: str, publishers: int, servers: dict[str, str], base: pathlib.Path) -> dict:
    """One run over empty files; answers acknowledgements a second and the wait for them."""
    with tempfile.TemporaryDirectory(dir=base) as place, contextlib.ExitStack() as stack:
        where = place
        if kind in servers:
            where = stack.enter_context(peer(kind, servers[kind], pathlib.Path(place)))
        words = [binary, kind, str(publishers), str(SECONDS), where]
        done = subprocess.run(words, check=True, stdout=subprocess.PIPE, text=True)
    result = json.loads(done.stdout)
    result["rate"] = result["acks"] / result["seconds"]
    return result


def main() -> int:
    binary = bench_binary()
    servers = {kind: found for kind, found in (("nats", nats_binary()), ("redis", os.environ.get("REDIS_SERVER") or shutil.which("redis-server"))) if found}
    for kind in ("nats", "redis"):
        if kind not in servers:
            print(f"skipped: {NAMES[kind]} is not installed")
    # On the disk of the workspace: temporary folders may be memory, where a sync costs nothing.
    base = ROOT / "target" / "bench-publish"
    base.mkdir(parents=True, exist_ok=True)
    kinds = [*LOCAL, *servers]
    missed = False
    print(f"{'':30}" + "".join(f"{level:>10} p50 ms p99 ms" for level in LEVELS))
    table: dict[str, list[dict]] = {kind: [] for kind in kinds}
    for level in LEVELS:
        runs: dict[str, list[dict]] = {kind: [] for kind in kinds}
        for _ in range(ROUNDS):
            for kind in kinds:
                runs[kind].append(measure(binary, kind, level, servers, base))
        for kind in kinds:
            table[kind].append({key: statistics.median(run[key] for run in runs[kind]) for key in ("rate", "p50_us", "p99_us")})
    for kind in kinds:
        cells = "".join(f"{cell['rate']:>10.0f} {cell['p50_us'] / 1e3:6.2f} {cell['p99_us'] / 1e3:6.2f}" for cell in table[kind])
        print(f"{NAMES[kind]:30}{cells}")
    for kind, bound in BOUNDS.items():
        if kind in table:
            ratios = [ours["rate"] / theirs["rate"] for ours, theirs in zip(table["bus"], table[kind], strict=True)]
            good = min(ratios) >= bound
            missed |= not good
            print(f"bus to {NAMES[kind]}: " + ", ".join(f"{ratio:.2f}" for ratio in ratios) + f" (at least {bound}) {'ok' if good else 'MISSED'}")
    shutil.rmtree(base, ignore_errors=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
