"""Takes every code block with a checked language out of the docs and type-checks it.

Usage: samples.py OUTPUT FOLDER...
"""

import json
import pathlib
import re
import subprocess
import sys
import textwrap

ROOT = pathlib.Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^(?P<indent> *)```(?P<language>[a-z]+)[^\n]*\n(?P<code>.*?)^(?P=indent)```", re.M | re.S)
SUFFIXES = {"python": "py", "typescript": "ts", "go": "go"}


def blocks(folders: list[str]) -> list[tuple[str, str, str]]:
    """(language, name, code) of every block whose language is checked."""
    found = []
    for folder in folders:
        for page in sorted(pathlib.Path(folder).rglob("*.md")):
            stem = re.sub(r"[^a-z0-9]+", "_", str(page.with_suffix("")).lower()).strip("_")
            for number, match in enumerate(FENCE.finditer(page.read_text())):
                if match["language"] in SUFFIXES:
                    code = textwrap.dedent(match["code"])
                    found.append((match["language"], f"{stem}_{number}", code))
    return found


def write(output: pathlib.Path, found: list[tuple[str, str, str]]) -> None:
    for language, name, code in found:
        folder = output / language
        path = folder / name / "main.go" if language == "go" else folder / f"{name}.{SUFFIXES[language]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code)
    (output / "typescript" / "package.json").write_text('{"type": "module", "private": true}\n')
    options = {
        "strict": True,
        "noEmit": True,
        "module": "nodenext",
        "moduleResolution": "nodenext",
        "target": "es2022",
        "skipLibCheck": True,
        "types": ["node"],
        "typeRoots": [str(ROOT / "target/sdk/node/node_modules/@types")],
    }
    (output / "typescript" / "tsconfig.json").write_text(json.dumps({"compilerOptions": options, "include": ["*.ts"]}))
    package = json.loads((ROOT / "target/sdk/node/package.json").read_text())["name"]
    link = output / "typescript" / "node_modules" / package
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(ROOT / "target/sdk/node")
    sdk = ROOT / "target/sdk/go"
    module = re.search(r"^module (\S+)", (sdk / "go.mod").read_text(), re.M)
    assert module, "go.mod names no module"
    version = re.search(r"^go (\S+)", (sdk / "go.mod").read_text(), re.M)
    assert version, "go.mod names no Go version"
    (output / "go" / "go.mod").write_text(
        f"module samples\n\ngo {version[1]}\n\nrequire {module[1]} v0.0.0\n\nreplace {module[1]} => {sdk}\n"
    )


def main() -> int:
    output = pathlib.Path(sys.argv[1]).resolve()
    found = blocks(sys.argv[2:])
    write(output, found)
    counts = {language: sum(1 for block in found if block[0] == language) for language in SUFFIXES}
    print(", ".join(f"{count} {language}" for language, count in counts.items()), "samples")
    if not all(counts.values()):
        print("a language has no samples at all")
        return 1
    checks = [
        ([sys.executable, "-m", "mypy", "--strict", "--scripts-are-modules", "."], output / "python"),
        ([str(ROOT / "target/sdk/node/node_modules/.bin/tsc"), "--project", "."], output / "typescript"),
        (["go", "vet", "./..."], output / "go"),
    ]
    failed = [command[0] for command, folder in checks if subprocess.run(command, cwd=folder, check=False).returncode]
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
