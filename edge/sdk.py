"""The browser SDK, served by the edge: under a name that never changes what it is, and a plain one.

A page that names the version, with the integrity of `/sdk.json`, runs exactly that file or none;
its browser asks for it once. `/sentientiq.js` is whatever is newest, asked for again after minutes.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from services.common.settings import SettingsError

_BUILT: Final = Path(__file__).resolve().parents[1] / "sdk" / "js" / "dist" / "sentientiq.js"
# What the file calls itself when it says hello.
_VERSION: Final = re.compile(rb'"js/([0-9][\w.+-]*)"')
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_FOR_MINUTES: Final = "public, max-age=300"
# Scripts with an integrity are fetched by CORS, by pages of any origin. Said here and not left to
# the middleware: that answers it only to whom sends an Origin, and caches keep one answer for all.
_ANYWHERE: Final = {
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
}


@dataclass(frozen=True, slots=True)
class Sdk:
    """A build of the SDK, ready to be sent."""

    version: str
    plain: bytes
    zipped: bytes
    digest: bytes
    """SHA-384 of the plain file."""

    @property
    def name(self) -> str:
        """Version and content: `0.1.0-1f2e3d4c`."""
        return f"{self.version}-{self.digest.hex()[:8]}"

    @property
    def path(self) -> str:
        """Where it is for ever."""
        return f"/sdk/{self.name}/sentientiq.js"

    @property
    def integrity(self) -> str:
        """For the `integrity` attribute of the script tag."""
        return f"sha384-{b64encode(self.digest).decode()}"


def load_sdk(file: str) -> Sdk | None:
    """The build in `file`; if empty, the one of the checkout or the wheel, None without one.

    Raises:
        SettingsError: `file` cannot be read, or is no build of the SDK.
    """
    if not file and not _BUILT.exists():
        return None
    path = Path(file) if file else _BUILT
    try:
        plain = path.read_bytes()
    except OSError as error:
        raise SettingsError(f"SIQ_SDK_FILE: cannot read {path}: {error.strerror}") from error
    version = _VERSION.search(plain)
    if version is None:
        raise SettingsError(f"SIQ_SDK_FILE: {path} is no build of the SDK: run `make sdk`")
    return Sdk(
        version[1].decode(),
        plain,
        gzip.compress(plain, 9, mtime=0),
        hashlib.sha384(plain).digest(),
    )


def routes(sdk: Sdk | None) -> list[Route]:
    """`/sentientiq.js`, `/sdk/<version>-<hash>/sentientiq.js`, `/sdk.json`."""

    async def newest(request: Request) -> Response:
        return _nothing() if sdk is None else _file(sdk, request, _FOR_MINUTES)

    async def versioned(request: Request) -> Response:
        if sdk is None:
            return _nothing()
        if request.path_params["name"] != sdk.name:
            return _missing(f"not here; this edge has {sdk.path}")
        return _file(sdk, request, _FOR_EVER)

    async def about(_: Request) -> Response:
        if sdk is None:
            return _nothing()
        return JSONResponse(
            {"version": sdk.version, "url": sdk.path, "integrity": sdk.integrity},
            headers={"Cache-Control": _FOR_MINUTES, **_ANYWHERE},
        )

    return [
        Route("/sentientiq.js", newest),
        Route("/sdk/{name}/sentientiq.js", versioned),
        Route("/sdk.json", about),
    ]


def _file(sdk: Sdk, request: Request, cache: str) -> Response:
    zipped = accepts_gzip(request.headers.get("Accept-Encoding", ""))
    tags = (f'"{sdk.name}"', f'"{sdk.name}-gz"')
    headers = {
        "Cache-Control": cache,
        "ETag": tags[zipped],
        "Vary": "Accept-Encoding",
        **_ANYWHERE,
    }
    known = request.headers.get("If-None-Match", "")
    if {"*", *tags} & {tag.strip().removeprefix("W/") for tag in known.split(",")}:
        return Response(status_code=304, headers=headers)
    if zipped:
        headers["Content-Encoding"] = "gzip"
    return Response(
        sdk.zipped if zipped else sdk.plain, headers=headers, media_type="text/javascript"
    )


def accepts_gzip(header: str) -> bool:
    """Whether an Accept-Encoding takes gzip: named, or by `*`, and not with a weight of 0."""
    weights: dict[str, float] = {}
    for part in header.lower().split(","):
        coding, _, parameter = part.partition(";")
        weight = re.fullmatch(r"\s*q\s*=\s*([0-9.]+)\s*", parameter)
        try:
            weights[coding.strip()] = float(weight[1]) if weight else 1.0
        except ValueError:
            weights[coding.strip()] = 0.0
    return weights.get("gzip", weights.get("*", 0.0)) > 0


def _nothing() -> Response:
    return _missing("no SDK is built here: run `make sdk`, or name its file in SIQ_SDK_FILE")


def _missing(why: str) -> Response:
    headers = {"Cache-Control": "no-store", **_ANYWHERE}
    return PlainTextResponse(why + "\n", status_code=404, headers=headers)
