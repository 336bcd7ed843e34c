"""What leaves the session core for the log, field by field."""

from __future__ import annotations

import json
from typing import Any

import pytest
from nacl.public import PrivateKey, SealedBox
from sentientiq.behavior.v1.types_pb2 import BehaviorBatch, Target
from sentientiq.identity.v1.identity_service_pb2 import SealedIdentify
from sentientiq.intervention.v1 import intervention_pb2 as intervention

from edge.effects import Accept
from edge.seal import Sealer
from edge.streams import StreamMemory
from edge.tenants import Grant
from hotpath.columns import from_wire, to_wire
from services.common.ids import outcome_id
from services.common.log import BEHAVIOR, IDENTITY, OUTCOME
from tests.unit.edge.session_client import NOW, RESUME, Client, batch_of

LATE = 60_000
"""How far the client's clock is behind in these tests."""


def late(**more: Any) -> Client:
    """A client whose clock is a minute behind."""
    return Client().hello(clock=NOW - LATE, **more)


def test_a_batch_says_everything_that_a_reader_needs():
    client = late(ptr="touch")
    client.say(
        NOW + 5,
        type="events",
        seq=1,
        t0=NOW - LATE + 2,
        page="/cart",
        targets=[[4, "button#pay", 0b10], [5, "a.more", 2**40 + 1]],
        events=[[3, 0, 10, 20, 4], [3, 7, 1, 2, 5], [21, 1, "paid", {"sum": 5}]],
    )
    columns = from_wire(
        [[3, 0, 10, 20, 4], [3, 7, 1, 2, 5], [21, 1, "paid", {"sum": 5}]],
        {4: ("button#pay", 0b10), 5: ("a.more", 1)},
    )
    (accept,) = client.accepted
    batch = batch_of(accept)
    assert abs(batch.received_at_ns - (int(NOW) + 5) * 1_000_000) < 1_000
    assert batch == BehaviorBatch(
        tenant_id="acme",
        session_id=client.sent[0]["session"],
        stream_id="p1",
        seq=1,
        t0_ms=int(NOW) + 2,
        page="/cart",
        pointer=1,
        count=3,
        columns=columns.blob,
        targets=[
            Target(descriptor="button#pay", flags=0b10),
            Target(descriptor="a.more", flags=1),
        ],
        strings=columns.strings,
        received_at_ns=batch.received_at_ns,
    )


@pytest.mark.parametrize(
    ("hello", "frame", "pointer"),
    [
        ({}, {}, 0),
        ({"ptr": "mouse"}, {}, 0),
        ({"ptr": "touch"}, {}, 1),
        ({"ptr": "pen"}, {}, 2),
        ({"ptr": "telepathy"}, {}, 0),
        ({"ptr": "pen"}, {"ptr": "touch"}, 1),
        ({"ptr": "touch"}, {"ptr": "mouse"}, 0),
        ({"ptr": "touch"}, {"ptr": "telepathy"}, 0),
    ],
)
def test_the_pointer_is_the_frames_else_the_hellos(
    hello: dict[str, Any], frame: dict[str, Any], pointer: int
):
    client = Client().hello(**hello).clicks(1, **frame)
    assert batch_of(client.accepted[0]).pointer == pointer


def events_of(accept: Accept) -> list[list[Any]]:
    batch = batch_of(accept)
    return to_wire(batch.columns, [], batch.strings)


@pytest.mark.parametrize(
    ("frame", "event"),
    [
        ({"type": "reset"}, [24, 0]),
        ({"type": "consent", "analytics": True, "interventions": False}, [23, 0, 1, 0]),
        ({"type": "consent", "analytics": True, "interventions": True}, [23, 0, 1, 1]),
        ({"type": "consent", "analytics": False, "interventions": True}, [23, 0, 0, 1]),
    ],
)
def test_a_marker_is_a_batch_of_its_one_event(frame: dict[str, Any], event: list[Any]):
    client = late(page="/cart", ptr="pen")
    client.say(seq=1, t=NOW - LATE + 9, **frame)
    (accept,) = client.accepted
    assert (accept.topic, accept.seq) == (BEHAVIOR, 1)
    assert events_of(accept) == [event]
    batch = batch_of(accept)
    assert (batch.seq, batch.count, batch.t0_ms) == (1, 1, int(NOW) + 9)
    assert (batch.page, batch.pointer) == ("/cart", 2)


def test_an_identify_says_whose_it_is_outside_and_who_it_is_inside():
    private = PrivateKey.generate()
    public = bytes(private.public_key)
    client = Client(sealer=Sealer(public)).hello(clock=NOW - LATE)
    client.say(
        type="identify",
        seq=1,
        t=NOW - LATE + 9,
        user_id="u1",
        email="dana@acme.example",
        traits={"ltv": 7},
        token="t.t.t",
    )
    (accept,) = client.accepted
    assert (accept.topic, accept.seq) == (IDENTITY, 1)
    record = accept.message
    assert isinstance(record, SealedIdentify)
    assert record == SealedIdentify(
        tenant_id="acme",
        session_id=client.sent[0]["session"],
        stream_id="p1",
        seq=1,
        sealed=record.sealed,
        key_id=public[:8],
        occurred_at_ms=int(NOW) + 9,
    )
    assert json.loads(SealedBox(private).decrypt(record.sealed)) == {
        "user_id": "u1",
        "email": "dana@acme.example",
        "traits": {"ltv": 7},
        "token": "t.t.t",
    }


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("shown", intervention.OUTCOME_KIND_SHOWN),
        ("clicked", intervention.OUTCOME_KIND_CLICKED),
        ("dismissed", intervention.OUTCOME_KIND_DISMISSED),
        ("failed", intervention.OUTCOME_KIND_FAILED),
    ],
)
def test_an_outcome_is_named_by_what_happened_to_what(
    kind: str, code: intervention.OutcomeKind.ValueType
):
    client = late()
    client.say(type="outcome", seq=1, intervention="i1", kind=kind, t=NOW - LATE + 9, action="chat")
    (accept,) = client.accepted
    assert (accept.topic, accept.seq) == (OUTCOME, 1)
    session = client.sent[0]["session"]
    assert accept.message == intervention.Outcome(
        id=outcome_id("acme", session, "i1", kind),
        tenant_id="acme",
        session_id=session,
        intervention_id="i1",
        kind=code,
        occurred_at_ms=int(NOW) + 9,
        channel="page",
        detail="chat",
    )


@pytest.mark.parametrize(
    "frame",
    [
        {"type": "events", "t0": NOW, "events": [[2, 0, 1, 1]]},
        {"type": "identify", "user_id": "u1"},
        {"type": "outcome", "intervention": "i1", "kind": "shown"},
        {"type": "consent", "analytics": True, "interventions": True},
        {"type": "reset"},
    ],
    ids=lambda frame: str(frame["type"]),
)
def test_whatever_carries_a_seq_is_taken_once_and_in_order(frame: dict[str, Any]):
    client = Client().hello().say(seq=1, **frame).say(seq=1, **frame).say(seq=2, **frame)
    assert [accept.seq for accept in client.accepted] == [1, 2]
    assert client.say(seq=4, **frame).closed == 4400
    assert len(client.accepted) == 2


def test_streams_sessions_and_tenants_keep_their_own_count():
    memory = StreamMemory()
    first = Client(memory).hello().clicks(1)
    first.session.record.appended(1)
    session = first.sent[0]["session"]

    def acked(tenant: str = "acme", stream: str = "p1", session: str | None = session) -> int:
        grant = Grant(tenant, ("https://shop.example",), {}, emotions_to_page=False)
        resume = RESUME.make(tenant, session) if session else None
        client = Client(memory, grant=grant).hello(session=session, resume=resume, stream=stream)
        assert (client.sent[0]["session"] == session) == (session is not None)
        return int(client.sent[0]["acked"])

    assert acked() == 1
    assert acked(stream="p2") == 0
    assert acked(session=None) == 0
    assert acked(tenant="globex") == 0


def test_a_client_that_does_not_know_the_time_is_taken_at_its_word():
    client = Client().hello(clock=0).clicks(1, t0=5)
    assert client.session.offset_ms == 0
    assert batch_of(client.accepted[0]).t0_ms == 5


@pytest.mark.parametrize("t", [0.0, NOW + 1e14])
def test_a_broken_clock_costs_the_time_and_not_the_message(t: float):
    client = Client().hello()
    client.say(type="reset", seq=1, t=t)
    client.say(type="consent", seq=2, t=t, analytics=True, interventions=True)
    client.say(type="identify", seq=3, t=t, user_id="u1")
    client.say(type="outcome", seq=4, t=t, intervention="i1", kind="shown")
    reset, consent, identify, outcome = client.accepted
    moments = [
        batch_of(reset).t0_ms,
        batch_of(consent).t0_ms,
        SealedIdentify.FromString(identify.value).occurred_at_ms,
        intervention.Outcome.FromString(outcome.value).occurred_at_ms,
    ]
    assert moments == [0 if t == 0 else NOW + 24 * 3600 * 1000] * 4
