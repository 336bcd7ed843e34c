"""Who the archive commands ask: the archive itself, the log, and the pipeline."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import TypeVar

import click
import grpc
import grpc.aio

from cli import mesh
from cli.errors import CliError
from services.common.auth import make_token
from services.common.channels import connect
from services.common.log import EventLog, LogUnavailable, open_log
from services.common.settings import SettingsError
from services.pipeline.archive import Archive, ArchiveError, open_archive

T = TypeVar("T")


def hour(_ctx: click.Context, _parameter: click.Parameter, value: str) -> str:
    """An option's hour, UTC: 2026-01-31T14, or a day's first: 2026-01-31.

    Raises:
        BadParameter: it is none.
    """
    for form in ("%Y-%m-%dT%H", "%Y-%m-%d"):
        with contextlib.suppress(ValueError):
            return f"{datetime.strptime(value, form):%Y-%m-%dT%H}" if value else ""
    raise click.BadParameter(f"{value!r} is no hour: write it as 2026-01-31T14 or 2026-01-31, UTC")


def setting(data: Path, name: str) -> str:
    """A variable of the environment, else of the mesh that runs on a data folder.

    Raises:
        CliError: there is neither.
    """
    return os.environ.get(name) or mesh.require(data).env[name]


def archive_of(data: Path) -> Archive:
    """The archive of SIQ_ARCHIVE_URL, to read.

    Raises:
        CliError: the URL names none.
    """
    try:
        return open_archive(setting(data, "SIQ_ARCHIVE_URL"))
    except ValueError as error:
        raise CliError(str(error)) from error


@asynccontextmanager
async def log_of(data: Path) -> AsyncGenerator[EventLog]:
    """The log of SIQ_LOG_URL.

    Raises:
        CliError: the URL names none, or its client is not installed.
    """
    try:
        log = open_log(setting(data, "SIQ_LOG_URL"))
    except (SettingsError, ValueError) as error:
        raise CliError(str(error)) from error
    try:
        yield log
    finally:
        await log.close()


@asynccontextmanager
async def pipeline_of(data: Path) -> AsyncGenerator[grpc.aio.Channel]:
    """A channel to the pipeline, which alone may open analytics and write the archive.

    Raises:
        CliError: a call failed.
    """
    address = setting(data, "SIQ_PIPELINE_ADDR")
    async with connect(address, make_token(mesh.mesh_secret(data), subject="cli")) as channel:
        try:
            yield channel
        except grpc.aio.AioRpcError as error:
            raise CliError(
                f"the pipeline at {address}: {error.details()}; is it up, and SIQ_PIPELINE_ADDR"
                " right?"
            ) from error


def run(work: Callable[[], Awaitable[T]]) -> T:
    """Do it, and say in one line why it could not be done.

    Raises:
        CliError: the archive or the log did not answer.
    """

    async def talk() -> T:
        return await work()

    try:
        return asyncio.run(talk())
    except ArchiveError as error:
        raise CliError(f"the archive: {error}") from error
    except LogUnavailable as error:
        raise CliError(f"{error}; is SIQ_LOG_URL right, and its server up?") from error
