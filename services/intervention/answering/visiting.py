"""Open a link: whose it is, what it leads to, and whether it still may.

A link is signed and dies after a day. It dies earlier when its page is closed, or its person leaves
the team.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sentientiq.intervention.v1 import intervention_pb2 as pb
from sentientiq.tenant.v1 import tenant_service_pb2 as tenant_pb2

from services.common.errors import Unavailable
from services.intervention.answering.links import LinkError, Links
from services.intervention.clock import Clock
from services.intervention.deciding.people import People, reachable_channels
from services.intervention.escalation import threads
from services.intervention.escalation.evidence import Seen, decode
from services.intervention.store.decisions import read_decision


@dataclass(frozen=True, slots=True)
class Visit:
    """A verified link and what it leads to."""

    decision: pb.Decision
    person_id: str
    why: str
    """"first", "escalated" or "handed_over"."""


@dataclass(frozen=True, slots=True)
class Thread:
    """What a page tells of."""

    decision: pb.Decision
    joined: Sequence[threads.Joined]
    members: Sequence[threads.Member]
    evidence: Sequence[Seen]
    """When the events behind it were; none: only their order is known."""

    @property
    def sessions(self) -> list[str]:
        """The visits that it asks about, the newest first."""
        asking = [one.decision for one in self.joined if one.asks]
        return threads.sessions_of([self.decision, *asking])

    @property
    def newest(self) -> pb.Decision:
        """What is known of the first episode by now: its last revision."""
        first = self.decision.emotion.id
        revisions = [one.decision for one in self.joined if one.decision.emotion.id == first]
        return max([self.decision, *revisions], key=lambda one: one.emotion.rev)


class Visiting:
    """Reads links."""

    def __init__(self, pool: Any, links: Links, people: People, clock: Clock) -> None:
        self._pool = pool
        self._links = links
        self._people = people
        self._clock = clock

    async def visit(self, token: str) -> Visit:
        """Open a link. Changes nothing.

        Raises:
            LinkError: it is malformed, forged, expired, revoked, or leads to nothing any more.
        """
        link = self._links.read(token, now_ms=self._clock())
        # A letter names what joined a thread by its own id: its page is the thread's.
        thread_id = await threads.find(self._pool, link.decision_id)
        decision = await read_decision(self._pool, thread_id)
        if decision is None or not decision.HasField("recommendation"):
            raise LinkError("What this link led to has been deleted.", "gone")
        members = await threads.read_members(self._pool, decision.id)
        places = {decision.recommendation.person_id: "first"}
        places |= {one.person_id: one.why for one in members}
        for person_id, why in places.items():
            if self._links.person_tag(person_id) == link.person_tag:
                closed = any(one.revoked for one in members if one.person_id == person_id)
                if closed or not await self._on_the_team(decision.tenant_id, person_id):
                    raise LinkError("This link has been closed.", "revoked")
                return Visit(decision, person_id, why)
        raise LinkError("This link belongs to somebody else.", "foreign")

    async def thread(self, visit: Visit) -> Thread:
        """All that belongs to the page."""
        thread_id = visit.decision.id
        kept = await threads.read_evidence(self._pool, thread_id)
        return Thread(
            visit.decision,
            await threads.read_joined(self._pool, thread_id),
            await threads.read_members(self._pool, thread_id),
            decode(kept) if kept else [],
        )

    async def names(self, visit: Visit) -> dict[str, str]:
        """The team's names by person; none while identity is away."""
        try:
            people = await self._people.of(visit.decision.tenant_id)
        except Unavailable:
            return {}
        return {one.person_id: one.name for one in people}

    async def colleagues(self, visit: Visit) -> Sequence[tenant_pb2.Person]:
        """To whom it can be handed over; nobody while identity is away."""
        try:
            people = await self._people.of(visit.decision.tenant_id)
        except Unavailable:
            return ()
        return [
            one for one in people if one.person_id != visit.person_id and reachable_channels(one)
        ]

    def tag(self, person_id: str) -> str:
        """What stands for a person on the page."""
        return self._links.person_tag(person_id).hex()

    async def _on_the_team(self, tenant_id: str, person_id: str) -> bool:
        try:
            people = await self._people.of(tenant_id)
        except Unavailable:
            return True  # the link itself is good, and help is worth more than the last check
        return any(one.person_id == person_id for one in people)
