"""The partition vectors: every producer, in any language, must agree with them."""

from __future__ import annotations

import json
from pathlib import Path

from services.common.partition import partition_of

VECTORS = json.loads(Path(__file__).with_name("partition.json").read_text())


def test_partition_vectors():
    found = [partition_of(vector["tenant"], vector["session"]) for vector in VECTORS]
    assert found == [vector["partition"] for vector in VECTORS]
