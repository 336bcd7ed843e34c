"""The events that settle an incident at PagerDuty: acknowledged once seen, resolved once done.

An event is a message like any other, with an id that follows from the page it is about: promising
it twice sends nothing twice.
"""

from __future__ import annotations

from typing import Any

from services.common import logs
from services.common.ids import stable_id
from services.intervention.clock import Clock
from services.intervention.escalation import threads
from services.intervention.escalation.telling import HAND_OVER
from services.intervention.sending.letters import settle_event
from services.intervention.sending.secrets import Sealer
from services.intervention.store import acts, messages

LIFETIME_MS = 3_600_000
ACKNOWLEDGE, RESOLVE = "acknowledge", "resolve"
_log = logs.get(__name__)


class Settlement:
    """Promises events about what PagerDuty was sent."""

    def __init__(self, pool: Any, sealer: Sealer, clock: Clock) -> None:
        self._pool = pool
        self._sealer = sealer
        self._clock = clock

    async def promise(self, page: messages.Page, action: str) -> None:
        """Tell where a page went what became of it."""
        try:
            fields = self._sealer.unseal(page.sealed)
        except ValueError as error:
            # The mesh secret was changed meanwhile: the incident stays for a person to close.
            _log.warning("page cannot be settled", message=page.id, error=str(error))
            return
        event = settle_event(fields["body"], action)
        if not event:
            return
        now_ms = self._clock()
        await messages.follow(
            self._pool,
            page,
            id_=stable_id("message", page.id, action),
            sealed=self._sealer.seal({**fields, "body": event}),
            now_ms=now_ms,
            expires_at_ms=now_ms + LIFETIME_MS,
        )

    async def of_a_late_page(self, decision_id: str, since_ms: int) -> bool:
        """Settle what was triggered while somebody took it in hand. Tells whether that was so.

        What was done before the page was promised, at `since_ms`, is no answer to it: it is for
        whom the work was handed to.

        Whoever acts after this look is heard of through the log, when the page can be found.
        """
        action = ""
        thread_id = await threads.find(self._pool, decision_id)
        done = await acts.read_acts(self._pool, thread_id, self._clock())
        if any(
            not act.undone and act.act != HAND_OVER and act.acted_at_ms >= since_ms for act in done
        ):
            action = RESOLVE
        elif await acts.was_visited(self._pool, decision_id, since_ms):
            action = ACKNOWLEDGE
        if not action:
            return False
        for page in await messages.find_pages(self._pool, [decision_id]):
            await self.promise(page, action)
        return True
