"""How the driver of each language is started; a driver runs the steps of one case file."""

import functools
import pathlib
import subprocess
import sys

DRIVERS_FOLDER = pathlib.Path(__file__).parent / "drivers"


def python() -> list[str]:
    return [sys.executable, str(DRIVERS_FOLDER / "python" / "driver.py")]


def node() -> list[str]:
    return ["node", str(DRIVERS_FOLDER / "node" / "driver.mjs")]


@functools.cache
def build_go() -> str:
    """Builds the driver once, outside the sources."""
    root = pathlib.Path(__file__).resolve().parents[2]
    program = root / "target" / "sdk" / "go-driver"
    subprocess.run(["go", "build", "-o", str(program), "."], cwd=DRIVERS_FOLDER / "go", check=True)
    return str(program)


def go() -> list[str]:
    return [build_go()]


DRIVERS = {"python": python, "node": node, "go": go}
