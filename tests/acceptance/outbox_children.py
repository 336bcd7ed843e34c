"""Die, again and again: `python -m tests.acceptance.outbox_children POSTGRES LOG SCHEMA KILLS`.

Each child commits an outcome to the outbox as the service does, relays it with the service's own
relay, and is killed by SIGKILL on the way: after the commit and before the log is asked; or after
the log has answered and before the outbox knows. A child is a fork, so two hundred take seconds.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

from sentientiq.intervention.v1 import intervention_pb2 as pb

from services.common import postgres
from services.common.ids import outcome_id
from services.common.log import Append, open_log
from services.intervention.sending.relay import Relay
from services.intervention.store.outbox import put_outcome

TENANT = "at06"


def outcome(number: int) -> pb.Outcome:
    """What child `number` promises."""
    return pb.Outcome(
        id=outcome_id("message", f"m{number}", pb.OUTCOME_KIND_SEEN),
        tenant_id=TENANT,
        session_id=f"s{number % 7}",
        decision_id=f"d{number % 20}",
        kind=pb.OUTCOME_KIND_SEEN,
        occurred_at_ms=1_790_000_000_000 + number,
        person_id="p1",
        channel="intervene_page",
    )


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class _DeadlyLog:
    """The real log; the process does not outlive its answer."""

    def __init__(self, url: str) -> None:
        self._log = open_log(url)

    async def append(self, appends: Sequence[Append]) -> Any:
        """Append, then die."""
        await self._log.append(appends)
        _die()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)


async def _live(postgres_url: str, log_url: str, schema: str, number: int) -> None:
    pool = await postgres.connect(postgres_url, schema=schema, max_size=2)
    async with pool.acquire() as connection, connection.transaction():
        await put_outcome(connection, outcome(number), "")
    if number % 2:
        _die()
    log: Any = _DeadlyLog(log_url)
    await Relay(pool, log).flush()


def main() -> None:
    """Fork, wait, again; every child must have been killed."""
    postgres_url, log_url, schema, kills = sys.argv[1:]
    for number in range(int(kills)):
        child = os.fork()
        if child == 0:
            asyncio.run(_live(postgres_url, log_url, schema, number))
            os._exit(1)  # it outlived its own end
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status) or os.WTERMSIG(status) != signal.SIGKILL:
            sys.exit(f"child {number} was not killed: {status}")


if __name__ == "__main__":
    main()
