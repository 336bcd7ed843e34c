"""The browser SDK, served by the edge: under a name that never changes what it is, and a plain one.

A page that names the version, with the integrity of `/sdk.json`, runs exactly that file or none;
its browser asks for it once. `/sentientiq.js` is whatever is newest, asked for again after minutes.
What the SDK loads only when it needs it (`sentientiq-more.js`) lies next to it under both names.
"""

from __future__ import annotations

import gzip
import hashlib
import re
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from services.common.settings import SettingsError

_BUILT: Final = Path(__file__).resolve().parents[1] / "sdk" / "js" / "dist" / "sentientiq.js"
_CORE: Final = "sentientiq.js"
# What the file calls itself when it says hello.
_VERSION: Final = re.compile(rb'"js/([0-9][\w.+-]*)"')
# How it names the files next to it that it may load.
_PART: Final = re.compile(rb"sentientiq-[a-z]+\.js")
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_FOR_MINUTES: Final = "public, max-age=300"
# Scripts with an integrity are fetched by CORS, by pages of any origin. Said here and not left to
# the middleware: that answers it only to whom sends an Origin, and caches keep one answer for all.
_ANYWHERE: Final = {
    "Access-Control-Allow-Origin": "*",
    "Cross-Origin-Resource-Policy": "cross-origin",
}


@dataclass(frozen=True, slots=True)
class File:
    """One file, ready to be sent."""

    plain: bytes
    zipped: bytes
    digest: bytes
    """SHA-384 of the plain file."""

    @classmethod
    def of(cls, plain: bytes) -> File:
        """Make it ready."""
        return cls(plain, gzip.compress(plain, 9, mtime=0), hashlib.sha384(plain).digest())

    @property
    def short(self) -> str:
        """Tells contents apart: `1f2e3d4c`."""
        return self.digest.hex()[:8]

    @property
    def integrity(self) -> str:
        """For the `integrity` attribute of a script."""
        return f"sha384-{b64encode(self.digest).decode()}"


@dataclass(frozen=True, slots=True)
class Sdk:
    """A build of the SDK: its core, and what that may load, by name."""

    version: str
    files: Mapping[str, File]

    @property
    def core(self) -> File:
        """What the script tag names; it holds the hashes of the others."""
        return self.files[_CORE]

    @property
    def name(self) -> str:
        """Version and content: `0.1.0-1f2e3d4c`."""
        return f"{self.version}-{self.core.short}"

    @property
    def path(self) -> str:
        """Where the core is for ever."""
        return f"/sdk/{self.name}/{_CORE}"


def load_sdk(file: str) -> Sdk | None:
    """The build in `file`; if empty, the one of the checkout or the wheel, None without one.

    Raises:
        SettingsError: `file` cannot be read, is no build of the SDK, or has not beside it the very
            files that it loads.
    """
    if not file and not _BUILT.exists():
        return None
    path = Path(file) if file else _BUILT
    core = _read(path)
    version = _VERSION.search(core.plain)
    if version is None:
        raise SettingsError(f"SIQ_SDK_FILE: {path} is no build of the SDK: run `make sdk`")
    return Sdk(version[1].decode(), {_CORE: core, **dict(_parts(path, core))})


def _parts(path: Path, core: File) -> Iterator[tuple[str, File]]:
    for name in {found.decode() for found in _PART.findall(core.plain)}:
        part = _read(path.with_name(name))
        digest = b64encode(hashlib.sha256(part.plain).digest())
        if b"sha256-" + digest not in core.plain:
            raise SettingsError(
                f"SIQ_SDK_FILE: {path} and the {name} next to it are of different builds: run"
                " `make sdk`, and take both"
            )
        yield name, part


def _read(path: Path) -> File:
    try:
        return File.of(path.read_bytes())
    except OSError as error:
        raise SettingsError(f"SIQ_SDK_FILE: cannot read {path}: {error.strerror}") from error


def routes(sdk: Sdk | None) -> list[Route]:
    """`/sentientiq.js`, `/sdk/<version>-<hash>/sentientiq.js`, their parts, `/sdk.json`."""

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
            {"version": sdk.version, "url": sdk.path, "integrity": sdk.core.integrity},
            headers={"Cache-Control": _FOR_MINUTES, **_ANYWHERE},
        )

    return [
        Route("/sentientiq.js", newest),
        Route("/sentientiq-{part}.js", newest),
        Route("/sdk/{name}/{file}", versioned),
        Route("/sdk.json", about),
    ]


def _file(sdk: Sdk, request: Request, cache: str) -> Response:
    file = sdk.files.get(request.url.path.rpartition("/")[2])
    if file is None:
        return _missing(f"not here; this edge has {sdk.path}")
    zipped = accepts_gzip(request.headers.get("Accept-Encoding", ""))
    tag = f"{sdk.version}-{file.short}"
    tags = (f'"{tag}"', f'"{tag}-gz"')
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
        file.zipped if zipped else file.plain, headers=headers, media_type="text/javascript"
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
