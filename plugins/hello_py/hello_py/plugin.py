"""The life of the plugin: register, renew, handle events, make one proxied call, leave."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

from vivified import AsyncVivifiedClient, VivifiedError
from vivified.models import (
    Delivery,
    DeliveryOutcome,
    Heartbeat,
    HeartbeatStatus,
    ManifestDocument,
    PullRequest,
    SettleOutcome,
    SettleRequest,
)

from .logs import log
from .settings import Settings, read_manifest

SUBSCRIPTION = "mail"
EVENT_TYPE = "EmailQueued"
STATUS_URL = "https://stub.vivified.test/v1/status"
LONGEST_PULL_MS = 10_000
PAUSE = 1.0
"""Seconds before the next try after a call that failed."""

Sleep = Callable[[float], Awaitable[None]]


class Plugin:
    """One run of the plugin against one Core."""

    def __init__(
        self,
        client: AsyncVivifiedClient,
        enrolment: AsyncVivifiedClient,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._client = client
        self._enrolment = enrolment
        self._sleep = sleep
        self._token = ""
        self._life = 0
        self.handled = 0
        """Events handled so far."""

    @property
    def token(self) -> str:
        """The present token."""
        return self._token

    async def register(self, base_url: str) -> None:
        """Registers with the manifest and says where the plugin listens."""
        manifest = read_manifest()
        manifest["endpoints"]["base_url"] = base_url
        registration = await self._enrolment.plugins.register_plugin(
            ManifestDocument.from_wire(manifest)
        )
        self._token, self._life = registration.token, registration.expires_in
        log("registered", status=str(registration.status))

    async def renew(self) -> None:
        """Sends heartbeats for ever, each at two thirds of the life of the token."""
        while True:
            try:
                lease = await self._client.plugins.send_heartbeat(
                    Heartbeat(status=HeartbeatStatus.HEALTHY)
                )
                self._token, self._life = lease.token, lease.expires_in
                pause = self._life * 2 / 3 * random.uniform(0.9, 1.1)
            except VivifiedError as error:
                log("heartbeat_failed", code=str(error.code))
                pause = PAUSE
            await self._sleep(pause)

    async def ask_outside(self) -> None:
        """Makes the one proxied call. That it fails is worth a line, not an end."""
        try:
            answer = await self._client.call_external(STATUS_URL, method="GET")
            log("asked_outside", status_code=answer.status_code)
        except VivifiedError as error:
            log("asked_outside", code=str(error.code))

    async def handle_events(self) -> None:
        """Pulls, handles and settles for ever."""
        await self._until_done(
            lambda: self._client.subscribe(SUBSCRIPTION, event_types=[EVENT_TYPE])
        )
        while True:
            try:
                await self.handle_batch()
            except VivifiedError as error:
                log("pull_failed", code=str(error.code))
                await self._sleep(PAUSE)

    async def handle_batch(self) -> None:
        """One pull; every delivery is settled only after it was handled."""
        result = await self._client.canonical.pull_events(
            SUBSCRIPTION, PullRequest(max=10, wait_ms=LONGEST_PULL_MS)
        )
        if not result.deliveries:
            return
        outcomes = [self._handle(delivery) for delivery in result.deliveries]
        await self._client.canonical.settle_events(SUBSCRIPTION, SettleRequest(outcomes=outcomes))

    def _handle(self, delivery: Delivery) -> DeliveryOutcome:
        self.handled += 1
        log("handled", type=delivery.event.type, attempt=delivery.attempt, total=self.handled)
        return DeliveryOutcome(delivery_id=delivery.delivery_id, outcome=SettleOutcome.ACK)

    async def leave(self) -> None:
        """Deregisters; a Core that is gone already is fine."""
        with contextlib.suppress(VivifiedError):
            await self._client.plugins.deregister_plugin()
        log("left", handled=self.handled)

    async def _until_done(self, call: Callable[[], Awaitable[Any]]) -> None:
        while True:
            try:
                await call()
                return
            except VivifiedError as error:
                log("subscribe_failed", code=str(error.code))
                await self._sleep(PAUSE)


@contextlib.asynccontextmanager
async def connected(settings: Settings) -> AsyncIterator[Plugin]:
    """A plugin with its two connections: one with the enrolment token, one with its own."""
    plugin: Plugin | None = None

    def token() -> str:
        return plugin.token if plugin is not None else ""

    async with (
        AsyncVivifiedClient(settings.core_url, token=settings.registration_token) as enrolment,
        AsyncVivifiedClient(settings.core_url, token=token) as client,
    ):
        plugin = Plugin(client, enrolment)
        yield plugin
