"""Runs every case through the client of each SDK against one real Core.

A case names the rights of a plugin and a list of steps; each step is one client method with its
arguments, the outcome it must have and the audit record it must leave. The cases are the same for
all languages; only the driver differs.
"""

import json
import os
import pathlib
import subprocess
from collections.abc import Iterator

import pytest
from core_process import ROOT, CoreProcess, running_core
from driver_commands import DRIVERS

CASES = pathlib.Path(__file__).parent / "cases"


@pytest.fixture(scope="session")
def core(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CoreProcess]:
    with running_core(tmp_path_factory.mktemp("core")) as process:
        yield process


def manifest(plugin_id: str, traits: list[str]) -> dict:
    """A manifest that asks for the traits and, with them, for the stub host."""
    domains = ["stub.vivified.test"] if "external_caller" in traits else []
    return {
        "id": plugin_id,
        "name": plugin_id,
        "version": "1.0.0",
        "contracts": ["vivified/1"],
        "traits": traits,
        "allowed_domains": domains,
        "security": {"authentication_required": True, "data_classification": ["internal"]},
        "compliance": {"hipaa_controls": [], "audit_level": "standard"},
    }


def holds(expected: object, actual: object) -> bool:
    """Whether every expected field is there with its value; more fields may be."""
    if isinstance(expected, dict):
        return isinstance(actual, dict) and all(
            name in actual and holds(value, actual[name]) for name, value in expected.items()
        )
    return expected == actual


@pytest.mark.parametrize("language", DRIVERS)
@pytest.mark.parametrize("case", sorted(path.stem for path in CASES.glob("*.json")))
def test_case(core: CoreProcess, case: str, language: str) -> None:
    steps = json.loads((CASES / f"{case}.json").read_text())
    plugin_id = f"{case}_{language}"
    token = core.register(manifest(plugin_id, steps["traits"]))
    command = DRIVERS[language]()
    result = subprocess.run(
        [*command, str(CASES / f"{case}.json")],
        env={**os.environ, "CORE_URL": core.url, "VIVIFIED_TOKEN": token},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    outcomes = [json.loads(line) for line in result.stdout.splitlines()]
    assert len(outcomes) == len(steps["steps"]), result.stdout + result.stderr
    for step, outcome in zip(steps["steps"], outcomes, strict=True):
        assert holds(step["expect"], outcome), (step["method"], step["expect"], outcome)
    records = core.audit(plugin_id)
    for step in steps["steps"]:
        assert any(record["phase"] == "outcome" and holds(step["audit"], record) for record in records), (
            step["audit"],
            records,
        )


def test_every_client_method_has_a_granted_and_a_refused_step() -> None:
    parity = json.loads((ROOT / "spec" / "sdk_parity.json").read_text())
    client = next(symbol for symbol in parity["symbols"] if symbol["name"] == "VivifiedClient")
    methods = {method["name"] for method in client["methods"]}
    for case in ("granted", "refused"):
        steps = json.loads((CASES / f"{case}.json").read_text())["steps"]
        assert {step["method"] for step in steps} == methods, case
