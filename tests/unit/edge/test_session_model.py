"""The session core against a model of the protocol: whatever happens in whatever order.

`make test` plays a few hundred stories, `make test-long` ten thousand. A failure prints the
shortest story that still fails.
"""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from edge.protocol import MAX_EVENTS, Close
from services.common.dedupe import Dedupe
from services.common.log import BEHAVIOR, IDENTITY, OUTCOME
from tests.unit.edge.protocol_model import (
    BURST,
    FORGED,
    TENANT,
    Known,
    Page,
    Phase,
    Seen,
    StreamKey,
    Wire,
    Worker,
)

NOW = 1_700_000_000_000.0
PRESS = [3, 0, 10, 20, 1]
TARGETS = [[1, "button#pay", 2]]
MESSAGES: dict[str, dict[str, Any]] = {
    "press": {"type": "events", "t0": NOW, "targets": TARGETS, "events": [PRESS]},
    "move": {"type": "events", "t0": NOW, "events": [[2, 0, 1, 1]]},
    "hidden": {"type": "events", "t0": NOW, "events": [[18, 0, 0]]},
    "unknown kind": {"type": "events", "t0": NOW, "events": [[250, 0], [26, 0]]},
    "bad dt": {"type": "events", "t0": NOW, "targets": TARGETS, "events": [[3, -1, 0, 0, 1]]},
    "bad target": {"type": "events", "t0": NOW, "events": [[3, 0, 0, 0, 9]]},
    "identify": {"type": "identify", "t": NOW, "user_id": "u1"},
    "shown": {"type": "outcome", "t": NOW, "intervention": "i1", "kind": "shown"},
    "bad outcome": {"type": "outcome", "t": NOW, "intervention": "i1", "kind": "sold"},
    "consent": {"type": "consent", "t": NOW, "analytics": True, "interventions": False},
    "withdrawn": {"type": "consent", "t": NOW, "analytics": False, "interventions": False},
    "reset": {"type": "reset", "t": NOW},
}
TOPICS = {"identify": IDENTITY, "shown": OUTCOME}
REFUSED = {"bad dt": "bad_dt", "bad target": "bad_target", "bad outcome": "bad_kind"}
GOOD = sorted(MESSAGES.keys() - REFUSED.keys() - {"withdrawn"})
NOISE: dict[str, str | bytes | dict[str, Any]] = {
    "binary": b"\x00",
    "nonsense": "nonsense",
    "list": "[]",
    "no seq": {"type": "events", "t0": NOW, "events": []},
    "seq 0": {"type": "reset", "seq": 0},
    "huge seq": {"type": "reset", "seq": 2**32},
}
HELLOS: dict[str, dict[str, Any]] = {
    "willing": {},
    "no consent": {"consent": {"analytics": False, "interventions": True}},
    "gpc": {"gpc": True},
}
MANY = {"type": "events", "t0": NOW, "events": [[2, 0, 1, 1]] * (MAX_EVENTS + 1)}
WORKERS = st.integers(0, 1)
PAGES = st.sampled_from([0, 0, 0, 1, 2])
WIRES = st.sampled_from([0, 0, 0, 0, 1, 2, 3, 4])
"""Counted from the newest."""


class Protocol(RuleBasedStateMachine):
    """Two workers, up to three pages, connections that die without anybody noticing."""

    def __init__(self) -> None:
        super().__init__()
        self.now_ms = NOW
        self.log: list[tuple[StreamKey, int]] = []
        self.spent: set[tuple[StreamKey, int]] = set()
        self.workers = [Worker(self.log), Worker(self.log)]
        self.pages = [Page("p1"), Page("p2")]
        self.wires: list[Wire] = []

    # -- the client ---------------------------------------------------------------------------

    def _current(self, page: Page) -> Wire | None:
        mine = [wire for wire in self.wires if wire.page is page and wire.heard]
        return mine[-1] if mine else None

    @rule(
        page=PAGES,
        worker=WORKERS,
        sealed=st.sampled_from([True, True, False]),
        at_home=st.sampled_from([True, True, True, False]),
    )
    def connects(self, page: int, worker: int, sealed: bool, at_home: bool) -> None:
        who = self.pages[page % len(self.pages)]
        self._cut(who)
        self.wires.append(Wire(self.workers[worker], who, sealed=sealed, at_home=at_home))
        self.wires = self.wires[-10:]

    @rule(page=PAGES)
    def loses_its_connection(self, page: int) -> None:
        self._cut(self.pages[page % len(self.pages)])

    def _cut(self, page: Page) -> None:
        for wire in self.wires:
            if wire.page is page:
                wire.heard = False

    @precondition(lambda self: len(self.pages) < 3 and self.pages[0].session is not None)
    @rule(honest=st.booleans())
    def shares_the_session(self, honest: bool) -> None:
        """Another tab joins with the token, or somebody else tries without it."""
        first = self.pages[0]
        stream, token = ("p3", first.token) if honest else (first.stream, FORGED)
        self.pages.append(Page(stream, first.session, token))

    @rule(page=PAGES, kind=st.sampled_from(sorted(MESSAGES)))
    def says(self, page: int, kind: str) -> None:
        self.pages[page % len(self.pages)].say(kind, MESSAGES[kind])

    @rule(page=PAGES, count=st.integers(1, 5))
    def sends(self, page: int, count: int) -> None:
        who = self.pages[page % len(self.pages)]
        wire = self._current(who)
        if wire is None or not wire.greeted:
            return
        due = [message for seq, message in who.unacked.items() if seq > wire.sent][:count]
        for message in due:
            wire.flight.append(message)
            wire.sent = message["seq"]

    # -- the network --------------------------------------------------------------------------

    def _wire(self, number: int) -> Wire | None:
        return self.wires[-1 - number % len(self.wires)] if self.wires else None

    @rule(wire=WIRES, count=st.integers(1, 5))
    def reads(self, wire: int, count: int) -> None:
        """The edge reads what was sent, on whichever connection, be it dead or alive."""
        on = self._wire(wire)
        if on is not None:
            self._read(on, count)

    def _read(self, wire: Wire, count: int) -> None:
        due, wire.flight = wire.flight[:count], wire.flight[count:]
        for message in due:
            self._numbered(wire, message)

    def _numbered(self, wire: Wire, message: dict[str, Any]) -> None:
        seq: int = message["seq"]
        kind: str = message["note"]

        def meaning(known: Known) -> list[Seen]:
            if kind == "identify" and not wire.sealed:
                return [("error", "slow", seq), *wire.closes(Close.TRY_LATER)]
            known.accepted = seq
            if kind in REFUSED:
                self.spent.add((wire.key, seq))
                return wire.bad(REFUSED[kind], seq)
            effects: list[Seen] = [("accept", TOPICS.get(kind, BEHAVIOR), seq)]
            if kind == "hidden":
                effects.append(("visible", False))
            if withdraws:
                effects += wire.closes(Close.CONSENT)
            return effects

        withdraws = kind == "withdrawn"
        wire.receive(message, self.now_ms, lambda: wire.numbered(seq, meaning, withdraws=withdraws))

    @rule(wire=WIRES, kind=st.sampled_from(sorted(HELLOS)))
    def says_hello(self, wire: int, kind: str) -> None:
        on = self._wire(wire)
        if on is None:
            return
        page = on.page
        hello = {
            "type": "hello",
            "key": "pk_test",
            "stream": page.stream,
            "session": page.session,
            "resume": page.token,
            **HELLOS[kind],
        }
        on.receive(hello, self.now_ms, lambda: on.hello(kind == "willing"))

    @rule(wire=WIRES, allowed=st.sampled_from([True, True, True, False]))
    def is_admitted(self, wire: int, allowed: bool) -> None:
        on = self._wire(wire)
        if on is not None and on.phase is Phase.WAITING:
            on.admit(self.now_ms, allowed=allowed)

    @rule(wire=WIRES, seq=st.integers(1, 8))
    def repeats(self, wire: int, seq: int) -> None:
        on = self._wire(wire)
        if on is None:
            return
        known = on.worker.known.get(on.key, Known())
        if on.phase is not Phase.OPEN or seq <= known.accepted:
            self._numbered(on, {**MESSAGES["press"], "note": "press", "seq": seq})

    @rule(wire=WIRES, gap=st.integers(1, 3))
    def skips(self, wire: int, gap: int) -> None:
        on = self._wire(wire)
        if on is None or on.first:
            return
        seq = on.worker.known[on.key].accepted + 1 + gap
        self._numbered(on, {**MESSAGES["press"], "note": "press", "seq": seq})

    @rule(wire=WIRES)
    def sends_too_many_events(self, wire: int) -> None:
        on = self._wire(wire)
        if on is None:
            return
        seq = on.worker.known.get(on.key, Known()).accepted + 1
        on.receive(
            {**MANY, "seq": seq},
            self.now_ms,
            lambda: on.numbered(seq, lambda _: on.closes(Close.TOO_MANY_EVENTS)),
        )

    @rule(wire=WIRES, kind=st.sampled_from(sorted(NOISE)), times=st.sampled_from([1, 1, 11]))
    def makes_noise(self, wire: int, kind: str, times: int) -> None:
        on = self._wire(wire)
        for _ in range(times):
            if on is not None:
                on.receive(NOISE[kind], self.now_ms, on.bad)

    @rule(wire=WIRES, times=st.sampled_from([1, 1, 1, 1, BURST + 1]))
    def speaks_another_version(self, wire: int, times: int) -> None:
        on = self._wire(wire)
        if on is None:
            return

        def ignored() -> list[Seen]:
            return [] if on.phase is Phase.OPEN else on.bad()

        for _ in range(times):
            on.receive({"type": "novelty", "seq": 1}, self.now_ms, ignored)

    @rule(wire=WIRES)
    def says_bye(self, wire: int) -> None:
        on = self._wire(wire)
        if on is not None:
            on.receive({"type": "bye"}, self.now_ms, lambda: on.other(lambda: on.closes(1000)))

    @rule(ms=st.sampled_from([1, 10, 1_000, 60_000]))
    def time_passes(self, ms: int) -> None:
        self.now_ms += ms

    # -- the workers --------------------------------------------------------------------------

    @rule(worker=WORKERS)
    def writes(self, worker: int) -> None:
        self.workers[worker].write()

    @rule(worker=WORKERS)
    def hears_the_log(self, worker: int) -> None:
        self.workers[worker].answer()

    @rule(worker=WORKERS)
    def crashes(self, worker: int) -> None:
        dead = self.workers[worker]
        self.workers[worker] = Worker(self.log)
        self.wires = [wire for wire in self.wires if wire.worker is not dead]

    # -- whole ways at once, so that stories get far ----------------------------------------------

    def _open(self, page: Page, worker: Worker) -> Wire:
        self._cut(page)
        wire = Wire(worker, page, sealed=True, at_home=True)
        self.wires.append(wire)
        self.says_hello(0, "willing")
        wire.admit(self.now_ms, allowed=True)
        return wire

    @rule(
        page=PAGES,
        worker=st.sampled_from([0, 1, None]),
        kinds=st.lists(st.sampled_from(GOOD), max_size=3),
        settled=st.booleans(),
    )
    def visits(self, page: int, worker: int | None, kinds: list[str], settled: bool) -> None:
        who = self.pages[page % len(self.pages)]
        if worker is not None:
            self._open(who, self.workers[worker])
        for kind in kinds:
            who.say(kind, MESSAGES[kind])
        self.sends(page, len(who.unacked))
        wire = self._current(who)
        if wire is not None:
            self._read(wire, len(wire.flight))
            if settled:
                wire.worker.settle()

    # -- what must hold -----------------------------------------------------------------------

    @invariant()
    def what_is_acknowledged_is_in_the_log(self) -> None:
        logged = set(self.log) | self.spent
        for page in self.pages:
            if page.session is not None:
                key = (page.session, page.stream)
                assert all((key, seq) in logged for seq in range(1, page.acked + 1))

    @invariant()
    def no_worker_forgets_or_invents(self) -> None:
        for wire in self.wires:
            known = wire.worker.known.get(wire.key)
            if known is not None:
                assert known.acked <= known.accepted

    def teardown(self) -> None:
        """The calm after it: every page connects once more, and then nothing is left to say."""
        self.now_ms += 60_000
        for number, page in enumerate(self.pages):
            self._finish(page, self.workers[number % 2])
        deduped: dict[StreamKey, list[int]] = {}
        dedupe = Dedupe()
        for (session, stream), seq in self.log:
            if dedupe.is_new(TENANT, session, stream, seq):
                deduped.setdefault((session, stream), []).append(seq)
        for key, seqs in deduped.items():
            spent = {seq for spent_key, seq in self.spent if spent_key == key}
            assert seqs == [seq for seq in range(1, seqs[-1] + 1) if seq in set(seqs) - spent]
            assert set(range(1, seqs[-1] + 1)) <= set(seqs) | spent

    def _finish(self, page: Page, worker: Worker) -> None:
        worker.settle()
        for _ in range(1 + page.said):  # a withdrawn consent ends a connection, each time
            page.say("move", MESSAGES["move"])
            wire = self._open(page, worker)
            while wire.phase is Phase.OPEN and (
                due := [message for seq, message in page.unacked.items() if seq > wire.sent]
            ):
                wire.sent = due[0]["seq"]
                self._numbered(wire, due[0])
            worker.settle()
            if not page.unacked:
                return
        raise AssertionError(f"never acknowledged: {sorted(page.unacked)}")


def play(examples: int) -> None:
    run_state_machine_as_test(
        Protocol,
        settings=settings(
            max_examples=examples,
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )


def test_the_session_keeps_the_protocol():
    play(300)


@pytest.mark.long
@pytest.mark.timeout(900)
def test_the_session_keeps_the_protocol_in_ten_thousand_stories():
    play(10_000)
