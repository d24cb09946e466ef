"""Compares durable publishing on the bus of Core with what others reach on the same disk.

One kilobyte each, 1, 16 and 256 publishers, each waiting for its acknowledgement, and every kind
acknowledges only what is synced. The rounds are interleaved and the median counts, so that a noisy
minute of the machine touches all alike.

Like is held against like. Bare SQLite is a loop with the same group commit in the process of the
load, so the bus is called there too, without HTTP: within 15 %. The servers are asked over their
protocols, so Core is the release binary asked over HTTP, with token, policy, schema and two audit
records for each event: ten times NATS JetStream with `sync_interval: always`, twice Redis streams
with `appendfsync always`. Append and fdatasync stand beside them as the floor of the disk.

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
sys.path.insert(0, str(ROOT / "tests" / "scenarios"))
from core_process import CoreProcess, answers, free_port  # noqa: E402

TOOLS = ROOT / ".cache" / "tools" / "bin"
NATS = "github.com/nats-io/nats-server/v2@v2.11.12"
SECONDS = float(os.environ.get("BENCH_SECONDS", "1.5"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
LEVELS = [1, 16, 256]
LOCAL = ["file", "sqlite", "bus", "delivered"]
RATES = ["address", "lane"]
MANIFEST = {
    "id": "writer",
    "name": "Writer",
    "version": "1.0.0",
    "contracts": ["vivified/1"],
    "traits": ["event_publisher"],
    "security": {"authentication_required": True, "data_classification": ["internal"]},
    "compliance": {"hipaa_controls": [], "audit_level": "standard"},
    "events": {"publishes": [{"event_type": "Note", "schema": {"type": "object", "properties": {"text": {"type": "string"}}}}]},
}
NAMES = {
    "file": "append + fdatasync",
    "sqlite": "bare SQLite FULL",
    "bus": "bus, no HTTP",
    "delivered": "bus, no HTTP, a subscription",
    "core": "Core over HTTP, audited",
    "nats": "NATS JetStream, sync always",
    "redis": "Redis stream, fsync always",
}
# What is held against what, and the least ratio; none where a figure is only shown.
RATIOS = [("bus", "sqlite", 0.85), ("core", "nats", 10.0), ("core", "redis", 2.0), ("core", "bus", None), ("sqlite", "nats", None), ("sqlite", "redis", None)]


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


def wait_for_port(port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise SystemExit(f"nothing listens on port {port}")


@contextlib.contextmanager
def started(command: list[str], log: pathlib.Path, environment: dict[str, str] | None = None):
    with log.open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output, env={**os.environ, **(environment or {})})
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


@contextlib.contextmanager
def peer(kind: str, binary: str, folder: pathlib.Path):
    """Runs a server over an empty folder; answers its address."""
    port = free_port()
    environment = {}
    if kind == "nats":
        config = folder / "nats.conf"
        config.write_text(f'listen: 127.0.0.1:{port}\njetstream {{ store_dir: "{folder}/js", sync_interval: always }}\n')
        command = [binary, "-c", str(config)]
    elif kind == "redis":
        command = [binary, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)]
        command += ["--save", "", "--appendonly", "yes", "--appendfsync", "always"]
    else:
        command = [binary, "--listen", f"127.0.0.1:{port}", "--data-dir", str(folder / "data")]
        environment = {"DEV_MODE": "true", "VIVIFIED_LIMITS_CONNECTIONS_PER_ADDRESS": "1024"}
        # One plugin on one address publishes more than anybody usually may.
        environment |= {f"VIVIFIED_RATES_{rate.upper()}_{part}": "1000000" for rate in RATES for part in ("PER_SECOND", "BURST")}
    with started(command, folder / "log", environment):
        wait_for_port(port)
        if kind == "core":
            while not answers(f"http://127.0.0.1:{port}/ready"):
                time.sleep(0.02)
            yield f"127.0.0.1:{port} {CoreProcess(f'http://127.0.0.1:{port}').register(MANIFEST)}"
        else:
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


def find_servers() -> dict[str, str]:
    """The binaries of Core and of the peers that are there."""
    subprocess.run(["cargo", "build", "--release", "--quiet", "--package", "vivified-core", "--features", "dev"], cwd=ROOT, check=True)
    found = {
        "core": str(ROOT / "target/release/vivified-core"),
        "nats": nats_binary(),
        "redis": os.environ.get("REDIS_SERVER") or shutil.which("redis-server"),
    }
    return {kind: binary for kind, binary in found.items() if binary}


def main() -> int:
    binary, servers = bench_binary(), find_servers()
    # On the disk of the workspace: temporary folders may be memory, where a sync costs nothing.
    base = ROOT / "target" / "bench-publish"
    base.mkdir(parents=True, exist_ok=True)
    kinds = [kind for kind in NAMES if kind in LOCAL or kind in servers]
    table: dict[str, list[dict]] = {kind: [] for kind in kinds}
    for level in LEVELS:
        runs: dict[str, list[dict]] = {kind: [] for kind in kinds}
        for _ in range(ROUNDS):
            for kind in kinds:
                runs[kind].append(measure(binary, kind, level, servers, base))
        for kind in kinds:
            table[kind].append({key: statistics.median(run[key] for run in runs[kind]) for key in ("rate", "p50_us", "p99_us")})
    shutil.rmtree(base, ignore_errors=True)
    return report(table)


def report(table: dict[str, list[dict]]) -> int:
    print(f"{'publishers':30}" + "".join(f"{level:>10} p50 ms p99 ms" for level in LEVELS))
    for kind, cells in table.items():
        print(f"{NAMES[kind]:30}" + "".join(f"{cell['rate']:>10.0f} {cell['p50_us'] / 1e3:6.2f} {cell['p99_us'] / 1e3:6.2f}" for cell in cells))
    print(f"\n{'ratio of acknowledgements/s':62}" + "".join(f"{level:>9}" for level in LEVELS))
    held = missed = 0
    for ours, theirs, bound in RATIOS:
        if ours not in table or theirs not in table:
            continue
        ratios = [one["rate"] / other["rate"] for one, other in zip(table[ours], table[theirs], strict=True)]
        misses = sum(bound is not None and ratio < bound for ratio in ratios)
        mark = "    " if bound is None else "MISS" if misses else "ok  "
        wanted = "" if bound is None else f"  >= {bound}"
        print(f"{mark} {NAMES[ours] + ' / ' + NAMES[theirs]:57}" + "".join(f"{ratio:9.2f}" for ratio in ratios) + wanted)
        missed += misses
        held += 0 if bound is None else len(ratios) - misses
    skipped = [name for kind, name in NAMES.items() if kind not in table]
    for name in skipped:
        print(f"skip {name} is not installed")
    print(f"{held} of {held + missed} bounds hold, {len(skipped)} peers skipped")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
