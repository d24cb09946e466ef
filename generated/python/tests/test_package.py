"""The package as a user meets it: imports, context managers, the tree of errors."""

from __future__ import annotations

import asyncio
import importlib
import inspect
import subprocess
import sys
from typing import Any

import pytest

from . import subject
from .subject import AsyncClient, Client, errors, runtime_errors


def test_importing_the_package_loads_nothing_heavy() -> None:
    program = (
        f"import sys, {subject.PACKAGE}\n"
        "sys.exit(any(name in sys.modules for name in ('httpx2', 'pydantic')))"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_every_public_name_is_there() -> None:
    package = importlib.import_module(subject.PACKAGE)
    for name in package.__all__:
        assert getattr(package, name) is not None
    assert set(package.__all__) <= set(dir(package))
    with pytest.raises(AttributeError):
        _ = package.no_such_name


def test_errors_form_one_tree() -> None:
    tree = errors.ERRORS
    for kind in (tree.transport, *tree.codes.values(), *tree.statuses.values()):
        assert issubclass(kind, tree.root)
    for code, kind in tree.codes.items():
        assert kind.code_of_class == code
        failure = runtime_errors.Failure(method="GET", path="/x", status=400, code=code)
        assert type(tree.error(failure)) is kind
        assert code in str(tree.error(failure))


def test_clients_close_themselves() -> None:
    with Client("http://127.0.0.1:1") as client:
        assert client.base_url == "http://127.0.0.1:1"

    async def use() -> None:
        async with AsyncClient("http://127.0.0.1:1") as client:
            assert client.base_url == "http://127.0.0.1:1"

    asyncio.run(use())


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_client_renews_its_token_when_it_is_asked_to(kind: Any) -> None:
    if "renew_token" not in inspect.signature(kind).parameters:
        pytest.skip("no operation of this contract renews a token")
    assert kind("http://127.0.0.1:1", token="t")._transport._renewal is None
    client = kind("http://127.0.0.1:1", token="t", renew_token=True)
    assert client._transport._renewal.operation.id


@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_options_are_given_by_name(kind: Any) -> None:
    parameters = list(inspect.signature(kind).parameters.values())
    assert parameters[0].name == "base_url"
    assert all(each.kind is inspect.Parameter.KEYWORD_ONLY for each in parameters[1:])
