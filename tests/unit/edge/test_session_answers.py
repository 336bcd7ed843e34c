"""What the session core answers, to the word and the number: clients act on both."""

from __future__ import annotations

import json
from typing import Any

import pytest

from edge.effects import Hang
from edge.protocol import Close
from edge.seal import Sealer
from edge.session import Session, State
from edge.streams import StreamMemory
from edge.tokens import Visitor
from tests.unit.edge.session_client import GRANT, NOW, ORIGIN, RESUME, Client

NOVELTY = '{"type": "novelty"}'


def fresh() -> Session:
    return Session(memory=StreamMemory(), resume=RESUME, sealer=Sealer(), origin=ORIGIN)


def test_a_connection_without_hello_is_nobodys():
    session = fresh()
    assert (session.tenant, session.session, session.stream, session.key) == ("", "", "", "")
    assert session.interventions_allowed is True
    assert session.offset_ms == 0
    assert session.state is State.AWAIT_HELLO


def test_welcome_holds_what_the_client_goes_on():
    client = Client().hello(clock=NOW - 5)
    session = client.sent[0]["session"]
    assert client.sent == [
        {
            "type": "welcome",
            "session": session,
            "resume": RESUME.make("acme", session, Visitor(session, round(NOW))),
            "acked": 0,
            "clock": NOW,
            "config": GRANT.sdk_config,
        }
    ]
    assert client.session.key == "pk_test"


@pytest.mark.parametrize("allowed", [True, False])
def test_interventions_are_as_the_visitor_said_last(allowed: bool):
    client = Client().hello(consent={"analytics": True, "interventions": allowed})
    assert client.session.interventions_allowed is allowed
    client.say(type="consent", seq=1, analytics=True, interventions=not allowed)
    assert client.session.interventions_allowed is (not allowed)
    assert client.closed is None


def test_until_the_welcome_a_client_waits():
    session = fresh()
    hello = json.dumps({"type": "hello", "key": "k", "stream": "p"})
    session.receive(hello, NOW)
    assert session.state is State.AWAIT_ADMISSION
    error, hang = session.receive('{"type": "bye"}', NOW)
    assert json.loads(error.text) == {  # type: ignore[union-attr]
        "type": "error",
        "code": "bad_message",
        "message": "wait for welcome",
    }
    assert hang == Hang(Close.BAD_MESSAGE, "bad message")


def test_a_refused_admission_ends_as_it_was_told():
    session = fresh()
    assert session.refuse(4401, "unknown key") == [Hang(4401, "unknown key")]
    assert session.state is State.CLOSED
    assert session.receive('{"type": "bye"}', NOW) == []


ENDS: list[tuple[dict[str, Any], int, str]] = [
    ({"type": "bye"}, 1000, "bye"),
    (
        {"type": "consent", "seq": 1, "analytics": False, "interventions": True},
        Close.CONSENT,
        "consent withdrawn",
    ),
    (
        {"type": "events", "seq": 1, "t0": NOW, "events": [[2, 0, 1, 1]] * 501},
        Close.TOO_MANY_EVENTS,
        "at most 500 events a frame",
    ),
]


@pytest.mark.parametrize(("frame", "code", "reason"), ENDS, ids=["bye", "consent", "too many"])
def test_an_open_connection_ends_with_its_reason(frame: dict[str, Any], code: int, reason: str):
    client = Client().hello().say(**frame)
    assert (client.closed, client.reason) == (code, reason)
    assert client.session.state is State.CLOSED


def test_a_connection_that_does_not_open_ends_with_its_reason():
    assert Client().hello(gpc=True).reason == "no consent, nothing is stored"
    assert Client(origin="null").hello().reason == "this origin may not use the key"
    early = Client().say(type="bye")
    assert (early.closed, early.reason) == (4400, "the first frame must be hello")


def test_500_events_are_not_too_many():
    client = Client().hello().clicks(1, events=[[2, 0, 1, 1]] * 500)
    assert client.closed is None
    assert len(client.accepted) == 1


def test_a_gap_names_what_was_expected():
    client = Client().hello().clicks(1).clicks(5)
    assert client.last == {"type": "error", "code": "seq_gap", "message": "expected 2", "seq": 5}
    assert client.reason == "seq must be dense; reconnect and resend"


def test_before_identity_is_up_the_client_learns_when_to_come_back():
    client = Client(sealer=Sealer()).hello().say(type="identify", seq=1, user_id="u1")
    assert client.last == {
        "type": "error",
        "code": "slow",
        "message": "not ready",
        "seq": 1,
        "retry_after_ms": 2_000,
    }
    assert client.reason == "identity is starting"


def test_an_unknown_kind_of_outcome_is_refused_and_its_seq_is_spent():
    client = Client().hello().say(type="outcome", seq=1, intervention="i", kind="adored")
    assert client.last == {
        "type": "error",
        "code": "bad_kind",
        "message": "outcome kind 'adored'",
        "seq": 1,
    }
    assert client.clicks(2).accepted[0].seq == 2


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x00", "binary frames are not of this protocol"),
        (json.dumps({"type": "hello", "key": "k", "stream": "p"}), "hello was said before"),
        ('{"type": "bye"', "not a JSON object: Input data was truncated"),
        (json.dumps({"type": "reset", "seq": 0}), "Expected `int` >= 1 - at `$.seq`"),
    ],
)
def test_a_bad_message_is_told_what_is_wrong(data: str | bytes, message: str):
    client = Client().hello().say_raw(data)
    assert client.last == {"type": "error", "code": "bad_message", "message": message}
    assert client.closed is None


def test_what_is_said_of_a_bad_message_stays_short():
    client = Client().hello()
    client.say(type="outcome", seq=1, intervention="i", kind="k" * 1_000)
    assert len(client.last["message"]) == 200


def test_an_unknown_type_is_no_hello():
    client = Client().say_raw(NOVELTY)
    assert client.last["message"] == "expected hello: novelty"
    assert client.closed == Close.BAD_MESSAGE


def test_ten_bad_messages_are_survived_the_eleventh_is_not():
    client = Client().hello()
    for _ in range(10):
        client.say_raw("nonsense")
    assert client.closed is None
    client.say_raw("nonsense")
    assert (client.closed, client.reason) == (Close.BAD_MESSAGE, "bad message")
    assert client.session.state is State.CLOSED


def test_what_is_ignored_or_refused_is_counted():
    client = Client().hello().say_raw(NOVELTY).say_raw(NOVELTY).say_raw("[").say_raw("[")
    client.clicks(1, events=[[99, 0], [98, 0], [2, 0, 1, 1]])
    client.clicks(2, events=[[99, 0]]).clicks(2).clicks(2).clicks(4)
    # Every connection of a stream has its own count.
    assert client.session.counters == {
        "unknown_type": 2,
        "bad_message": 2,
        "unknown_event": 3,
        "duplicate": 2,
        "seq_gap": 1,
    }


# -- how fast a client may be ---------------------------------------------------------------


def test_a_burst_of_300_frames_is_taken_and_no_more():
    client = Client().hello()
    for _ in range(299):
        client.say_raw(NOVELTY)
    assert client.closed is None
    client.say_raw(NOVELTY)
    assert (client.closed, client.reason) == (Close.TOO_FAST, "too many frames")


def test_a_second_earns_100_frames():
    client = Client().hello()
    for _ in range(299):
        client.say_raw(NOVELTY)
    for _ in range(100):
        client.say_raw(NOVELTY, NOW + 1_000)
    assert client.closed is None
    assert client.say_raw(NOVELTY, NOW + 1_000).closed == Close.TOO_FAST


def test_less_than_10_ms_earn_no_frame():
    client = Client().hello()
    for _ in range(299):
        client.say_raw(NOVELTY)
    assert client.say_raw(NOVELTY, NOW + 9).closed == Close.TOO_FAST


def test_no_silence_earns_more_than_a_burst():
    client = Client().hello()
    for _ in range(300):
        client.say_raw(NOVELTY, NOW + 3_600_000)
    assert client.closed is None
    assert client.say_raw(NOVELTY, NOW + 3_600_000).closed == Close.TOO_FAST


def test_a_clock_that_goes_back_costs_nothing():
    client = Client().hello().say_raw(NOVELTY, NOW - 3_600_000)
    assert client.closed is None
