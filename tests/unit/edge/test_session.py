"""The session core, without a socket: frames in, effects out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.public import PrivateKey, SealedBox
from sentientiq.identity.v1.identity_service_pb2 import SealedIdentify
from sentientiq.intervention.v1 import intervention_pb2 as intervention

from edge.effects import Visible, Welcomed
from edge.protocol import Close
from edge.seal import Sealer
from edge.session import State
from edge.streams import StreamMemory
from hotpath.columns import to_wire
from services.common.log import BEHAVIOR, IDENTITY, OUTCOME
from tests.unit.edge.session_client import NOW, RESUME, Client, batch_of


def test_hello_is_welcomed_with_a_session_and_a_resume_token():
    client = Client().hello()
    assert client.session.state is State.OPEN
    assert client.last["type"] == "welcome"
    assert client.last["acked"] == 0
    assert RESUME.valid("acme", client.last["session"], client.last["resume"])
    assert client.others == [Welcomed("acme", client.last["session"], "p1")]


def test_events_become_a_self_contained_batch():
    client = Client().hello().clicks(1)
    (accept,) = client.accepted
    batch = batch_of(accept)
    assert (accept.topic, accept.seq) == (BEHAVIOR, 1)
    assert (batch.tenant_id, batch.stream_id, batch.seq, batch.page) == ("acme", "p1", 1, "/")
    assert [(t.descriptor, t.flags) for t in batch.targets] == [("button#pay", 2)]
    targets = [(t.descriptor, t.flags) for t in batch.targets]
    assert to_wire(batch.columns, targets, batch.strings)[0][:5] == [3, 0, 10, 20, 1]


def test_the_page_follows_page_views():
    client = Client().hello()
    client.say(type="events", seq=1, t0=NOW, events=[[1, 0, "/pricing", 1]])
    client.clicks(2)
    assert [batch_of(accept).page for accept in client.accepted] == ["/", "/pricing"]


def test_a_target_stays_known_until_the_connection_ends():
    memory = StreamMemory()
    client = Client(memory).hello().clicks(1)
    client.say(type="events", seq=2, t0=NOW, events=[[3, 0, 1, 1, 1]])
    assert batch_of(client.accepted[1]).targets[0].descriptor == "button#pay"
    again = Client(memory).hello(session=client.sent[0]["session"], resume=client.sent[0]["resume"])
    again.say(type="events", seq=3, t0=NOW, events=[[3, 0, 1, 1, 1]])
    assert again.last["code"] == "bad_target"


def test_time_is_corrected_once_for_the_stream():
    memory = StreamMemory()
    client = Client(memory).hello(clock=NOW - 60_000).clicks(1, t0=NOW - 60_000)
    assert batch_of(client.accepted[0]).t0_ms == NOW
    welcome = client.sent[0]
    again = Client(memory).hello(
        session=welcome["session"], resume=welcome["resume"], clock=NOW - 61_000
    )
    again.clicks(2, t0=NOW - 60_000)
    assert batch_of(again.accepted[0]).t0_ms == NOW


def test_a_duplicate_is_dropped_and_acknowledged_again():
    client = Client().hello().clicks(1)
    client.session.record.appended(1)
    client.clicks(1)
    assert len(client.accepted) == 1
    assert client.last == {"type": "ack", "seq": 1}


def test_a_duplicate_in_flight_waits_for_its_ack():
    client = Client().hello().clicks(1)
    before = len(client.sent)
    client.clicks(1)
    assert (len(client.accepted), len(client.sent)) == (1, before)


def test_a_gap_is_refused_so_that_the_client_resends():
    client = Client().hello().clicks(1).clicks(3)
    assert client.last["code"] == "seq_gap"
    assert client.closed == Close.BAD_MESSAGE


def test_resume_continues_after_what_was_acknowledged():
    memory = StreamMemory()
    client = Client(memory).hello().clicks(1).clicks(2)
    client.session.record.appended(2)
    welcome = client.sent[0]
    again = Client(memory).hello(session=welcome["session"], resume=welcome["resume"])
    assert again.last["session"] == welcome["session"]
    assert again.last["acked"] == 2
    assert again.clicks(2).clicks(3).accepted[0].seq == 3


def test_a_worker_that_never_saw_the_stream_takes_it_where_it_stands():
    client = Client().hello().clicks(7).clicks(8)
    assert [accept.seq for accept in client.accepted] == [7, 8]


def test_a_worker_that_missed_the_last_of_the_stream_takes_it_where_it_stands():
    memory = StreamMemory()
    client = Client(memory).hello().clicks(1)
    client.session.record.appended(1)
    welcome = client.sent[0]  # another worker acknowledges 2 to 6, then the page comes back
    again = Client(memory).hello(session=welcome["session"], resume=welcome["resume"])
    again.clicks(7).clicks(8).clicks(10)
    assert [accept.seq for accept in again.accepted] == [7, 8]
    assert again.last["code"] == "seq_gap"


def test_a_session_without_its_token_gets_a_new_one():
    other = Client().hello().sent[0]["session"]
    client = Client().hello(session=other, resume="0" * 32)
    assert client.sent[0]["session"] != other


def test_identify_leaves_sealed_and_nothing_else_carries_it():
    private = PrivateKey.generate()
    client = Client(sealer=Sealer(bytes(private.public_key))).hello()
    client.say(type="identify", seq=1, t=NOW, user_id="u1", email="dana@acme.example")
    (accept,) = client.accepted
    assert accept.topic == IDENTITY
    assert isinstance(accept.message, SealedIdentify)
    assert b"dana" not in accept.value
    opened = json.loads(SealedBox(private).decrypt(accept.message.sealed))
    assert opened["email"] == "dana@acme.example"


def test_identify_before_identity_is_up_must_be_sent_again():
    client = Client(sealer=Sealer()).hello().say(type="identify", seq=1, user_id="u1")
    assert client.accepted == []
    assert client.last["code"] == "slow"
    assert client.closed == Close.TRY_LATER


def test_an_outcome_counts_once_however_often_it_is_sent():
    client = Client().hello()
    for seq in (1, 2):
        client.say(type="outcome", seq=seq, intervention="i1", kind="shown", t=NOW)
    first, second = (accept.message for accept in client.accepted)
    assert isinstance(first, intervention.Outcome)
    assert isinstance(second, intervention.Outcome)
    assert client.accepted[0].topic == OUTCOME
    assert first.id == second.id
    assert first.kind == intervention.OUTCOME_KIND_SHOWN


def test_visibility_moves_the_front():
    client = Client().hello()
    client.say(type="events", seq=1, t0=NOW, events=[[18, 0, 0], [18, 5, 1]])
    assert client.others[-1] == Visible(True)


def test_withdrawn_consent_is_recorded_and_then_obeyed():
    client = Client().hello()
    client.say(type="consent", seq=1, t=NOW, analytics=False, interventions=False)
    assert len(client.accepted) == 1
    assert client.closed == Close.CONSENT


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"gpc": True}, Close.CONSENT),
        ({"consent": {"analytics": False, "interventions": False}}, Close.CONSENT),
    ],
)
def test_without_consent_nothing_starts(more: dict[str, Any], code: int):
    client = Client().hello(**more)
    assert client.closed == code
    assert client.others == []


@pytest.mark.parametrize(
    "origin", [None, "null", "https://shop.example.evil", "http://shop.example"]
)
def test_a_foreign_origin_is_refused(origin: str | None):
    assert Client(origin=origin).hello().closed == Close.KEY_OR_ORIGIN


BAD_EVENTS: list[tuple[list[Any], str]] = [
    ([3, -1, 0, 0, 0], "bad_dt"),
    ([3, 0, 0, 0, 9], "bad_target"),
    ([2, 0, "x", 0], "bad_number"),
    ([2, 0, 1e308, 0], "bad_number"),
    ([2, 0], "bad_arity"),
    ([], "bad_arity"),
]


@pytest.mark.parametrize(("event", "code"), BAD_EVENTS)
def test_a_bad_event_is_refused_for_good_and_its_seq_is_spent(event: list[Any], code: str):
    client = Client().hello().clicks(1, events=[event])
    assert client.last["code"] == code
    assert client.last["seq"] == 1
    assert client.clicks(2).accepted[0].seq == 2


def test_kinds_that_only_the_log_may_carry_are_ignored():
    client = Client().hello().say(type="events", seq=1, t0=NOW, events=[[24, 0], [26, 0]])
    assert batch_of(client.accepted[0]).count == 0


def test_501_events_close_the_socket():
    client = Client().hello().clicks(1, events=[[2, 0, 1, 1]] * 501)
    assert client.closed == Close.TOO_MANY_EVENTS


def test_unknown_types_and_fields_are_ignored():
    client = Client().hello(novelty=1).say(type="novelty", seq=1).clicks(1, novelty=2)
    assert client.closed is None
    assert client.session.counters["unknown_type"] == 1
    assert len(client.accepted) == 1


def test_a_number_that_an_unknown_type_used_leaves_no_gap():
    client = Client().hello().clicks(1).say(type="novelty", seq=2).say(type="novelty", seq=3)
    client.clicks(4)
    assert (client.closed, len(client.accepted)) == (None, 2)
    client.say(type="novelty", seq=9).clicks(10)  # out of turn: still a gap
    assert client.closed == Close.BAD_MESSAGE


@pytest.mark.parametrize(
    "data",
    ["", "nonsense", "[]", "{}", '{"type": "events"}', b"\x00", "[" * 100_000, '{"type": 7}'],
)
def test_one_bad_message_is_survived_a_burst_is_not(data: str | bytes):
    client = Client().hello().say_raw(data)
    assert client.last["type"] == "error"
    assert client.closed is None
    for _ in range(10):
        client.say_raw(data)
    assert client.closed == Close.BAD_MESSAGE


def test_the_first_frame_must_be_hello():
    assert Client().clicks(1).closed == Close.BAD_MESSAGE


def test_too_many_frames_close_the_socket():
    client = Client().hello()
    for seq in range(1, 400):
        client.clicks(seq)
    assert client.closed == Close.TOO_FAST


def test_a_steady_client_is_never_too_fast():
    client = Client().hello()
    for seq in range(1, 2_000):
        client.say(NOW + seq * 20, type="events", seq=seq, t0=NOW + seq * 20, events=[[2, 0, 1, 1]])
    assert client.closed is None


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_no_json_value_breaks_a_session(value: Any):
    client = Client().hello()
    client.say_raw(json.dumps({"type": "events", "seq": 1, "t0": NOW, "events": value}))
    client.say_raw(json.dumps(value))
    assert client.session.state in (State.OPEN, State.CLOSED)
