"""What the plugin serves: health for anybody, `ping` for Core alone."""

from __future__ import annotations

from anyio.to_thread import run_sync
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from vivified import VivifiedError
from vivified.runtime.security import CallVerifier, TokenRefusedError

from .logs import log

LARGEST_BODY = 64 * 1024


def application(verifier: CallVerifier) -> Starlette:
    """The web application."""

    async def health(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def ping(request: Request) -> Response:
        body = await _body(request)
        if body is None:
            return _problem(413, "payload_too_large", "The body is too large")
        authorization = request.headers.get("authorization", "")
        try:
            # Now and then the verifier reads the keys of Core, so it works in a thread.
            call = await run_sync(
                lambda: verifier.verify(authorization, operation="ping", body=body)
            )
        except TokenRefusedError as refusal:
            log("call_refused", step=refusal.step)
            return _problem(401, "unauthenticated", "No valid call token")
        except VivifiedError as error:
            log("keys_not_read", code=str(error.code))
            return _problem(503, "not_ready", "The keys of Core cannot be read")
        return JSONResponse({"pong": True, "caller": call.caller})

    return Starlette(
        routes=[
            Route("/health", health, methods=["GET"]),
            Route("/rpc/ping", ping, methods=["POST"]),
        ]
    )


async def _body(request: Request) -> bytes | None:
    """The body; None when it is larger than this plugin takes."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_BODY:
            return None
    return bytes(body)


def _problem(status: int, code: str, title: str) -> Response:
    content = {"type": "about:blank", "title": title, "status": status, "code": code}
    return JSONResponse(content, status_code=status, media_type="application/problem+json")
