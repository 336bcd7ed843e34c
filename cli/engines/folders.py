"""Where engines keep sockets and data, and as whom they run.

Unix socket paths end after about 100 bytes, so sockets live in a short folder of their own.
"""

from __future__ import annotations

import os
import pwd
import shutil
import stat
import tempfile
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import structlog

from cli.engines.engine import EngineError, Owner

_log: structlog.typing.FilteringBoundLogger = structlog.get_logger()
# sun_path: 108 bytes on Linux, 104 on macOS; the longest name in it is "/pg/.s.PGSQL.5432".
_LONGEST_FOLDER = 80


def unprivileged() -> Owner | None:
    """Name who runs PostgreSQL, which refuses to be root: nobody, or None for ourselves."""
    if os.geteuid() != 0:
        return None
    entry = pwd.getpwnam("nobody")
    return Owner(entry.pw_uid, entry.pw_gid)


def make_reachable(path: Path) -> None:
    """Let the unprivileged user pass through the parents of `path` (as root only).

    A checkout below /root is the case in point. Passing is all it grants: nothing becomes
    listable or readable. Each change is logged.
    """
    for parent in path.resolve().parents:
        mode = parent.stat().st_mode
        if not mode & stat.S_IXOTH:
            parent.chmod(stat.S_IMODE(mode) | stat.S_IXOTH)
            _log.warning("folder made passable for PostgreSQL's user", folder=str(parent))


def make_private(path: Path, owner: Owner | None = None) -> Path:
    """Create a folder that only its owner may enter, or check that it is one.

    Raises:
        EngineError: somebody else owns it.
    """
    expected = owner.uid if owner else os.geteuid()
    try:
        path.mkdir(mode=0o700, parents=True)
        if owner:
            os.chown(path, owner.uid, owner.gid)
    except FileExistsError:
        found = path.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != expected:
            raise EngineError(
                f"{path} belongs to user {found.st_uid}, expected {expected}: "
                "start as the user who made it, or remove it"
            ) from None
    return path


@dataclass(frozen=True, slots=True)
class SocketFolder:
    """The short folder of one data folder's sockets; the same at every start."""

    path: Path

    @classmethod
    def of(cls, data: Path) -> SocketFolder:
        """Name the folder that belongs to a data folder."""
        digest = blake2b(str(data.resolve()).encode(), digest_size=5).hexdigest()
        name = f"siq-{os.geteuid()}-{digest}"
        for base in (Path(tempfile.gettempdir()), Path("/tmp")):
            if len(os.fsencode(base / name)) <= _LONGEST_FOLDER:
                return cls(base / name)
        raise EngineError("no folder with a short path: set TMPDIR=/tmp")

    def create(self) -> Path:
        """Make it, passable for PostgreSQL's user when we are root."""
        make_private(self.path)
        if os.geteuid() == 0:
            self.path.chmod(0o711)
            make_reachable(self.path)
        return self.path

    def remove(self) -> None:
        """Remove it and the sockets in it."""
        shutil.rmtree(self.path, ignore_errors=True)
