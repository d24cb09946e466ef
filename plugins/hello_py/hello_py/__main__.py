"""Starts the plugin: `python -m hello_py`."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import sys
from collections.abc import Iterator
from typing import Final

import uvicorn
from vivified import VivifiedClient
from vivified.runtime.security import CallVerifier, KeySet

from .logs import set_up
from .plugin import Plugin, connected
from .settings import Settings, read_manifest, read_settings
from .web import application

ISSUER: Final = "vivified-core"
CALL_TOKEN_TYPE: Final = "viv-call+jwt"


class Server(uvicorn.Server):
    """A server that leaves signals alone: the plugin has to deregister after it."""

    def install_signal_handlers(self) -> None:
        """SIGTERM and SIGINT end the server, not the process."""
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self.stop)

    def stop(self) -> None:
        """Finishes the requests it has and ends."""
        self.should_exit = True

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Nothing is captured, so nothing is raised again afterwards."""
        yield


async def run(settings: Settings) -> None:
    """Serves and works until a signal asks for the end. A fault in the work ends it as well."""
    with (
        socket.create_server((settings.host, settings.port)) as listener,
        VivifiedClient(settings.core_url) as core,
    ):
        port = listener.getsockname()[1]
        async with connected(settings) as plugin:
            server = web_server(call_verifier(core))
            server.install_signal_handlers()
            serving = asyncio.create_task(server.serve(sockets=[listener]))
            try:
                await plugin.register(settings.base_url or f"http://{settings.host}:{port}")
                await work_while(serving, plugin)
            finally:
                server.stop()
                await serving
                await plugin.leave()


async def work_while(serving: asyncio.Task[None], plugin: Plugin) -> None:
    """Does the work of the plugin until the server has ended."""
    work = [
        asyncio.create_task(plugin.renew()),
        asyncio.create_task(plugin.handle_events()),
        asyncio.create_task(plugin.ask_outside()),
    ]
    try:
        pending: set[asyncio.Task[None]] = {serving, *work}
        while not serving.done():
            done, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
    finally:
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)


def call_verifier(core: VivifiedClient) -> CallVerifier:
    """Accepts what this Core signed for this plugin, and nothing else."""
    keys = KeySet(lambda: core.system.get_jwks().to_wire())
    audience = str(read_manifest()["id"])
    return CallVerifier(keys, issuer=ISSUER, audience=audience, token_type=CALL_TOKEN_TYPE)


def web_server(verifier: CallVerifier) -> Server:
    """The server for inbound calls; its access log is off because paths may name things."""
    config = uvicorn.Config(
        application(verifier),
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=10,
        timeout_graceful_shutdown=5,
    )
    return Server(config)


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
