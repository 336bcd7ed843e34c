"""Settings of detection that no partition could be held by."""

from __future__ import annotations

import pytest

from services.common.settings import SettingsError, load
from services.detection.settings import Settings

ENV = {"SIQ_MESH_SECRET": "m" * 32, "SIQ_STATE_URL": "redis://a:1", "SIQ_LOG_URL": "redis://b:1"}


def test_a_partition_holds_4096_streams_unless_told_otherwise() -> None:
    assert load(Settings, ENV).streams == 4096
    assert load(Settings, {**ENV, "SIQ_STREAMS_PER_PARTITION": "65536"}).streams == 65_536


@pytest.mark.parametrize("streams", [0, -1, (1 << 24) + 1])
def test_what_no_partition_can_hold_is_refused(streams: int) -> None:
    with pytest.raises(SettingsError, match="expected 1 to 16777216"):
        load(Settings, {**ENV, "SIQ_STREAMS_PER_PARTITION": str(streams)})
