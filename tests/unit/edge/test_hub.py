"""Help is pushed to one page, and again only if that one can no longer say what became of it."""

from __future__ import annotations

from typing import Any, cast

import pytest
from sentientiq.intervention.v1 import intervention_pb2 as pb

from edge.effects import Accept
from edge.hub import Hub
from edge.settings import Settings
from edge.worker import Worker
from services.common.log import OUTCOME
from tests.unit.edge.session_client import NOW

HELP = pb.Intervention(id="i1", tenant_id="t", session_id="s", expires_at_ms=int(NOW) + 1_000)


class Page:
    """A connection, as far as the hub looks at it."""

    key = "pk"
    interventions_allowed = True

    def __init__(self, stream: str) -> None:
        self.stream = stream
        self.heard = 0

    def send(self, text: str) -> None:
        self.heard += 1

    def close(self, code: int, reason: str) -> None:
        """Nothing more is sent."""


def join(hub: Hub, stream: str, at_ms: float) -> Page:
    page = Page(stream)
    hub.join("t", "s", cast("Any", page), at_ms)
    return page


@pytest.fixture
def hub() -> Hub:
    return Hub()


def test_a_page_that_lives_has_it_and_gets_it_once(hub: Hub):
    page = join(hub, "p1", 1.0)
    assert hub.push(HELP, NOW)
    assert not hub.push(HELP, NOW)
    other = join(hub, "p2", 2.0)
    assert not hub.push(HELP, NOW)
    assert (page.heard, other.heard) == (1, 0)


def test_what_went_into_a_dead_socket_goes_to_its_next_one(hub: Hub):
    join(hub, "p1", 1.0)
    assert hub.push(HELP, NOW)
    again = join(hub, "p1", 2.0)
    assert hub.push(HELP, NOW)
    assert not hub.push(HELP, NOW)
    assert again.heard == 1


def test_what_a_page_left_unsaid_goes_to_another_of_its_session(hub: Hub):
    stays = join(hub, "p1", 1.0)
    leaves = join(hub, "p2", 2.0)
    assert hub.push(HELP, NOW)
    assert hub.leave("t", "s", cast("Any", leaves))
    assert hub.push(HELP, NOW)
    assert (stays.heard, leaves.heard) == (1, 1)


def test_what_a_page_has_answered_is_over(hub: Hub):
    page = join(hub, "p1", 1.0)
    assert hub.push(HELP, NOW)
    hub.answered("t", "s", "i1")
    hub.answered("t", "s", "of-another")
    hub.answered("t", "of-another", "i1")
    again = join(hub, "p1", 2.0)
    assert not hub.push(HELP, NOW)
    assert (page.heard, again.heard) == (1, 0)


def test_a_page_that_is_cut_off_by_what_it_is_sent_does_not_have_it(hub: Hub):
    class Deaf(Page):
        def send(self, text: str) -> None:
            hub.leave("t", "s", cast("Any", self))

    stays = join(hub, "p1", 1.0)
    hub.join("t", "s", cast("Any", Deaf("p2")), 2.0)
    hub.push(HELP, NOW)
    assert hub.push(HELP, NOW)
    assert stays.heard == 1


@pytest.mark.parametrize(
    "bad",
    [{"payload_json": "{"}, {"type": 99}, {"priority": 99}],
    ids=["payload", "type", "priority"],
)
def test_what_cannot_be_read_is_counted_and_harms_nobody(hub: Hub, bad: dict[str, Any]):
    page = join(hub, "p1", 1.0)
    strange = pb.Intervention(**bad)
    strange.MergeFrom(HELP)
    assert not hub.push(strange, NOW)
    assert (hub.unreadable, hub.pushes) == (1, 0)
    assert hub.push(HELP, NOW)
    assert page.heard == 1


async def test_an_outcome_that_the_worker_takes_is_an_answer():
    nowhere = "unix:///nonexistent.sock"
    worker = Worker(Settings(mesh_secret="m" * 32, state_url=nowhere, log_url=nowhere))
    session = worker.new_session(None)
    session.tenant, session.session = "t", "s"
    join(worker.hub, "p1", 1.0)
    assert worker.hub.push(HELP, NOW)
    said = pb.Outcome(intervention_id="i1", kind=pb.OUTCOME_KIND_SHOWN)
    worker.accept(session, Accept(OUTCOME, said.SerializeToString(), 1, said))
    join(worker.hub, "p1", 2.0)
    assert not worker.hub.push(HELP, NOW)
    await worker.close()
