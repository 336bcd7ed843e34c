"""How long to wait before trying again."""

from __future__ import annotations

import email.utils
import time

import pytest

from services.intervention.channels.verdict import Ending, Verdict, retry_after_s
from services.intervention.sending.pauses import pause_before


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0", 0), ("7", 7), ("1.5", 1.5), ("99999", 900), ("-3", 0), ("", None), ("soon", None)],
)
def test_retry_after_in_seconds(text: str, seconds: float | None) -> None:
    assert retry_after_s({"retry-after": text}) == seconds


def test_retry_after_as_a_date() -> None:
    text = email.utils.formatdate(time.time() + 60, usegmt=True)
    assert retry_after_s({"retry-after": text}) == pytest.approx(60, abs=2)


@pytest.mark.parametrize("text", ["nan", "inf", "-inf"])
def test_retry_after_is_never_endless(text: str) -> None:
    assert (retry_after_s({"retry-after": text}) or 0) <= 900


def test_bounds_of_pauses_double_up_to_two_minutes_and_are_all_jitter() -> None:
    retry = Verdict(Ending.RETRY)
    for attempts, longest in ((1, 0.5), (2, 1.0), (5, 8.0), (20, 120.0)):
        pauses = [pause_before(attempts, retry) for _ in range(400)]
        assert 0 <= min(pauses) < longest * 0.1
        assert longest * 0.9 < max(pauses) <= longest


def test_provider_is_not_asked_before_it_says() -> None:
    assert pause_before(1, Verdict(Ending.RETRY, retry_after_s=30.0)) >= 30.0
