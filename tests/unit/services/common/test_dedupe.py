"""Each message of a stream counts once, whatever the log repeats."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from services.common.dedupe import ONE_MESSAGE, Dedupe


@given(st.lists(st.integers(1, 20), max_size=60))
def test_exactly_the_first_of_each_seq_passes_in_any_order(seqs: list[int]):
    dedupe = Dedupe()
    passed = [seq for seq in seqs if dedupe.is_new("t", "s", "p", seq)]
    assert passed == list(dict.fromkeys(seqs))
    assert dedupe.duplicates == len(seqs) - len(passed)


@given(st.lists(st.integers(1, 400), max_size=300))
def test_no_seq_passes_twice_however_many_gaps_a_stream_has(seqs: list[int]):
    dedupe = Dedupe()
    passed = [seq for seq in [*range(2, 401, 2), *seqs] if dedupe.is_new("t", "s", "p", seq)]
    assert len(passed) == len(set(passed))


def test_of_too_many_gaps_the_lowest_counts_as_filled():
    dedupe = Dedupe()
    for seq in range(2, 2 * 65 + 1, 2):  # 65 gaps: before each of them
        assert dedupe.is_new("t", "s", "p", seq)
    assert not dedupe.is_new("t", "s", "p", 1)
    assert dedupe.is_new("t", "s", "p", 3)


def test_a_stream_that_is_forgotten_takes_its_gaps_along():
    dedupe = Dedupe(capacity=1)
    assert dedupe.is_new("t", "s", "a", 3)
    assert dedupe.is_new("t", "s", "b", 2)  # forgets a
    assert dedupe.is_new("t", "s", "a", 2)
    assert not dedupe.is_new("t", "s", "a", 2)
    assert dedupe.is_new("t", "s", "a", 1)


@given(st.sets(st.integers(0, 20)), st.booleans())
def test_what_is_recalled_is_a_duplicate_and_what_lies_below_it_only_if_all_is_known(
    seqs: set[int], all_known: bool
):
    dedupe = Dedupe()
    dedupe.recall("t", "s", "p", seqs, all_known=all_known)
    known = {seq for seq in seqs if seq}
    lowest = min(known, default=0)
    for seq in range(1, 25):
        seen = seq in known or (seq < lowest and not all_known)
        assert dedupe.is_new("t", "s", "p", seq) is not seen


def test_what_is_recalled_in_parts_is_all_known():
    dedupe = Dedupe()
    dedupe.recall("t", "s", "p", [5, 7], all_known=False)
    dedupe.recall("t", "s", "p", [7, 9], all_known=False)
    assert [seq for seq in range(1, 10) if dedupe.is_new("t", "s", "p", seq)] == [6, 8]


@given(st.integers(1, 30), st.integers(1, 30))
def test_a_resent_run_counts_once(first: int, again: int):
    dedupe = Dedupe()
    start = min(first, again)
    run = [*range(1, first + 1), *range(start, first + again + 1)]
    assert [s for s in run if dedupe.is_new("t", "s", "p", s)] == list(range(1, first + again + 1))


def test_streams_do_not_mix_and_seq_zero_always_passes():
    dedupe = Dedupe()
    assert dedupe.is_new("t", "s", "p", 1)
    assert dedupe.is_new("t", "s", "q", 1)
    assert dedupe.is_new("u", "s", "p", 1)
    assert dedupe.is_new("t", "s", "p", 0)
    assert dedupe.is_new("t", "s", "p", 0)


def test_memory_is_bounded():
    dedupe = Dedupe(capacity=10)
    for number in range(100):
        dedupe.is_new("t", "s", str(number), 1)
    assert not dedupe.is_new("t", "s", "99", 1)
    assert dedupe.is_new("t", "s", "0", 1)


def test_exactly_as_many_streams_as_there_is_room_for_are_remembered():
    dedupe = Dedupe(capacity=3)
    for stream in "abc":
        assert dedupe.is_new("t", "s", stream, 5)
    assert [dedupe.is_new("t", "s", stream, 5) for stream in "abc"] == [False] * 3
    dedupe.is_new("t", "s", "d", 5)
    assert [dedupe.is_new("t", "s", stream, 5) for stream in "bcd"] == [False] * 3
    assert dedupe.duplicates == 6


def test_the_stream_seen_longest_ago_is_forgotten_first():
    dedupe = Dedupe(capacity=2)
    dedupe.is_new("t", "s", "a", 1)
    dedupe.is_new("t", "s", "b", 1)
    dedupe.is_new("t", "s", "a", 2)
    dedupe.is_new("t", "s", "c", 1)
    assert not dedupe.is_new("t", "s", "a", 2)
    assert dedupe.is_new("t", "s", "b", 1)


def test_there_is_room_for_100_000_streams():
    dedupe = Dedupe()
    for number in range(100_001):
        dedupe.is_new("t", "s", str(number), 1)
    assert not dedupe.is_new("t", "s", "1", 1)
    assert dedupe.is_new("t", "s", "0", 1)


def test_streams_of_one_message_push_no_other_out():
    dedupe = Dedupe(capacity=10)
    dedupe.is_new("t", "s", "p", 7)
    for number in range(100):
        assert dedupe.is_new("t", "s", f"{ONE_MESSAGE}{number}", 1)
    assert not dedupe.is_new("t", "s", "p", 7)
    assert not dedupe.is_new("t", "s", f"{ONE_MESSAGE}99", 1)
    assert dedupe.is_new("t", "s", f"{ONE_MESSAGE}0", 1)
