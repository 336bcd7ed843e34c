"""Help without guards, while PostgreSQL is away: help fails open, discounts and alerts fail closed.

What guards remember cannot be read then, and nothing can be recorded. Help that costs nothing is
shown all the same, once a session and cool-down of this process; offers are not, and the team hears
when the durable path decides. That decision then says what was shown, so it is on record after all;
only another replica that decides first would not know.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

from msgspec import structs
from sentientiq.intervention.v1 import intervention_pb2 as pb

from services.intervention.deciding.gather import Case, gather
from services.intervention.deciding.record import Inputs, build_decision
from services.intervention.policy import Policy, judge
from services.intervention.policy.ledger import Ledger, LiveReadings
from services.intervention.store.decisions import Made

_MOST = 10_000
_REST_MS = 60_000


@dataclass(slots=True)
class Shown:
    """Help that was given without a record."""

    action: str
    at_ms: int
    case: Case
    decision: pb.Decision
    offered: bool = False
    """It was submitted again, to be recorded."""


class Unguarded:
    """What was shown while nothing could be recorded; the oldest is forgotten first."""

    def __init__(self) -> None:
        self._shown: OrderedDict[str, Shown] = OrderedDict()
        self._rests: OrderedDict[tuple[str, str], int] = OrderedDict()
        self.given = 0

    def decide(self, case: Case, now_ms: int) -> pb.Decision | None:
        """Help now, for a page that waits; None if nothing may be shown without guards."""
        emotion = case.emotion
        before = self._shown.get(case.id)
        if before is not None:
            before.offered = False
            return before.decision
        session = (emotion.tenant_id, emotion.session_id)
        if case.path != "fast" or self._rests.get(session, 0) > now_ms:
            return None
        facts = gather(case, Ledger(), now_ms=now_ms, handled=False)
        facts = structs.replace(facts, guarded=False, team_known=True)
        verdict = judge(case.policy, facts, LiveReadings({}))
        if verdict.page is None:
            return None
        inputs = Inputs(facts)
        decision = build_decision(case.id, emotion, case.policy, inputs, verdict, case.path)
        self._shown[case.id] = Shown(verdict.page.part.name, now_ms, case, decision)
        if len(self._shown) > _MOST:
            self._shown.popitem(last=False)
        self._rest(session, now_ms + _rest_ms(case.policy))
        self.given += 1
        return decision

    def _rest(self, session: tuple[str, str], until_ms: int) -> None:
        self._rests[session] = max(self._rests.get(session, 0), until_ms)
        self._rests.move_to_end(session)
        if len(self._rests) > _MOST:
            self._rests.popitem(last=False)

    def recall(self, id_: str) -> Shown | None:
        """What a decision has shown already."""
        return self._shown.get(id_)

    def note(self, standing: Iterable[str], made: Iterable[Made]) -> None:
        """Take note of what is on record now, so that nobody is helped twice."""
        for id_ in standing:
            self._shown.pop(id_, None)
        for one in made:
            decision = one.decision
            if one.kind:
                session = (decision.tenant_id, decision.session_id)
                self._rest(session, decision.decided_at_ms + _REST_MS)

    def offer(self, most: int) -> list[Case]:
        """What is not on record and was not submitted again yet; the oldest first."""
        if not self._shown:
            return []
        waiting = (shown for shown in self._shown.values() if not shown.offered)
        found = list(islice(waiting, most))
        for shown in found:
            shown.offered = True
        return [shown.case for shown in found]


def _rest_ms(policy: Policy) -> int:
    """The policy's own cool-down of the page, at least a minute."""
    own = (one.for_s * 1000 for one in policy.guards.cooldowns if one.per == "session")
    return max(_REST_MS, *own, 0)
