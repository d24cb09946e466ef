"""Cold start and idle memory of the release binary, beside their limits.

Cold start: from exec to the line that says where it listens, on a fresh data folder, the middle of
several. Idle memory: resident, after the start and one request for each of the public operations.
"""

import pathlib
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = ROOT / "target" / "release" / "vivified-core"
ROUNDS = 9
LIMITS = {"cold start, ms": 150.0, "idle memory, MB": 40.0}


def certificate(folder: pathlib.Path) -> None:
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-keyout", "key.pem", "-out", "cert.pem", "-days", "1", "-subj", "/CN=localhost"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    (folder / "key.pem").chmod(0o600)


def start(folder: pathlib.Path, data: str) -> tuple[subprocess.Popen, str, float]:
    command = [BINARY, "--listen", "127.0.0.1:0", "--data-dir", folder / data]
    command += ["--tls-cert", folder / "cert.pem", "--tls-key", folder / "key.pem"]
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    for line in process.stdout:
        if "ready at " in line:
            return process, line.split("ready at ")[1].strip(), (time.monotonic() - started) * 1000
    raise SystemExit("Core did not start")


def resident(process: subprocess.Popen) -> float:
    for line in pathlib.Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024 / 1e6
    raise SystemExit("no figure of memory")


def main() -> int:
    subprocess.run(["cargo", "build", "--release", "--quiet", "--package", "vivified-core"], cwd=ROOT, check=True)
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # its own certificate, on loopback
    times, memory = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        certificate(folder)
        for number in range(ROUNDS):
            process, url, elapsed = start(folder, f"data{number}")
            times.append(elapsed)
            for path in ("/health", "/ready", "/.well-known/jwks.json"):
                urllib.request.urlopen(url + path, context=context).read()
            memory.append(resident(process))
            process.terminate()
            process.wait()
    missed = False
    figures = {"cold start, ms": statistics.median(times), "idle memory, MB": max(memory)}
    for name, figure in figures.items():
        print(f"{name:24} {figure:8.1f} {LIMITS[name]:8.1f}")
        missed |= figure > LIMITS[name]
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
