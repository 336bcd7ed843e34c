"""Forgets a person, when identity has erased them: decisions go, experiments keep a keyed hash.

What was decided about the user goes, and all that was decided in the sessions in which they were
verified. A session that only claimed to be them loses those decisions alone.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from sentientiq.identity.v1 import identity_service_pb2 as identity_pb2
from sentientiq.intervention.v1 import intervention_pb2 as pb

from services.common import logs
from services.intervention.deciding.gather import subject_name
from services.intervention.sending.secrets import Sealer
from services.intervention.store import forgetting as store

_BATCH = 500
_MOST_PASSES = 3
_VISITORS = ("visitor", "claimed visitor")
_log = logs.get(__name__)


class Forgetting:
    """Deletes what names a person."""

    def __init__(self, pool: Any, sealer: Sealer) -> None:
        self._pool = pool
        self._sealer = sealer
        self.forgotten = 0

    async def forget(
        self, tenant_id: str, user_id: str, session_ids: Sequence[str]
    ) -> Counter[str]:
        """Forget a user, sessions, or both; safe to repeat. Returns what went."""
        sessions, gone = set(session_ids), Counter[str]()
        visitors = [subject_name(kind, user_id) for kind in _VISITORS] if user_id else []
        # First, so that what is decided meanwhile knows nothing of them, and joins no thread that
        # is about to go.
        await self._of_guards(tenant_id, [*visitors, *map(_session, sessions)], gone)
        for _ in range(_MOST_PASSES):
            if user_id:
                sessions |= await self._of_user(tenant_id, user_id, gone)
                await self._of_guards(tenant_id, list(map(_session, sessions)), gone)
            if sessions:
                await self._of_sessions(tenant_id, sorted(sessions), gone)
            # And last: whatever was decided meanwhile has noted them anew, and has to go too.
            if not await self._of_guards(tenant_id, [*visitors, *map(_session, sessions)], gone):
                break
        units = [("session", one) for one in sorted(sessions)]
        if user_id:
            units.append(("person", user_id))
        for kind, unit in units:
            hashed = self._sealer.forgotten(tenant_id, unit)
            gone["hashed"] += await store.hash_unit(self._pool, tenant_id, kind, unit, hashed)
        self.forgotten += 1
        _log.info("subject forgotten", tenant=tenant_id, **gone)
        return gone

    async def _of_guards(self, tenant_id: str, subjects: Sequence[str], gone: Counter[str]) -> int:
        found = await store.forget_guards(self._pool, tenant_id, subjects)
        gone["guards"] += found
        return found

    async def _of_user(self, tenant_id: str, user_id: str, gone: Counter[str]) -> set[str]:
        """Delete what was decided about the user. Returns the sessions that are theirs."""
        theirs: set[str] = set()
        after, more = "", True
        while more:
            found = await store.candidates(self._pool, tenant_id, [], user_id, after, _BATCH)
            ids: list[str] = []
            for one in found:
                decision = pb.Decision.FromString(one.record)
                if decision.user_id == user_id:
                    ids.append(one.id)
                    if decision.assurance >= identity_pb2.ASSURANCE_VERIFIED:
                        theirs.add(one.session_id)
            await store.forget_decisions(self._pool, ids)
            gone["decisions"] += len(ids)
            more = len(found) == _BATCH
            after = found[-1].id if found else ""
        return theirs

    async def _of_sessions(
        self, tenant_id: str, sessions: Sequence[str], gone: Counter[str]
    ) -> None:
        while found := await store.candidates(self._pool, tenant_id, sessions, "", "", _BATCH):
            await store.forget_decisions(self._pool, [one.id for one in found])
            gone["decisions"] += len(found)


def _session(session_id: str) -> str:
    return subject_name("session", session_id)
