"""Starts the plugin: `python -m hello_py`."""

from __future__ import annotations

import asyncio
import socket
import sys

import uvicorn

from .inbound import CallVerifier, KeySet
from .logs import set_up
from .plugin import Plugin, connected
from .settings import Settings, read_manifest, read_settings
from .web import application


async def run(settings: Settings) -> None:
    """Serves and works until a signal asks for the end."""
    with socket.create_server((settings.host, settings.port)) as listener:
        port = listener.getsockname()[1]
        async with connected(settings) as plugin:
            server = web_server(plugin)
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            await plugin.register(settings.base_url or f"http://{settings.host}:{port}")
            work = [
                asyncio.create_task(plugin.renew()),
                asyncio.create_task(plugin.handle_events()),
                asyncio.create_task(plugin.ask_outside()),
            ]
            await serving
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)
            await plugin.leave()


def web_server(plugin: Plugin) -> uvicorn.Server:
    """The server for inbound calls; its access log is off because paths may name things."""

    verifier = CallVerifier(KeySet(plugin.read_keys), str(read_manifest()["id"]))
    config = uvicorn.Config(
        application(verifier),
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=10,
        timeout_graceful_shutdown=5,
    )
    return uvicorn.Server(config)


def main() -> int:
    """Exit code 0 after a signal, 2 when the environment is not complete."""
    set_up()
    try:
        settings = read_settings()
    except ValueError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    asyncio.run(run(settings))
    return 0


if __name__ == "__main__":
    sys.exit(main())
