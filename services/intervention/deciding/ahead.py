"""The next group, judged while the one before it is written.

PostgreSQL needs half of a group's time and Python the other half: so neither waits for the other.
The group is judged by what will stand once the one before is written. If that does not come to be,
the statement, which proves all that a group was judged by, undoes itself, and the group is judged
anew: as with what is remembered (memory.py), being wrong costs time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import is_

from services.intervention.clock import Clock
from services.intervention.deciding.court import Court, Docket
from services.intervention.deciding.gather import Case
from services.intervention.deciding.memory import Memory
from services.intervention.deciding.unguarded import Shown
from services.intervention.store.decisions import GuardKey, State

_FRESH_MS = 100
"""What was judged before that is judged again: it was said to be decided then."""


class Ahead:
    """Hears cases as they come, for as long as all that they need is known."""

    def __init__(
        self,
        court: Court,
        memory: Memory,
        clock: Clock,
        *,
        shown: Callable[[str], Shown | None],
        most: int,
    ) -> None:
        """`shown(id)` is what the page was given while nothing could be recorded."""
        self._court = court
        self._memory = memory
        self._clock = clock
        self._shown = shown
        self._most = most
        self._open = False
        self._supposed: Mapping[GuardKey, State] = {}
        self._cases: list[Case] = []
        self._states: dict[GuardKey, State] = {}
        self._docket: Docket | None = None

    def begin(self, supposed: Mapping[GuardKey, State]) -> None:
        """A group goes to be written: hear for the next, by what it leaves behind."""
        self.forget()
        self._open, self._supposed = True, supposed

    def settle(self) -> None:
        """It is written, and memory knows what it left."""
        self._supposed = {}

    def forget(self) -> None:
        """Drop what was heard, and hear no more until the next group goes to be written."""
        self._open, self._supposed = False, {}
        self._cases, self._states, self._docket = [], {}, None

    def hear(self, case: Case) -> None:
        """Judge a case that waits for the next group; one that cannot be closes it for all."""
        if not self._open or len(self._cases) == self._most:
            return
        try:
            self._open = self._judge(case)
        except Exception:
            # It is heard once more, with its group, and what it raises is logged and told there.
            self._open = False

    def take(self, cases: Sequence[Case]) -> Docket | None:
        """The judged group, if it is of just these cases."""
        found = self._docket
        is_theirs = len(cases) == len(self._cases) and all(map(is_, cases, self._cases))
        if not self._open or not is_theirs:
            found = None
        self.forget()
        if found is not None and self._clock() - found.now_ms > _FRESH_MS:
            return None
        return found

    def _judge(self, case: Case) -> bool:
        if case.emotion.rev != 1:
            return False  # something may be known of its episode
        tenant_id = case.emotion.tenant_id
        keys = [(tenant_id, subject) for subject in case.subjects.values()]
        for key in keys:
            if key not in self._states:
                state = self._supposed.get(key) or self._memory.one(key)
                if state is None:
                    return False
                self._states[key] = state
        if self._docket is None:
            self._docket = Docket(self._clock(), self._states)
        self._court.hear(case, self._docket, self._shown(case.id))
        self._cases.append(case)
        return True
