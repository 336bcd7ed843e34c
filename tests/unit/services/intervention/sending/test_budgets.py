"""What `SIQ_SEND_RATES` may say."""

from __future__ import annotations

import pytest

from services.intervention.sending.budgets import DEFAULT_RATES, read_rates
from services.intervention.sending.lanes import CHANNELS


def test_what_is_not_named_keeps_its_usual_rate() -> None:
    assert read_rates(["sms=60", "email=30"]) == {**DEFAULT_RATES, "sms": 60, "email": 30}


def test_every_channel_has_a_rate() -> None:
    assert set(DEFAULT_RATES) == set(CHANNELS)


@pytest.mark.parametrize(
    "pair", ["sms", "sms=", "sms=-1", "sms=1.5", "fax=3", "sms=0", "sms=60001"]
)
def test_what_is_no_rate_is_refused_with_the_mend(pair: str) -> None:
    with pytest.raises(ValueError, match="expected"):
        read_rates([pair])
