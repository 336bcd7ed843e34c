"""The detector's face: clocks, duplicates, timers, memory, snapshots."""

from __future__ import annotations

import tracemalloc
from typing import Any
from zlib import crc32

import msgspec
import pytest

from hotpath.arena import Arena
from hotpath.arenas import HOT_STATE_BYTES, STREAM_STATE_BYTES, VISIT_STATE_BYTES
from hotpath.columns import Columns, ColumnsError, from_wire
from hotpath.detector import Detector, Scores, SnapshotError
from hotpath.ids import emission_id
from hotpath.names import Names

T0 = 1_700_000_000_000
TABLE = {1: ("button#buy", 1 << 1), 2: ("a.more", 1 << 0)}
MOVE: list[list[object]] = [[2, 0, 1, 1]]
ANSWER: list[list[object]] = [[4, 0, 0]]
TICK: list[list[object]] = [[26, 0]]


def _press(dt: int, target: int = 1) -> list[object]:
    return [3, dt, 100, 100, target]


def _apply(
    detector: Detector, seq: int, t: int, events: list[list[object]], stream: str = "p",
    page: str = "/shop",
) -> int:  # fmt: skip
    c = from_wire(events, TABLE)
    return detector.apply("t", "s", stream, seq, t, 0, page, c.blob, c.targets, c.strings)


def _scores(*, unanswered: int = 0, automated: bool = False) -> Scores:
    return Scores(
        rage=0, hesitation=0, confusion=0, abandonment=0, unanswered=unanswered,
        automated=automated,
    )  # fmt: skip


def test_rage_at_the_third_press_on_a_dead_button() -> None:
    detector = Detector()
    assert _apply(detector, 1, T0, [_press(0), _press(250)]) == 0
    assert _apply(detector, 2, T0 + 500, [[2, 0, 5, 5], _press(0)]) == 1
    (emission,) = detector.drain()
    assert emission.emotion == "rage"
    assert (emission.episode, emission.rev, emission.confidence) == (1, 1, 85)
    assert emission.evidence == [(1, 0), (1, 1), (2, 1)]
    assert emission.occurred_at_ms == T0 + 500
    assert (emission.page, emission.element) == ("/shop", "button#buy")
    assert round(sum(value for _, value in emission.contributions), 6) == 1.2
    assert detector.drain() == []


def test_timer_fires_at_its_own_time_whoever_moves_the_clock() -> None:
    presses = [_press(0), _press(90), _press(90)]
    by_tick, by_advance, by_move = Detector(), Detector(), Detector()
    for detector in (by_tick, by_advance, by_move):
        assert _apply(detector, 1, T0, presses) == 0
        assert detector.wakes() == [("t", "s", "p", T0 + 190)]
        assert detector.wakes() == []
    assert _apply(by_tick, 0, T0 + 195, TICK) == 1
    assert by_advance.advance("t", "s", "p", T0 + 5000) == 1
    assert _apply(by_move, 2, T0 + 190, [[2, 0, 1, 1]]) == 1
    said = [detector.drain() for detector in (by_tick, by_advance, by_move)]
    assert said[0] == said[1] == said[2]
    assert said[0][0].occurred_at_ms == T0 + 190


def test_answers_call_a_timer_off() -> None:
    detector = Detector()
    _apply(detector, 1, T0, [_press(0), _press(90), _press(90), [4, 5, 0]])
    assert detector.advance("t", "s", "p", T0 + 60_000) == 0
    assert detector.scores("t", "s")["rage"] < 50


def test_duplicates_are_dropped_and_ticks_never_are() -> None:
    detector = Detector()
    for _ in range(3):
        _apply(detector, 1, T0, [_press(0)])
        _apply(detector, 0, T0, TICK)
    counters = detector.counters
    assert counters["dropped_duplicate_batches"] == 2
    assert counters["events"] == 4


def test_clock_clamps_two_seconds_and_drops_what_is_further_behind() -> None:
    detector = Detector()
    _apply(detector, 1, T0, [_press(0)])
    _apply(detector, 2, T0 - 2000, MOVE)
    _apply(detector, 3, T0 - 2001, [_press(0)])
    counters = detector.counters
    assert (counters["clamped"], counters["dropped_late"], counters["events"]) == (1, 1, 2)


def test_an_answer_counts_presses_that_were_dropped_too() -> None:
    detector = Detector()
    _apply(detector, 1, T0, [_press(0)])
    _apply(detector, 2, T0 - 5000, [_press(0)])
    _apply(detector, 3, T0 + 10, [_press(0), [4, 20, 0, 3]])
    assert detector.scores("t", "s")["unanswered"] == 25


def test_answers_find_their_presses_after_presses_were_lost() -> None:
    def unanswered(*answers: int) -> float:
        detector = Detector()
        for seq, of in enumerate(answers, 1):
            _apply(detector, seq, T0 + 3000 * seq, [_press(0), [4, 20, 0, of]])
        detector.advance("t", "s", "p", T0 + 60_000)
        return detector.scores("t", "s")["unanswered"]

    assert unanswered(51, 52, 53) == unanswered(1, 2, 3) < unanswered(0, 0, 0)


def test_corrupt_batch_changes_no_state() -> None:
    detector = Detector()
    good = from_wire([_press(0)], TABLE)
    for seq, t, blob, targets in (
        (1, T0, good.blob[:-1], good.targets),
        (1, T0, good.blob, []),
        (1, -1, good.blob, good.targets),
        (1, 1 << 60, good.blob, good.targets),
        (1 << 48, T0, good.blob, good.targets),
        (1, T0, good.blob, [("x", 1)] * 5000),
    ):
        with pytest.raises(ColumnsError):
            detector.apply("t", "s", "p", seq, t, 0, "", blob, targets, [])
    assert len(detector) == 0
    assert detector.counters["batches"] == 0


def test_streams_do_not_touch_each_other() -> None:
    detector = Detector()
    for i in range(6):
        _apply(detector, i // 2 + 1, T0 + 200 * i, [_press(0)], stream=f"p{i % 2}")
    assert {emission.stream for emission in detector.drain()} == {"p0", "p1"}


def test_episode_of_one_burst_is_revised_a_few_times_and_never_floods() -> None:
    detector = Detector()
    _apply(detector, 1, T0, [_press(150) for _ in range(200)])
    said = detector.drain()
    assert {emission.episode for emission in said} == {1}
    assert [emission.rev for emission in said] == list(range(1, len(said) + 1))
    assert len(said) <= 8


def test_same_target_within_five_seconds_is_the_same_episode() -> None:
    detector = Detector()
    _apply(detector, 1, T0, [_press(250) for _ in range(3)])
    _apply(detector, 2, T0 + 4000, [_press(250) for _ in range(5)])
    _apply(detector, 3, T0 + 20_000, [_press(250) for _ in range(3)])
    said = detector.drain()
    assert [emission.episode for emission in said][-1] == 2
    assert ("repeated", 1.6) in said[-1].contributions


def test_rage_needs_no_wait_and_a_late_answer_lowers_it() -> None:
    detector = Detector()
    _apply(detector, 1, T0, [_press(300) for _ in range(5)])
    _apply(detector, 2, T0 + 2400, ANSWER)
    said = detector.drain()
    assert said[-1].confidence < said[-2].confidence
    assert said[-1].occurred_at_ms == T0 + 2400


def test_bot_is_marked_and_never_enraged() -> None:
    detector = Detector()
    _apply(detector, 1, T0, [_press(20) for _ in range(16)])
    _apply(detector, 2, T0 + 9000, [_press(250) for _ in range(5)])
    assert detector.drain() == []
    assert detector.scores("t", "s") == _scores(unanswered=91, automated=True)


def test_equal_steps_mark_a_program() -> None:
    detector = Detector()
    _apply(detector, 1, T0, [[2, 50, 5 * i, 3 * i] for i in range(110)])
    assert detector.scores("t", "s")["automated"]


def test_unknown_session_scores_nothing() -> None:
    assert Detector().scores("t", "nobody") == _scores()
    assert Detector().advance("t", "nobody", "p", T0) == 0


def test_oldest_stream_is_evicted_with_its_state() -> None:
    detector = Detector(2)
    for i, stream in enumerate(("a", "b", "a", "c")):
        _apply(detector, i + 1, T0, [_press(0)], stream=stream)
    assert len(detector) == 2
    assert detector.counters["evicted"] == 1
    _apply(detector, 1, T0, [_press(0)], stream="b")
    assert detector.counters["dropped_duplicate_batches"] == 0


def test_idle_streams_are_evicted() -> None:
    detector = Detector()
    for i in range(10):
        _apply(detector, 1, T0 + 1000 * i, [_press(0)], stream=f"p{i}")
    assert detector.evict_idle(T0 + 4000) == 4
    assert len(detector) == 6


def test_pending_timers_are_named_again_after_a_restore() -> None:
    detector = Detector()
    _apply(detector, 1, T0, [_press(0), _press(90), _press(90)])
    detector.wakes()
    other = Detector()
    other.restore(detector.snapshot())
    assert other.wakes() == [("t", "s", "p", T0 + 190)]
    assert other.counters == detector.counters
    assert other.snapshot() == detector.snapshot()
    assert other.advance("t", "s", "p", T0 + 500) == 1
    assert other.drain()[0].element == "button#buy"


def test_snapshot_wants_drained_emissions() -> None:
    detector = Detector()
    _apply(detector, 1, T0, [_press(250) for _ in range(3)])
    with pytest.raises(SnapshotError, match="drain"):
        detector.snapshot()


def test_refused_snapshot_changes_nothing() -> None:
    detector = Detector()
    _apply(detector, 1, T0, [_press(0)])
    blob = bytearray(detector.snapshot())
    blob[-3] ^= 1
    before = detector.snapshot()
    with pytest.raises(SnapshotError):
        detector.restore(bytes(blob))
    assert detector.snapshot() == before


_PARTS = {"streams": 0, "states": 1, "texts": 3, "tally": 4, "evicted": 5}


def _part(snapshot: bytes, part: str) -> Any:
    return msgspec.msgpack.decode(snapshot[9 + snapshot[8] :])[_PARTS[part]]


def _with_part(snapshot: bytes, part: str, value: object) -> bytes:
    """The snapshot with another part, and the checksum that goes with it."""
    end = 9 + snapshot[8]
    version, size, _ = msgspec.msgpack.decode(snapshot[9:end])
    body = msgspec.msgpack.decode(snapshot[end:])
    body[_PARTS[part]] = value
    odd = msgspec.msgpack.encode(body)
    head = msgspec.msgpack.encode([version, size, crc32(odd)])
    return snapshot[:8] + bytes([len(head)]) + head + odd


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("tally", {}),
        ("tally", {"batches": 1}),
        ("tally", dict.fromkeys(Detector().counters, -1)),
        ("texts", ["/shop"]),
        ("texts", [None]),
        ("evicted", 1 << 63),
        ("streams", []),
        ("states", (1 << 53).to_bytes(8, "little")),
        ("states", (-2).to_bytes(8, "little", signed=True)),
    ],
)
def test_snapshot_with_an_impossible_part_changes_nothing(part: str, value: object) -> None:
    detector = Detector()
    _apply(detector, 1, T0, [_press(0)])
    before = detector.snapshot()
    if isinstance(value, bytes):  # a stream's clock comes first
        value += _part(before, part)[8:]
    with pytest.raises(SnapshotError):
        detector.restore(_with_part(before, part, value))
    assert detector.snapshot() == before


def test_snapshot_whose_marks_are_of_no_feature_is_refused() -> None:
    detector = Detector()
    _apply(detector, 1, T0, MOVE)
    before = detector.snapshot()
    state = bytearray(_part(before, "states"))
    refused: set[int] = set()
    for place in range(STREAM_STATE_BYTES):
        state[place] ^= 0x80
        try:
            Detector(1).restore(_with_part(before, "states", bytes(state)))
        except SnapshotError:
            refused.add(place)
        state[place] ^= 0x80
    # A feature is the only byte of its twelve that is looked at; eight marks for each emotion.
    alone = {p for p in refused if not {p - 1, p + 1} & refused}
    rows = [p for p in alone if p - 12 not in alone and {p + 12 * i for i in range(8)} <= alone]
    assert len(rows) == 4


def test_names_nobody_holds_are_forgotten() -> None:
    detector = Detector(4)
    for i in range(5000):
        c = from_wire([_press(0)], {1: (f"button#b{i}", 2)})
        detector.apply("t", f"s{i}", "p", 1, T0, 0, f"/order/{i}", c.blob, c.targets, c.strings)
    assert len(detector.snapshot()) < 200 * 5000 // 50


def test_state_of_a_stream_fits_512_bytes() -> None:
    assert HOT_STATE_BYTES <= 512
    assert STREAM_STATE_BYTES + VISIT_STATE_BYTES <= 1536


def _blobs() -> list[Columns]:
    moves: list[list[object]] = [[2, 40, 7 * i % 900, 13 * i % 700] for i in range(9)]
    return [from_wire([*moves, [5, 5, i, 900]], TABLE) for i in range(20)]


def test_events_allocate_nothing() -> None:
    detector = Detector(64)
    blobs = _blobs()
    presses = from_wire([_press(700), [4, 40, 0]], TABLE)

    def run(first: int) -> None:
        for i in range(first, first + 200):
            for c in (*blobs, presses):
                detector.apply(
                    "t", "s", "p", 0, T0 + 10_000 * i, 0, "/p", c.blob, c.targets, c.strings
                )

    run(0)
    tracemalloc.start()
    try:
        run(200)
        before = tracemalloc.get_traced_memory()[0]
        tracemalloc.reset_peak()
        run(400)
        now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    # 42,000 events: a few bytes for each would show. The loop's own integers stay below 1 KiB.
    assert now - before < 1024
    assert peak - before < 2048


def test_arena_finds_what_it_holds_through_growth_and_eviction() -> None:
    arena = Arena(1000, 16)
    names = [("t", f"s{i % 50}", f"p{i}") for i in range(3000)]
    for name in names:
        arena.touch(*name)
    assert len(arena) == 1000
    assert arena.evicted == 2000
    assert arena.streams() == names[2000:]
    assert all(arena.slot(*name) == -1 for name in names[:2000])
    slots = {arena.slot(*name) for name in names[2000:]}
    assert len(slots) == 1000
    assert -1 not in slots


def test_arena_tells_parts_of_names_apart() -> None:
    arena = Arena(8, 16)
    keys = [("a", "bc", "d"), ("ab", "c", "d"), ("a", "b", "cd"), ("", "abc", "d"), ("é", "ü", "")]
    assert len({arena.touch(*key) for key in keys}) == 5


@pytest.mark.parametrize("capacity", [0, -1, (1 << 24) + 1])
def test_capacity_out_of_range_is_refused(capacity: int) -> None:
    with pytest.raises(ValueError, match="capacity"):
        Detector(capacity)


def test_emission_id_is_the_same_for_ever() -> None:
    assert emission_id("t", "s", "p", "rage", 1) == "222cff1dd4acb481cd519793ada0bf22"
    assert emission_id("t", "s", "p", "rage", 2) != emission_id("t", "s", "p", "rage", 1)


def test_names_survive_dump_and_load() -> None:
    names = Names()
    names.load(["", "a", None, "b"])
    assert names.dump() == ["", "a", None, "b"]
    assert len(names) == 3


def test_what_a_server_says_is_neither_judged_nor_kept() -> None:
    detector = Detector(capacity=1)
    _apply(detector, 1, T0, [_press(0), _press(250)])
    c = from_wire([[21, 0, "Checkout Started"]], {})
    for number in range(9):
        stream = f"segment.{number}"
        args = ("t", "s", stream, 1, T0, 3, "", c.blob, c.targets, c.strings)
        assert detector.apply(*args) == 0
    assert (len(detector), detector.counters["evicted"]) == (1, 0)
    assert _apply(detector, 2, T0 + 500, [_press(0)]) == 1  # the visitor's state was not touched
