"""Memories of what was taken."""

from __future__ import annotations

import pytest

from services.pipeline import seen as memories
from services.pipeline.decode import decode_frame
from services.pipeline.event_rows import event_rows
from services.pipeline.message_rows import emotion_rows
from services.pipeline.topics import TOPICS
from tests.unit.services.pipeline.messages import T0_MS, batch, delivered, emotion

FRAMES, _, EMOTIONS, DECISIONS, _ = TOPICS


def test_frame_is_new_once_and_ticks_always() -> None:
    seen = FRAMES.seen()
    first, tick = (decode_frame(batch(seq).SerializeToString()) for seq in (1, 0))
    assert [seen.is_new(first), seen.is_new(first)] == [True, False]
    assert [seen.is_new(tick), seen.is_new(tick)] == [True, True]


def test_frames_are_recalled_from_rows() -> None:
    deliveries = [delivered(batch(seq), decode_frame) for seq in (1, 2, 3)]
    seen = FRAMES.seen()
    seen.recall(seen.reduced(event_rows(deliveries, T0_MS)), all_known=True)
    new = [seen.is_new(decode_frame(batch(seq).SerializeToString())) for seq in (2, 3, 4)]
    assert new == [False, False, True]


def test_each_stream_is_told_its_own_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    """However rows are cut."""
    monkeypatch.setattr(memories, "_AT_ONCE", 2)
    places = [(stream, seq) for stream in "abcde" for seq in (ord(stream), ord(stream) + 1)]
    frames = [batch(seq, stream=stream) for stream, seq in places]
    seen = FRAMES.seen()
    rows = event_rows([delivered(frame, decode_frame) for frame in frames], T0_MS)
    seen.recall(seen.reduced(rows), all_known=True)
    for stream in "abcde":
        numbers = [
            decode_frame(batch(n, stream=stream).SerializeToString()) for n in range(96, 104)
        ]
        assert [frame.seq for frame in numbers if not seen.is_new(frame)] == [
            seq for name, seq in places if name == stream
        ]


def test_a_frame_that_comes_back_late_is_new_unless_it_may_have_been_archived() -> None:
    rows = event_rows([delivered(batch(seq), decode_frame) for seq in (3, 5)], T0_MS)
    for all_known, expected in ((True, [1, 2, 4]), (False, [4])):
        seen = FRAMES.seen()
        seen.recall(seen.reduced(rows), all_known=all_known)
        frames = [decode_frame(batch(seq).SerializeToString()) for seq in (1, 2, 3, 4, 5)]
        assert [frame.seq for frame in frames if seen.is_new(frame)] == expected


def test_revisions_of_an_emotion_are_different() -> None:
    seen = EMOTIONS.seen()
    rows = emotion_rows([delivered(emotion(rev=1), EMOTIONS.decode)], T0_MS)
    seen.recall(seen.reduced(rows), all_known=True)
    assert [seen.is_new(emotion(rev=rev)) for rev in (1, 2, 2)] == [False, True, False]


def test_ids_of_tenants_are_their_own() -> None:
    seen = EMOTIONS.seen()
    assert seen.is_new(emotion(tenant="a"))
    assert seen.is_new(emotion(tenant="b"))
