"""Egress against the network itself: the production build in a private network namespace.

Every address of the far side is a canary that counts who connects. `VIVIFIED_CORE` names another
binary to test. Where the vectors or the namespaces are missing the test says so and stops.
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "harness"))

import shipped  # noqa: E402

ROOT = HERE.parents[1]
VECTORS = ROOT.parent / "shared" / "data" / "ssrf-vectors.json"
NAMES = ["api.partner.test", "*.cdn.partner.test", "xn--bcher-kva.test"]


def main() -> int:
    missing = obstacle()
    if missing:
        print(f"skipped: {missing}")
        return 0
    binary = str(shipped.build())
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        make_certificates(folder)
        command = ["unshare", "-rn", sys.executable, str(HERE / "near_side.py"), binary, str(folder), str(VECTORS)]
        return subprocess.run(command, check=False).returncode


def obstacle() -> str | None:
    """Why the test cannot run here."""
    if not VECTORS.exists():
        return "the vectors are not at ../shared/data/ssrf-vectors.json"
    for tool in ("unshare", "ip", "openssl"):
        if not shutil.which(tool):
            return f"{tool} is not installed"
    trial = "ip link set lo up && ip link add near type veth peer name far"
    if subprocess.run(["unshare", "-rn", "sh", "-c", trial], capture_output=True, check=False).returncode:
        return "private network namespaces cannot be made here"
    return None


def make_certificates(folder: pathlib.Path) -> None:
    """An authority, certificates it signed, and one that nobody signed."""
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    authority = ["-subj", "/CN=test authority", "-addext", "basicConstraints=critical,CA:TRUE"]
    openssl(folder, ["req", "-x509", *curve, *authority, "-keyout", "roots.key", "-out", "roots.pem"])
    listed = {"good": NAMES, "wrong-name": ["other.test"], "self-signed": NAMES, "core": ["localhost", "IP:127.0.0.1"]}
    for name, hosts in listed.items():
        joined = ",".join(host if host.startswith("IP:") else f"DNS:{host}" for host in hosts)
        subject = ["-subj", f"/CN={name}", "-addext", f"subjectAltName={joined}", "-addext", "basicConstraints=critical,CA:FALSE"]
        signer = [] if name == "self-signed" else ["-CA", "roots.pem", "-CAkey", "roots.key"]
        openssl(folder, ["req", "-x509", *curve, *subject, *signer, "-keyout", f"{name}.key", "-out", f"{name}.pem"])
        (folder / f"{name}.key").chmod(0o600)


def openssl(folder: pathlib.Path, words: list[str]) -> None:
    subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)


if __name__ == "__main__":
    sys.exit(main())
