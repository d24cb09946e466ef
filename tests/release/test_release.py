"""Development mode cannot reach production: what ships neither holds it nor starts in it.

The development build is the control: what must be absent from the one is found in the other, and
of all ways to start the three only one is development mode.
"""

import contextlib
import http.client
import itertools
import os
import pathlib
import select
import shutil
import subprocess
import time
from collections.abc import Iterator

import certificates
import cores
import pytest
import shipped
import wire

# Its user and password, its option and variable, its faults, its banner.
WORDS = ["bootstrap_admin_only", "egress-stub", "VIVIFIED_EGRESS_STUB", "egress stubs are for", "vivified-dev-mode"]
# What every build says, so that a scan which reads nothing is seen.
COMMON = "set-up code for the first administrator"

BINDS = ["127.0.0.1", "0.0.0.0", "[::]"]
FLAGS = ["true", "1", None]
STARTS = ["development build", "shipped build", "shipped build with certificates"]
PATIENCE = 30.0


@pytest.fixture(scope="module")
def binaries(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pathlib.Path]:
    """Both builds, copied because one takes the place of the other."""
    folder = tmp_path_factory.mktemp("binaries")
    developed = shutil.copy(cores.ROOT / "target" / "debug" / "vivified-core", folder / "developed")
    return {"developed": developed, "shipped": shutil.copy(shipped.build(), folder / "shipped")}


def held(binary: pathlib.Path, words: list[str]) -> list[str]:
    octets = binary.read_bytes()
    return [word for word in words if word.encode() in octets]


def test_what_ships_holds_no_word_of_development_mode(binaries: dict[str, pathlib.Path]) -> None:
    found = {name: held(binary, WORDS) for name, binary in binaries.items()}
    print(
        f"{len(WORDS)} words of development mode: {len(found['developed'])} in its build, {len(found['shipped'])} in what ships"
    )
    assert found["developed"] == WORDS, "control"
    assert held(binaries["shipped"], [COMMON]) == [COMMON], "control"
    assert not found["shipped"]


@contextlib.contextmanager
def started(command: list[str], environment: dict[str, str]) -> Iterator[str]:
    """What the process says up to its ready line or its end."""
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert process.stdout
    said, deadline = b"", time.monotonic() + PATIENCE
    try:
        while b"ready at" not in said and select.select([process.stdout], [], [], deadline - time.monotonic())[0]:
            if not (piece := os.read(process.stdout.fileno(), 4096)):
                break
            said += piece
        yield said.decode()
    finally:
        process.kill()
        process.wait()


def mode(binary: pathlib.Path, start: str, bind: str, flag: str | None, folder: pathlib.Path) -> str:
    """`development`, `production` or `refused`, by what a client meets."""
    folder.mkdir()
    port = wire.free_port()
    command = [str(binary), "--listen", f"{bind}:{port}", "--data-dir", str(folder / "data")]
    if start.endswith("certificates"):
        files = certificates.make(folder)
        command += ["--tls-cert", str(files.certificate), "--tls-key", str(files.key)]
    environment = {"PATH": os.environ["PATH"]} | ({"DEV_MODE": flag} if flag else {})
    with started(command, environment) as said:
        if "ready at" not in said:
            return "refused"
        try:
            answer = wire.exchange(f"http://127.0.0.1:{port}", "GET", "/health")
        except (OSError, http.client.HTTPException):
            return "production"
        return "development" if "vivified-dev-mode" in answer.headers else "plain"


def test_development_mode_needs_its_build_its_flag_and_loopback(
    binaries: dict[str, pathlib.Path], tmp_path: pathlib.Path
) -> None:
    modes = {}
    for number, cell in enumerate(itertools.product(STARTS, BINDS, FLAGS)):
        start, bind, flag = cell
        binary = binaries["shipped" if start.startswith("shipped") else "developed"]
        modes[cell] = mode(binary, start, bind, flag, tmp_path / str(number))
    allowed = [cell for cell, found in modes.items() if found == "development"]
    print(
        f"{len(modes)} ways to start: {len(allowed)} in development mode, {list(modes.values()).count('refused')} refused"
    )
    assert allowed == [("development build", "127.0.0.1", "true")]
    with_certificates = {cell for cell in modes if cell[0].endswith("certificates") and cell[2] is None}
    assert {cell for cell, found in modes.items() if found == "production"} == with_certificates, modes
    assert "plain" not in modes.values(), modes
