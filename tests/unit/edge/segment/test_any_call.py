"""Whatever JSON a call is, it becomes something, or a word that says why not."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from edge.segment import behavior, people
from edge.segment.body import read_batch, unpack
from edge.segment.calls import REASONS, Unusable, read_call
from edge.segment.clock import moment_of
from tests.documents import ROOT, section, spans

NOW_MS = 1_767_323_045_678
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
WORDS = st.sampled_from(
    [*("track", "page", "screen", "identify", "group", "alias"), "/a?b", "http://[", "a@b.example"]
) | st.text(max_size=20)
TIMES = st.datetimes().map(lambda moment: moment.isoformat()) | st.sampled_from(
    ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "2026-W01-1", "20260102T030405Z"]
)
_INNER = ["email", "name", "path", "url", "referrer", "website", "domain", "company", "page", "id"]
OBJECTS = st.dictionaries(st.sampled_from(_INNER), VALUES | WORDS | st.just({"url": "/x"}))
CALLS = st.fixed_dictionaries(
    {"type": WORDS, "userId": WORDS | st.integers()},
    optional={
        **dict.fromkeys(["event", "name", "messageId", "previousId", "groupId"], WORDS | VALUES),
        **dict.fromkeys(["properties", "traits", "context"], OBJECTS | VALUES),
        **dict.fromkeys(["timestamp", "originalTimestamp", "sentAt"], TIMES | VALUES),
    },
)


def record_of(raw: Raw) -> Any:
    """What intake makes of a call, short of the log."""
    call = read_call(raw, None)
    moment = moment_of(call, None, NOW_MS)
    assert 0 <= moment.at_ms <= NOW_MS
    makers = {
        "track": behavior.track,
        "page": behavior.page_view,
        "screen": behavior.page_view,
        "identify": people.identify,
        "group": people.group,
        "alias": people.alias,
    }
    if call.type not in makers:
        raise Unusable("unknown_type")
    return makers[call.type](call)


def reason_of(raw: Raw) -> str:
    """Why a call is not used; empty: it is."""
    try:
        record_of(raw)
    except Unusable as unusable:
        return str(unusable)
    return ""


@given(st.lists(CALLS | VALUES, max_size=4))
def test_a_call_becomes_something_or_says_why_not(calls: list[Any]):
    request = read_batch(unpack(json.dumps({"batch": calls}).encode(), ""))
    assert len(request.calls) == len(calls)
    assert {reason_of(raw) for raw in request.calls} <= {"", *REASONS}


def test_the_document_says_what_each_reason_means():
    table = section(ROOT / "docs" / "segment.md", "What becomes of a call").partition("| ignored")[
        2
    ]
    meant = [word for line in table.splitlines() for word in spans(line.partition(" | ")[0])]
    assert sorted(meant) == sorted(REASONS)
