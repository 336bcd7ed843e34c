"""A private mesh for one run: in a temporary folder, on free ports, gone afterwards."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from cli import mesh
from cli.errors import CliError
from cli.up.plan import python_path

_READY_S = 120.0
_STOP_S = 40.0


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    """Ours without any SIQ_* word but those told: no real provider, no engine of somebody else."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SIQ_")}
    return {**clean, **python_path(), **more}


@asynccontextmanager
async def private_mesh(
    *options: str, env: Mapping[str, str] | None = None
) -> AsyncGenerator[tuple[Path, mesh.Mesh]]:
    """Run `sentientiq up` as a child, with more options and more settings of its processes; yields
    its data folder and its record.

    Raises:
        CliError: it did not come up, with the end of its log.
    """
    folder = Path(tempfile.mkdtemp(prefix="siq-smoke-"))
    data, log = folder / "data", folder / "up.log"
    with log.open("wb") as sink:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "cli.main", "up"),
            *("--data", str(data), "--ports", "free", "--no-demo", *options),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=sink,
            stderr=asyncio.subprocess.STDOUT,
            env=_environment(env or {}),
            start_new_session=True,
        )
    try:
        yield data, await _wait(child, data, log)
    finally:
        await _stop(child)
        shutil.rmtree(folder, ignore_errors=True)


async def _wait(child: asyncio.subprocess.Process, data: Path, log: Path) -> mesh.Mesh:
    try:
        async with asyncio.timeout(_READY_S):
            while child.returncode is None:
                found = mesh.read(data)
                if found is not None and found.ready:
                    return found
                await asyncio.sleep(0.05)
    except TimeoutError:
        pass
    raise CliError(f"the private mesh did not come up:\n{_last_words(log)}")


def _last_words(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").strip().splitlines()[-15:])


async def _stop(child: asyncio.subprocess.Process) -> None:
    if child.returncode is not None:
        return
    child.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(child.wait(), _STOP_S)
    except TimeoutError:
        child.kill()
        await child.wait()
