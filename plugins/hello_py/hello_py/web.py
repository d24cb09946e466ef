"""What the plugin serves: health for anybody, `ping` for Core alone."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .inbound import CallVerifier, Refused

LARGEST_BODY = 64 * 1024


def application(verifier: CallVerifier) -> Starlette:
    """The web application."""

    async def health(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def ping(request: Request) -> Response:
        body = await _body(request)
        if body is None:
            return _problem(413, "payload_too_large", "The body is too large")
        try:
            caller = await verifier.caller(request.headers.get("authorization"), "ping", body)
        except Refused:
            return _problem(401, "unauthenticated", "No valid call token")
        return JSONResponse({"pong": True, "caller": caller})

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
