"""The demo shop's server: the page, the SDK, and who the visitor is.

Plays the part of a customer's own web server, so it alone knows the secret that signs identity
tokens; the page gets one that lives 15 minutes.
"""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jwt
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from services.common import logs
from services.common.http import HttpServer
from services.common.process import run
from services.common.settings import setting

_ROOT = Path(__file__).resolve().parents[1]
_TOKEN_S = 15 * 60
_USER: dict[str, Any] = {
    "userId": "dana-reyes",
    "email": "dana.reyes@acme-robotics.example",
    "name": "Dana Reyes",
    "company": "acme-robotics.example",
    "company_name": "Acme Robotics",
    "ltv": 100_000,
}
_log = logs.get(__name__)


@dataclass(frozen=True, slots=True)
class Settings:
    """Read once from the environment."""

    demo_file: str = setting("SIQ_DEMO_FILE", "demo.json of the data folder, made by `up`")
    http_listen: str = setting("SIQ_HTTP_LISTEN", "HTTP host:port", default="127.0.0.1:8100")


def identity_token(secret: str, now: int) -> str:
    """Sign who the visitor is, as the customer's own server would."""
    claims = {key: value for key, value in _USER.items() if key != "userId"}
    return jwt.encode(
        {"sub": _USER["userId"], **claims, "iat": now, "exp": now + _TOKEN_S},
        secret,
        algorithm="HS256",
    )


def application(demo: dict[str, Any]) -> Starlette:
    """Build the shop for one demo tenant."""

    async def config(_: Request) -> Response:
        user = {
            "userId": _USER["userId"],
            "email": _USER["email"],
            "name": _USER["name"],
            "company": _USER["company"],
            "traits": {"company_name": _USER["company_name"], "ltv": _USER["ltv"]},
            "token": identity_token(demo["identity_secret"], int(time.time())),
        }
        shown = {name: demo[name] for name in ("key", "endpoint", "httpEndpoint", "sandbox")}
        return JSONResponse({**shown, "user": user}, headers={"Cache-Control": "no-store"})

    async def sdk(request: Request) -> Response:
        path = _ROOT / "sdk" / "js" / "dist" / request.url.path.lstrip("/")
        if not path.exists():
            return PlainTextResponse("the SDK is not built: run `make sdk`", status_code=503)
        return FileResponse(
            path, media_type="text/javascript", headers={"Cache-Control": "no-cache"}
        )

    async def healthy(_: Request) -> Response:
        return PlainTextResponse("ok")

    return Starlette(
        routes=[
            Route("/healthz", healthy),
            Route("/demo.json", config),
            Route("/sentientiq.js", sdk),
            Route("/sentientiq-more.js", sdk),
            Mount("/", StaticFiles(directory=_ROOT / "sdk" / "demo", html=True, check_dir=False)),
        ]
    )


def _read_demo(path: str) -> dict[str, Any]:
    demo: dict[str, Any] = json.loads(Path(path).read_text())
    return demo


async def serve(settings: Settings) -> None:
    """Serve the shop until cancelled."""
    server = HttpServer(application(_read_demo(settings.demo_file)), settings.http_listen)
    await server.start()
    _log.info("shop open", url=f"http://{settings.http_listen}/")
    try:
        await asyncio.Event().wait()
    finally:
        await server.stop()


if __name__ == "__main__":
    run("shop", Settings, serve)
