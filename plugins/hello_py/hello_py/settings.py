"""What the environment says: where Core is and where this plugin listens."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Read once at start."""

    core_url: str
    registration_token: str = field(repr=False)
    host: str = "127.0.0.1"
    port: int = 0
    """0 takes any free port."""

    base_url: str | None = None
    """Where Core reaches this plugin; the address it listens on when None."""


def read_settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings of the environment.

    Raises:
        ValueError: names every variable that is missing or wrong.
    """
    faults = [
        f"{name} is not set"
        for name in ("CORE_URL", "REGISTRATION_TOKEN")
        if not environment.get(name)
    ]
    port = environment.get("PLUGIN_PORT", "0")
    if not port.isdigit() or int(port) > 65535:
        faults.append("PLUGIN_PORT is not a port")
    if faults:
        raise ValueError("; ".join(faults))
    return Settings(
        core_url=environment["CORE_URL"],
        registration_token=environment["REGISTRATION_TOKEN"],
        host=environment.get("PLUGIN_HOST", "127.0.0.1"),
        port=int(port),
        base_url=environment.get("PLUGIN_BASE_URL") or None,
    )


def read_manifest() -> dict[str, Any]:
    """The manifest in the folder of the plugin."""
    path = Path(__file__).parent.parent / "manifest.json"
    manifest: dict[str, Any] = json.loads(path.read_text())
    return manifest
