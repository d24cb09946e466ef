"""House rules that matter, as checks with the remedy in the failure.

- versions in the lock files stay above the floors, and refused packages stay out;
- no hand-written source is longer than a reader can hold;
- no word stands for something unfinished, no path of one machine, no gate that swallows a failure;
- every figure of zero here has a control: each check is first shown something it must refuse.
"""

import json
import pathlib
import re
import subprocess
import sys
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = "tests/house/"
SOURCES = {".rs", ".py", ".ts", ".mjs", ".go", ".sh", ".tera"}
LONGEST = 600
UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX)\b|\b(todo|unimplemented)!\(|\bnot implemented yet\b")
MACHINE = re.compile(r"(?<![\w.])/(work|farm|root|Users)/")
SWALLOWED = re.compile(r"\|\|\s*(true|:)\s*$", re.M)


def version(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", text.split("-")[0].split("+")[0])[:3])


def locked() -> dict[str, list[tuple[str, str]]]:
    """(name, version) of every locked package, by registry."""
    cargo = tomllib.loads((ROOT / "Cargo.lock").read_text())["package"]
    pins = re.findall(r"^([A-Za-z0-9_.-]+)(?:\[[^\]]*\])?==([^ \\]+)", (ROOT / "tools/python/requirements.lock").read_text(), re.M)
    node = json.loads((ROOT / "generated/node/package-lock.json").read_text())["packages"]
    return {
        "crates": [(entry["name"], entry["version"]) for entry in cargo],
        "python": [(name.lower(), pin) for name, pin in pins],
        "node": [(path.rsplit("node_modules/", 1)[-1], entry["version"]) for path, entry in node.items() if path],
    }


def below_floor(packages: dict[str, list[tuple[str, str]]], floors: dict) -> list[str]:
    found = []
    for registry in ("crates", "python", "node"):
        for name, present in packages[registry]:
            floor = floors[registry].get(name)
            if floor and version(present) < version(floor):
                found.append(f"{registry}: {name} {present} is below {floor}; update the lock file")
            if name in floors["refused"][registry]:
                found.append(f"{registry}: {name} is refused; find what pulls it in and leave that out")
    return found


def faults(path: str, text: str) -> list[str]:
    """What is wrong with one hand-written file."""
    found = []
    suffix = pathlib.PurePath(path).suffix
    lines = text.count("\n")
    if suffix in SOURCES and lines > LONGEST:
        found.append(f"{path}: {lines} lines; find the second idea in it and give it a file")
    if match := UNFINISHED.search(text):
        found.append(f"{path}: says {match[0]!r}; finish it or leave it out")
    if match := MACHINE.search(text):
        found.append(f"{path}: holds {match[0]!r}, a path of one machine")
    if suffix in {".sh", ".yml", ".yaml", ""} and SWALLOWED.search(text):
        found.append(f"{path}: a gate swallows a failure")
    return found


def control(floors: dict) -> None:
    """Every check refuses what it must."""
    bad = {"crates": [("h2", "0.4.1"), ("rsa", "0.9.10")], "python": [("pyjwt", "2.4.0")], "node": [("axios", "0.30.4")]}
    assert len(below_floor(bad, floors)) == 4
    word = "TO" + "DO"
    assert faults("a.rs", "\n" * (LONGEST + 1)) and faults("a.py", f"# {word}: later\n")
    assert faults("a.md", "see /wo" + "rk/x\n") and faults("a.sh", "check |" + "| true\n")
    assert not faults("a.rs", "fn main() {}\n")


def main() -> int:
    floors = tomllib.loads((ROOT / HERE / "floors.toml").read_text())
    control(floors)
    found = below_floor(locked(), floors)
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    checked = 0
    for path in tracked.splitlines():
        file = ROOT / path
        if path.startswith(("generated/", HERE)) or "/cases/" in path or not file.is_file():
            continue
        if path.endswith((".lock", "package-lock.json")) or path == "LICENSE":
            continue
        checked += 1
        found += faults(path, file.read_text(errors="replace"))
    print(f"{checked} files and {sum(len(packages) for packages in locked().values())} locked packages, {len(found)} faults; the control was refused")
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
