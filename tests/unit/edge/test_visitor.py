"""What Decide is told of the visitor, and when help is shown that is to wait."""

from __future__ import annotations

import asyncio
import time
from typing import Any, cast

from sentientiq.intervention.v1 import intervention_pb2 as pb
from sentientiq.intervention.v1 import intervention_service_pb2 as service_pb2

from edge.hub import Hub
from edge.reactor import Reactor


class Page:
    """A connection, as far as the hub looks at it."""

    key = "pk"
    interventions_allowed = True
    zone = "Europe/Vienna"
    offset_ms = 0.0

    def __init__(self, stream: str, language: str) -> None:
        self.stream = stream
        self.language = language
        self.sent: list[str] = []

    def send(self, text: str) -> None:
        self.sent.append(text)

    def close(self, code: int, reason: str) -> None:
        raise AssertionError(f"nothing is closed here: {code} {reason}")


class Replaced(Page):
    """Notes how it was closed."""

    code = 0

    def close(self, code: int, reason: str) -> None:
        self.code = code


def test_the_page_in_front_speaks_for_its_visitor() -> None:
    hub = Hub()
    hub.join("t", "s", Page("p1", "en"), 1.0)
    live = hub.join("t", "s", Page("p2", "de-AT"), 2.0)
    visitor = live.visitor()
    assert visitor is not None
    assert (visitor.language, visitor.zone) == ("de-AT", "Europe/Vienna")
    assert (visitor.interventions_consent, visitor.analytics_consent) == (True, True)
    live.visible_at_ms["p1"] = 3.0
    visitor = live.visitor()
    assert visitor is not None
    assert visitor.language == "en"


def test_a_key_is_in_use_as_long_as_a_connection_has_it() -> None:
    hub = Hub()
    first, second = Page("p1", "en"), Page("p2", "en")
    first.key, second.key = "pk_a", "pk_b"
    hub.join("t", "s", first, 1.0)
    hub.join("t", "s", first, 2.0)
    hub.join("t", "s", second, 3.0)
    assert set(hub.keys()) == {"pk_a", "pk_b"}
    hub.leave("t", "s", first)
    hub.leave("t", "s", first)
    assert set(hub.keys()) == {"pk_b"}


def test_a_page_that_comes_again_with_another_key_gives_its_old_one_back() -> None:
    hub = Hub()
    old, new = Replaced("p1", "en"), Page("p1", "en")
    old.key, new.key = "pk_a", "pk_b"
    hub.join("t", "s", old, 1.0)
    hub.join("t", "s", new, 2.0)
    assert (old.code, set(hub.keys())) == (1000, {"pk_b"})
    assert not hub.leave("t", "s", old)
    assert set(hub.keys()) == {"pk_b"}


class Pending:
    """Stands for intervention: what it still wants to be shown."""

    def __init__(self) -> None:
        self.interventions: list[pb.Intervention] = []

    async def ListPending(
        self, request: service_pb2.ListPendingRequest, **options: Any
    ) -> service_pb2.ListPendingResponse:
        return service_pb2.ListPendingResponse(interventions=self.interventions)


async def test_help_that_is_to_wait_waits_and_is_not_shown_to_whoever_has_left() -> None:
    hub = Hub()
    page = Page("p1", "en")
    live = hub.join("t", "s", page, 1.0)
    none: Any = None
    asked = Pending()
    reactor = cast("Any", Reactor(hub, none, none, cast("Any", asked)))
    now_ms = time.time() * 1000
    later = pb.Intervention(
        id="i", tenant_id="t", session_id="s", payload_json="{}",
        show_at_ms=round(now_ms + 60), expires_at_ms=round(now_ms + 60_000),
    )  # fmt: skip
    asked.interventions = [later]
    showing = asyncio.create_task(reactor._show(later, live, now_ms))
    await asyncio.sleep(0)
    assert page.sent == []
    await showing
    assert len(page.sent) == 1
    assert time.time() * 1000 >= later.show_at_ms - 1
    # A kill switch was thrown meanwhile: intervention names it no more.
    asked.interventions = []
    later.id, later.show_at_ms = "k", round(time.time() * 1000 + 20)
    await reactor._show(later, live, time.time() * 1000)
    assert len(page.sent) == 1
    hub.leave("t", "s", page)
    later.id, later.show_at_ms = "j", 0
    await reactor._show(later, live, time.time() * 1000)
    assert len(page.sent) == 1
