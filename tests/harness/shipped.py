"""The program as it ships: without the development feature."""

import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]


def build() -> pathlib.Path:
    """Builds it, unless `VIVIFIED_CORE` names a binary. It lies where the other build lay."""
    if named := os.environ.get("VIVIFIED_CORE"):
        return pathlib.Path(named)
    command = ["cargo", "build", "--quiet", "--package", "vivified-core", "--no-default-features"]
    subprocess.run(command, cwd=ROOT, check=True)
    return pathlib.Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "debug" / "vivified-core"
