"""Anchors: the newest record of each chain, told to a place that the database does not reach.

A chain whose tail was cut off is still a chain. Only who remembers its head elsewhere can tell, so
heads go to a file if one is named, else to the log of the process: both JSON lines, and `sentientiq
audit verify` reads either. Ship them to another machine, and who holds the database cannot forge
them.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, cast

from services.common import logs
from services.common.audit.writer import AuditWriter
from services.common.errors import Unavailable

_EVERY_S = 10.0
_EVENT = "audit head"
_log = logs.get(__name__)

Anchors = dict[str, dict[int, bytes]]
"""By tenant: the hash that a record of this sequence must have."""


class Anchor:
    """Tells heads while the service lives."""

    def __init__(
        self,
        writer: AuditWriter,
        transaction: Callable[[], AbstractAsyncContextManager[Any]],
        file: str = "",
    ) -> None:
        self._writer = writer
        self._transaction = transaction
        self._file = Path(file) if file else None
        self.failed = 0

    async def run(self) -> None:
        """Tell every few seconds until cancelled; whoever stops the service tells once more."""
        while True:
            await asyncio.sleep(_EVERY_S)
            await self.tell()

    async def tell(self) -> None:
        """Tell the heads of chains that grew. Only what was committed is told."""
        grown, self._writer.heads = self._writer.heads, {}
        if not grown:
            return
        try:
            async with self._transaction() as connection:
                rows: list[Any] = await connection.fetch(
                    "SELECT tenant_id, sequence, hash FROM audit_heads"
                    " WHERE tenant_id = ANY($1) AND sequence > 0 ORDER BY tenant_id",
                    list(grown),
                )
        except Unavailable:
            self._writer.heads = {**grown, **self._writer.heads}
            return
        heads = [(row["tenant_id"], row["sequence"], row["hash"].hex()) for row in rows]
        if self._file is not None:
            await asyncio.to_thread(self._write, self._file, heads)
            return
        for tenant_id, sequence, digest in heads:
            _log.info(_EVENT, tenant_id=tenant_id, sequence=sequence, hash=digest)

    def _write(self, path: Path, heads: list[tuple[str, int, str]]) -> None:
        lines = "".join(
            json.dumps({"event": _EVENT, "tenant_id": t, "sequence": s, "hash": h}) + "\n"
            for t, s, h in heads
        )
        try:
            with path.open("a") as file:
                file.write(lines)
        except OSError as error:
            self.failed += 1
            _log.error("audit anchors not written", file=str(path), error=error.strerror)


def read_anchors(lines: Iterable[str]) -> Anchors:
    """Find the anchors among lines of a file of anchors or of a process's log."""
    anchors: defaultdict[str, dict[int, bytes]] = defaultdict(dict)
    for line in lines:
        if _EVENT not in line:
            continue
        with contextlib.suppress(ValueError, KeyError, TypeError):
            told = cast("dict[str, Any]", json.loads(line))
            if told["event"] == _EVENT:
                anchors[str(told["tenant_id"])][int(told["sequence"])] = bytes.fromhex(told["hash"])
    return dict(anchors)
