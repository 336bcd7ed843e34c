"""What the edge sends, and what it takes, is what the published schemas say."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from sentientiq.detection.v1 import emotion_pb2
from sentientiq.intervention.v1 import intervention_pb2

from edge import protocol
from edge.push import emotion_frame, intervention_frame

SCHEMAS = Path(__file__).parents[2] / "edge" / "schemas"
CLIENT = json.loads((SCHEMAS / "client.schema.json").read_text())
SERVER = json.loads((SCHEMAS / "server.schema.json").read_text())

HELLO: dict[str, Any] = {"type": "hello", "key": "pk_test_1", "stream": "p1", "clock": 1}
EVENTS: dict[str, Any] = {"type": "events", "seq": 1, "t0": 1, "events": [[2, 0, 1, 1]]}


@pytest.mark.parametrize(
    "frame",
    [
        protocol.ack(3),
        protocol.frame("error", code="slow", message="m", retry_after_ms=5),
        protocol.frame("drain", after_ms=100),
        protocol.frame(
            "welcome",
            session="s",
            resume="r",
            acked=0,
            clock=1,
            config={"coalesce_ms": 250, "sampling": 1, "kill": False},
        ),
        emotion_frame(
            emotion_pb2.Emotion(
                id="e", rev=1, kind=emotion_pb2.EMOTION_KIND_RAGE, confidence=90, trigger="t"
            ),
            offset_ms=0,
        ),
        intervention_frame(
            intervention_pb2.Intervention(
                id="i",
                decision_id="d",
                type=intervention_pb2.INTERVENTION_TYPE_SUPPORT,
                priority=intervention_pb2.PRIORITY_HIGH,
                payload_json='{"title": "t", "body": "b", "actions": [{"id": "a", "label": "l"}]}',
                expires_at_ms=1,
            )
        ),
    ],
)
def test_server_frames_follow_the_schema(frame: str):
    jsonschema.validate(json.loads(frame), SERVER)


@pytest.mark.parametrize(
    ("frame", "good"),
    [
        (HELLO, True),
        ({**HELLO, "novelty": 1}, True),
        ({**HELLO, "stream": ""}, False),
        ({**HELLO, "clock": -1}, False),
        (EVENTS, True),
        ({**EVENTS, "seq": 0}, False),
        ({**EVENTS, "targets": [[1, "a#b", 1]]}, True),
        ({**EVENTS, "targets": [[4096, "a#b", 1]]}, False),
        ({"type": "identify", "seq": 1, "email": "a@b.example"}, True),
        ({"type": "consent", "seq": 1}, False),
        ({"type": "bye"}, True),
    ],
)
def test_schema_and_decoder_agree(frame: dict[str, Any], good: bool):
    valid = jsonschema.Draft202012Validator(CLIENT).is_valid(frame)
    try:
        protocol.decode(json.dumps(frame))
        decoded = True
    except protocol.BadMessage:
        decoded = False
    assert (valid, decoded) == (good, good)
