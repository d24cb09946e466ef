"""Text of a spec cannot leave its place in generated code.

Every payload is put into every place of a document where free text may stand. The output is then
compared with that of a harmless twin: the syntax trees of all four languages must be equal but for
string constants and comments, and both must have the same files. A control proves that the
comparison can fail: code that a careless generator would emit is told apart.
"""

import ast
import json
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORK = ROOT / "target" / "hostile"
HERE = pathlib.Path(__file__).parent
CODEGEN = ROOT / "target" / "debug" / "codegen"

PAYLOADS = [
    '"""\nimport os\nos.system("true")\n"""',
    "'''\nimport os\n'''",
    "ends with a backslash\\",
    "*/ evil(); /*",
    "*/\nfunc init() { panic(1) }\n/*",
    "\nevil()\n",
    "\r\nevil()\r\n",
    "\u2028evil()\u2029evil()",
    "${process.exit(1)}",
    "`;evil();`",
    "{{ evil }}{% raw %}{# x #}",
    "</script><script>alert(1)</script>",
    "#{evil}",
    "%s%n%d",
    "nul\x01\x7f\x85",
    "\ufeffbom",
    "\u202eevil\u2066 bidi",
    "# -*- coding: utf-7 -*-",
    "\n//go:embed /etc/passwd\nvar x string\n",
    "\n//go:generate evil\n",
    "\n//go:linkname a b\n",
    "\n//line evil.go:1\n",
    '\n*/\nimport "C"\n/*',
    '`json:"x"`',
    '/// <reference path="evil" />',
    "// @ts-nocheck",
    "//# sourceMappingURL=evil",
    "__proto__",
    '", "scripts": {"preinstall": "evil"}, "x": "',
    '"\n[tool.evil]\nx = 1\n"',
    "\nreplace evil => ../evil\n",
    "\nRUN evil\n",
    "$(shell evil)",
    "!!python/object/apply:os.system [evil]",
    "${{ secrets.EVIL }}",
    "[x](javascript:alert(1)) <img src=x onerror=alert(1)>",
    '"; DROP TABLE x; --',
    "\\u0022);evil();//",
    "]]> --> <!--",
    '"#]\nfn evil() {}\n#[doc = "',
    '"##; evil!(); r##"',
]
HARMLESS = "a harmless text"
DATA = {"openapi.json", "schemas.json", "operations.json"}
"""Files that hold values of the document and nothing else; they must still be JSON."""


def document(text: str) -> dict:
    """A document with the text in every place where free text may stand."""

    def schema(kind: dict) -> dict:
        return {**kind, "description": text}

    return {
        "openapi": "3.0.3",
        "info": {
            "title": text,
            "version": "1.0.0",
            "description": text,
            "license": {"name": "MIT"},
            "contact": {"name": text},
        },
        "servers": [{"url": "https://api.example.com", "description": text}],
        "tags": [{"name": "things", "description": text}],
        "paths": {
            "/things/{id}": {
                "get": {
                    "operationId": "get_thing",
                    "tags": ["things"],
                    "summary": text,
                    "description": text,
                    "externalDocs": {"url": "https://example.com", "description": text},
                    "parameters": [
                        {"name": "id", "in": "path", "required": True, "description": text, "schema": {"type": "string"}, "example": text},
                        {"name": "filter", "in": "query", "description": text, "schema": {"type": "string", "default": text}},
                        {"name": "x-trace", "in": "header", "description": text, "schema": {"type": "string", "example": text}},
                    ],
                    "responses": {
                        "200": {
                            "description": text,
                            "headers": {"x-total": {"description": text, "schema": {"type": "integer"}}},
                            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}, "example": {"name": text, "tagged": text}}},
                        },
                        "default": {"description": text, "content": {"text/plain": {"schema": {"type": "string"}, "example": text}}},
                    },
                },
                "put": {
                    "operationId": "put_thing",
                    "tags": ["things"],
                    "summary": text,
                    "deprecated": True,
                    "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
                    "requestBody": {
                        "description": text,
                        "required": True,
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}, "examples": {"one": {"summary": text, "value": {"name": text}}}}},
                    },
                    "responses": {"204": {"description": text}},
                },
            }
        },
        "components": {
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer", "description": text}},
            "schemas": {
                "Thing": {
                    "type": "object",
                    "title": text,
                    "description": text,
                    "required": ["name"],
                    "properties": {
                        "name": schema({"type": "string", "default": text, "example": text}),
                        "pattern": schema({"type": "string", "format": "email"}),
                        "count": schema({"type": "integer", "format": "int32"}),
                        "state": {"$ref": "#/components/schemas/State"},
                        "tagged": schema({"type": "string"}),
                    },
                    "example": {"name": text},
                },
                "State": {
                    "type": "string",
                    "description": text,
                    "enum": ["first", text],
                    "x-enum-varnames": ["first", "second"],
                    "x-enum-descriptions": [text, text],
                },
            },
        },
    }


def compile_document(name: str, text: str) -> pathlib.Path:
    """Compiles one document to every target; returns the output folder."""
    folder = WORK / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "openapi.json").write_text(json.dumps(document(text)))
    (folder / "codegen.toml").write_text(
        'spec = "openapi.json"\n'
        'targets.core = { output = "out/core", package = "things-server" }\n'
        'targets.python = { output = "out/python", package = "things" }\n'
        'targets.node = { output = "out/node", package = "things" }\n'
        'targets.go = { output = "out/go", package = "example.com/things" }\n'
        'targets.docs = { output = "out/docs" }\n'
    )
    subprocess.run(
        [str(CODEGEN), "generate", "--config", str(folder / "codegen.toml")],
        check=True,
        capture_output=True,
        text=True,
    )
    return folder / "out"


def python_shape(text: str) -> str:
    """The syntax tree with every string constant blanked."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = ""
    return ast.dump(tree)


def data_shape(value: object) -> object:
    """A JSON document with every text blanked."""
    if isinstance(value, dict):
        return {key: data_shape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [data_shape(item) for item in value]
    return "" if isinstance(value, str) else value


def differences(one: pathlib.Path, two: pathlib.Path) -> list[str]:
    """Files whose shape differs, Python and JSON by this program, the rest by their parsers."""
    files = {path.relative_to(one) for path in one.rglob("*") if path.is_file()}
    others = {path.relative_to(two) for path in two.rglob("*") if path.is_file()}
    found = [f"only in one of both: {path}" for path in sorted(files ^ others)]
    for path in sorted(files & others):
        left, right = (one / path).read_text(), (two / path).read_text()
        if path.suffix in {".py", ".pyi"} and python_shape(left) != python_shape(right):
            found.append(str(path))
        if path.suffix == ".json":
            shapes = data_shape(json.loads(left)), data_shape(json.loads(right))
            # A wire case leaves out an example that cannot travel in a header: data, not shape.
            if shapes[0] != shapes[1] and path.name not in DATA:
                found.append(str(path))
        if path.suffix in {".toml", ".mod"} and len(left.splitlines()) != len(right.splitlines()):
            found.append(str(path))
        if path.suffix == ".md":
            raw = re.findall(r"<\s*(?:script|img|iframe|svg)|\]\(\s*javascript:", strip_code(right), re.I)
            if raw:
                found.append(f"{path}: {raw[0]}")
    return found


def strip_code(text: str) -> str:
    """Markdown without its code: fenced blocks and spans are inert."""
    text = re.sub(r"^( *)(`{3,}|~{3,}).*?^\1\2", "", text, flags=re.M | re.S)
    return re.sub(r"(`+).+?\1", "", text)


def other_languages(pairs: list[tuple[pathlib.Path, pathlib.Path]]) -> list[str]:
    """Shapes of TypeScript, Go and Rust, compared by a program in each language."""
    listing = "".join(f"{one}\t{two}\n" for one, two in pairs)
    commands = [
        ["node", str(HERE / "typescript.mjs"), str(ROOT / "target/sdk/node/node_modules/typescript")],
        ["go", "run", str(HERE / "go" / "main.go")],
        ["cargo", "run", "--quiet", "--package", "vivified-codegen", "--example", "same_tokens"],
    ]
    found = []
    for command in commands:
        result = subprocess.run(command, input=listing, cwd=ROOT, capture_output=True, text=True, check=False)
        if result.returncode not in (0, 1):
            raise RuntimeError(f"{command[0]}: {result.stderr}")
        found += result.stdout.splitlines()
    return found


def control() -> None:
    """The comparison sees code that escaped: one careless line in each language."""
    one, two = WORK / "control" / "one", WORK / "control" / "two"
    shutil.rmtree(WORK / "control", ignore_errors=True)
    careless = {
        "a.py": ('x = """{}"""\n', '""" + evil() + """'),
        "a.ts": ("/* {} */ export const x = 1;\n", "*/ evil(); /*"),
        "a.go": ("package a\n\n// {}\nvar X = 1\n", "x\nfunc init() {}"),
        "a.rs": ("/* {} */ fn a() {{}}\n", "*/ fn evil() {} /*"),
        "a.json": ('{{"a": "{}"}}\n', '", "b": "'),
    }
    for folder, hostile in ((one, False), (two, True)):
        folder.mkdir(parents=True)
        for name, (text, payload) in careless.items():
            (folder / name).write_text(text.format(payload if hostile else HARMLESS))
    seen = "\n".join(differences(one, two) + other_languages([(one, two)]))
    for name in careless:
        assert name in seen, f"the comparison does not see an escape in {name}: {seen}"


def main() -> int:
    subprocess.run(["cargo", "build", "--quiet", "--package", "vivified-codegen"], cwd=ROOT, check=True)
    control()
    harmless = compile_document("harmless", HARMLESS)
    pairs = [(harmless, compile_document(f"payload{number:02}", text)) for number, text in enumerate(PAYLOADS)]
    found = [f"{two.parent.name}: {line}" for one, two in pairs for line in differences(one, two)]
    found += other_languages(pairs)
    files = sum(1 for path in harmless.rglob("*") if path.is_file())
    print(f"{len(PAYLOADS)} payloads, {files} files each, {len(found)} differences; the control was seen")
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
