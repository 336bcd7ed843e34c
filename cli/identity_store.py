"""Identity's PostgreSQL and keys, for commands that work on them without the service."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli import mesh
from cli.errors import CliError

SCHEMA = "identity"
ANCHORS = "audit.anchors"
"""The file in the data folder of `sentientiq up`."""


@dataclass(frozen=True, slots=True)
class Store:
    """Where it is, and with which files it opens."""

    postgres_url: str
    sealing_key_file: Path

    def sealing_secret(self) -> bytes:
        """The secret from which identity derives keys.

        Raises:
            CliError: there is no such file, or it is none of identity's.
        """
        from services.identity.sealing import SealingKeyError, load_sealing_key

        # Loading would make it: then nothing would be found to be as it was written.
        if not self.sealing_key_file.exists():
            raise CliError(
                f"{self.sealing_key_file} does not exist: set SIQ_SEALING_KEY_FILE to the file"
                " that identity runs with"
            )
        try:
            return load_sealing_key(str(self.sealing_key_file)).secret
        except SealingKeyError as error:
            raise CliError(str(error)) from error

    @asynccontextmanager
    async def connection(self) -> AsyncGenerator[Any, None]:
        """Open a connection that sees identity's tables.

        Raises:
            CliError: PostgreSQL cannot be reached, or refuses.
        """
        import asyncpg

        driver: Any = asyncpg  # without stubs
        try:
            connection = await driver.connect(
                self.postgres_url, server_settings={"search_path": SCHEMA}
            )
            try:
                yield connection
            finally:
                await connection.close()
        except (OSError, driver.PostgresError, ValueError) as error:
            raise CliError(
                f"PostgreSQL did not do it: {error}; is SIQ_POSTGRES_URL right, and did"
                " `sentientiq migrate` run?"
            ) from error


def of(data: Path) -> Store:
    """By SIQ_POSTGRES_URL and SIQ_SEALING_KEY_FILE, else of the mesh that runs on a data folder.

    Raises:
        CliError: none does.
    """
    url = os.environ.get("SIQ_POSTGRES_URL") or mesh.require(data).env["SIQ_POSTGRES_URL"]
    return Store(url, Path(os.environ.get("SIQ_SEALING_KEY_FILE") or data / "sealing.key"))


def anchor_files(data: Path) -> tuple[Path, ...]:
    """Where heads were anchored by default; none if nothing was."""
    file = Path(os.environ.get("SIQ_AUDIT_ANCHOR_FILE") or data / ANCHORS)
    return (file,) if file.exists() else ()
