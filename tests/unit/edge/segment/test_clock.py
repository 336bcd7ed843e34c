"""When a call happened."""

from __future__ import annotations

import pytest

from edge.segment.calls import Call
from edge.segment.clock import Moment, epoch_ms, moment_of

AT = "2026-01-02T03:04:05.678Z"
AT_MS = 1_767_323_045_678
HOUR_MS = 3_600_000


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        (AT, AT_MS),
        ("2026-01-02T03:04:05.678", AT_MS),
        ("2026-01-02T04:04:05.678+01:00", AT_MS),
        ("2026-01-02", 1_767_312_000_000),
        ("yesterday", None),
        ("9999-12-31T23:59:59Z", None),
        ("0001-01-01T00:00:00Z", None),
        ("1969-12-31T23:59:59Z", None),
        (AT_MS, None),
        (None, None),
    ],
)
def test_times_are_read_or_are_none(text: object, ms: int | None):
    assert epoch_ms(text) == ms


def test_the_clients_clock_is_set_right():
    sent = "2026-01-02T03:04:15.678Z"  # 10 s after the call
    received_ms = AT_MS + HOUR_MS  # by our clock
    right = Moment(AT_MS, received_ms - 10_000, guessed=False)
    assert moment_of(Call(timestamp=AT), sent, received_ms) == right
    assert moment_of(Call(original_timestamp=AT, timestamp="x"), sent, received_ms) == right
    assert moment_of(Call(timestamp=AT, sent_at=sent), "2020-01-01", received_ms) == right


def test_without_a_time_of_sending_the_stated_time_counts():
    assert moment_of(Call(timestamp=AT), None, AT_MS + 5) == Moment(AT_MS, AT_MS, guessed=False)
    assert moment_of(Call(timestamp=AT), "x", AT_MS + 5) == Moment(AT_MS, AT_MS, guessed=False)


def test_nothing_happens_after_it_was_received_or_before_1970():
    assert moment_of(Call(timestamp=AT), None, AT_MS - 9).at_ms == AT_MS - 9
    assert moment_of(Call(timestamp=AT), "2025-01-01", AT_MS).at_ms == AT_MS
    assert moment_of(Call(timestamp="1970-01-02"), "2099-01-01", AT_MS).at_ms == 0


def test_without_a_usable_time_that_of_receipt_counts():
    assert moment_of(Call(), AT, AT_MS) == Moment(AT_MS, AT_MS, guessed=False)
    assert moment_of(Call(timestamp="x"), AT, AT_MS) == Moment(AT_MS, AT_MS, guessed=True)
