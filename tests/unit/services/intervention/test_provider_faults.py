"""Every fault of every provider does what docs/channels.md says: a test for each row."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from services.intervention.channels.verdict import Ending, Verdict
from services.sandbox.faults import Fault
from tests.documents import ROOT
from tests.unit.services.intervention.providers import Providers, providers

PROVIDERS = ("twilio", "slack", "teams", "pagerduty", "webhook", "email")
Setup = Callable[[Providers], None]
OK = (Ending.SENT, Ending.DELIVERED)


@dataclass(frozen=True, slots=True)
class Case:
    """A fault, and what must come of it."""

    setup: Setup
    ending: Ending
    detail: str = ""
    retry_after_s: float | None = None
    down: bool = False
    arrives: int = 0
    """Messages that the provider has afterwards."""
    message: tuple[tuple[str, Any], ...] = ()
    broken: str = ""


def fault(**what: Any) -> Callable[[str], Setup]:
    """A fault of the sandbox, for the provider it is asked of."""
    return lambda provider: lambda all_: all_.faults.add(Fault(provider=provider, **what))  # type: ignore[arg-type]


def mail(**what: list[str]) -> Setup:
    """Replies of the SMTP server."""

    def setup(all_: Providers) -> None:
        for name, replies in what.items():
            getattr(all_.box, name).extend(replies)

    return setup


def silent(all_: Providers) -> None:
    """The SMTP server takes the mail and says nothing."""
    all_.box.wait.clear()


def nothing(_all: Providers) -> None:
    """No fault is needed."""


DROP, RETRY, UNKNOWN, OFF = Ending.DROP, Ending.RETRY, Ending.UNKNOWN, Ending.ENDPOINT_OFF
SENT, DELIVERED = Ending.SENT, Ending.DELIVERED
TO = "address"

_LATE = fault(delay_ms=3_000)
_CUT = fault(drop=True)
_BUSY = fault(status=429, retry_after_s=7)
_BROKEN = fault(status=500)
_LIE = fault(lies=True, body="<html>Log in to the hotel's network</html>")
_HUGE = (("body", "x" * 29_000),)
_SLOW = fault(delay_ms=200)

CASES: dict[tuple[str, str], Case] = {
    ("twilio", "429 with Retry-After"): Case(_BUSY("twilio"), RETRY, "20429", 7.0),
    ("twilio", "500, then well"): Case(_BROKEN("twilio"), RETRY, "20500", down=True),
    ("twilio", "no answer in time"): Case(
        _LATE("twilio"), UNKNOWN, "no_answer:", down=True, arrives=1
    ),
    ("twilio", "no connection"): Case(
        nothing, RETRY, "no_connection:", down=True, broken="refused"
    ),
    ("twilio", "connection reset"): Case(
        nothing, UNKNOWN, "no_answer:", down=True, broken="reset"
    ),
    ("twilio", "half an answer"): Case(
        _CUT("twilio"), UNKNOWN, "no_answer:", down=True, arrives=1
    ),
    ("twilio", "wrong content"): Case(
        _LIE("twilio"), UNKNOWN, "accepted_without_sid", arrives=1
    ),
    ("twilio", "slow"): Case(_SLOW("twilio"), SENT, "queued", arrives=1),
    ("twilio", "21211, no number"): Case(nothing, DROP, "21211", message=((TO, "+15005550001"),)),
    ("twilio", "21612, no route"): Case(nothing, DROP, "21612", message=((TO, "+15005550002"),)),
    ("twilio", "21408, region off"): Case(nothing, DROP, "21408", message=((TO, "+15005550003"),)),
    ("twilio", "21614, not mobile"): Case(nothing, DROP, "21614", message=((TO, "+15005550009"),)),
    ("twilio", "21610, opted out"): Case(nothing, OFF, "21610", message=((TO, "+15005550004"),)),
    ("twilio", "21611, queue full"): Case(
        fault(status=400, code=21611)("twilio"), RETRY, "21611"
    ),
    ("twilio", "21606, sender not ours"): Case(
        fault(status=400, code=21606)("twilio"), RETRY, "21606"
    ),
    ("twilio", "401, wrong token"): Case(
        fault(status=401, code=20003)("twilio"), RETRY, "20003"
    ),
    ("slack", "429 with Retry-After"): Case(_BUSY("slack"), RETRY, "http_429", 7.0),
    ("slack", "500, then well"): Case(_BROKEN("slack"), RETRY, "http_500", down=True),
    ("slack", "no answer in time"): Case(
        _LATE("slack"), UNKNOWN, "no_answer:", down=True, arrives=1
    ),
    ("slack", "no connection"): Case(nothing, RETRY, "no_connection:", down=True, broken="refused"),
    ("slack", "connection reset"): Case(nothing, UNKNOWN, "no_answer:", down=True, broken="reset"),
    ("slack", "half an answer"): Case(_CUT("slack"), UNKNOWN, "no_answer:", down=True, arrives=1),
    ("slack", "wrong content"): Case(_LIE("slack"), DROP, "<html>", arrives=1),
    ("slack", "slow"): Case(_SLOW("slack"), DELIVERED, arrives=1),
    ("slack", "404 no_service"): Case(
        fault(status=404, body="no_service")("slack"), OFF, "no_service"
    ),
    ("slack", "404 channel_not_found"): Case(
        fault(status=404, body="channel_not_found")("slack"), OFF, "channel_not_found"
    ),
    ("slack", "410 channel_is_archived"): Case(
        fault(status=410, body="channel_is_archived")("slack"), OFF, "channel_is_archived"
    ),
    ("slack", "403 action_prohibited"): Case(
        fault(status=403, body="action_prohibited")("slack"), DROP, "action_prohibited"
    ),
    ("slack", "200 with ok:false"): Case(
        fault(lies=True, body='{"ok":false,"error":"no_text"}')("slack"), DROP, '{"ok":false',
        arrives=1,
    ),
    ("slack", "a redirect"): Case(fault(status=302, body="Moved")("slack"), DROP, "Moved"),
    ("teams", "429 with Retry-After"): Case(_BUSY("teams"), RETRY, "http_429", 7.0),
    ("teams", "500, then well"): Case(_BROKEN("teams"), RETRY, "http_500", down=True),
    ("teams", "no answer in time"): Case(
        _LATE("teams"), UNKNOWN, "no_answer:", down=True, arrives=1
    ),
    ("teams", "no connection"): Case(nothing, RETRY, "no_connection:", down=True, broken="refused"),
    ("teams", "connection reset"): Case(nothing, UNKNOWN, "no_answer:", down=True, broken="reset"),
    ("teams", "half an answer"): Case(_CUT("teams"), UNKNOWN, "no_answer:", down=True, arrives=1),
    ("teams", "wrong content"): Case(_LIE("teams"), DELIVERED, arrives=1),
    ("teams", "slow"): Case(_SLOW("teams"), DELIVERED, arrives=1),
    ("teams", "200 with HTTP error 429"): Case(
        fault(lies=True, body="Microsoft Teams endpoint returned HTTP error 429")("teams"),
        RETRY, "http_429", arrives=1,
    ),
    ("teams", "200 with HTTP error 413"): Case(
        fault(lies=True, body="Microsoft Teams endpoint returned HTTP error 413")("teams"),
        DROP, "too_large", arrives=1,
    ),
    ("teams", "413"): Case(fault(status=413)("teams"), DROP, "too_large"),
    ("teams", "card over 28 KB"): Case(nothing, DROP, "too_large", message=_HUGE),
    ("teams", "404, the flow is gone"): Case(fault(status=404)("teams"), OFF, "http_404"),
    ("teams", "401, wrong signature in the URL"): Case(
        fault(status=401)("teams"), DROP, "http_401"
    ),
    ("pagerduty", "429 with Retry-After"): Case(_BUSY("pagerduty"), RETRY, "http_429", 7.0),
    ("pagerduty", "500, then well"): Case(_BROKEN("pagerduty"), RETRY, "http_500", down=True),
    ("pagerduty", "no answer in time"): Case(
        _LATE("pagerduty"), RETRY, "no_answer:", down=True, arrives=1
    ),
    ("pagerduty", "no connection"): Case(nothing, RETRY, "no_answer:", down=True, broken="refused"),
    ("pagerduty", "connection reset"): Case(
        nothing, RETRY, "no_answer:", down=True, broken="reset"
    ),
    ("pagerduty", "half an answer"): Case(
        _CUT("pagerduty"), RETRY, "no_answer:", down=True, arrives=1
    ),
    ("pagerduty", "wrong content"): Case(_LIE("pagerduty"), RETRY, "http_200", arrives=1),
    ("pagerduty", "slow"): Case(_SLOW("pagerduty"), DELIVERED, arrives=1),
    ("pagerduty", "408"): Case(fault(status=408)("pagerduty"), RETRY, "http_408"),
    ("pagerduty", "400, invalid event"): Case(
        nothing, DROP, "http_400:Event object is invalid",
        message=(("body", '{"event_action": "trigger"}'),),
    ),
    ("webhook", "429 with Retry-After"): Case(_BUSY("webhook"), RETRY, "http_429", 7.0),
    ("webhook", "500, then well"): Case(_BROKEN("webhook"), RETRY, "http_500", down=True),
    ("webhook", "no answer in time"): Case(
        _LATE("webhook"), RETRY, "no_answer:", down=True, arrives=1
    ),
    ("webhook", "no connection"): Case(
        nothing, RETRY, "no_connection:", down=True, broken="refused"
    ),
    ("webhook", "connection reset"): Case(nothing, RETRY, "no_answer:", down=True, broken="reset"),
    ("webhook", "half an answer"): Case(_CUT("webhook"), RETRY, "no_answer:", down=True, arrives=1),
    ("webhook", "wrong content"): Case(_LIE("webhook"), DELIVERED, arrives=1),
    ("webhook", "slow"): Case(_SLOW("webhook"), DELIVERED, arrives=1),
    ("webhook", "a redirect"): Case(fault(status=307)("webhook"), RETRY, "http_307"),
    ("webhook", "404"): Case(fault(status=404)("webhook"), RETRY, "http_404"),
    ("webhook", "410"): Case(fault(status=410)("webhook"), OFF, "http_410"),
    ("webhook", "huge body"): Case(
        fault(status=500, body="x" * 10_000)("webhook"), RETRY, "http_500", down=True
    ),
    ("webhook", "a private address"): Case(
        nothing, DROP, "refused_url:", message=((TO, "https://169.254.169.254/"),)
    ),
    ("email", "451, then well"): Case(mail(rcpt=["451 4.7.1 Later"]), RETRY, "smtp_451"),
    ("email", "421 at the end of the mail"): Case(
        mail(data=["421 4.3.2 Going down"]), RETRY, "smtp_421", down=True
    ),
    ("email", "no answer in time"): Case(silent, RETRY, "no_answer:", down=True),
    ("email", "no connection"): Case(nothing, RETRY, "no_answer:", down=True, broken="refused"),
    ("email", "connection reset"): Case(nothing, RETRY, "no_answer:", down=True, broken="reset"),
    ("email", "cut after the mail was taken"): Case(
        mail(data=["cut"]), RETRY, "no_answer:", down=True, arrives=1
    ),
    ("email", "550 5.1.1, no such mailbox"): Case(
        mail(rcpt=["550 5.1.1 No such user"]), OFF, "smtp_550"
    ),
    ("email", "554, refused"): Case(mail(data=["554 5.7.1 Spam"]), DROP, "smtp_554"),
}  # fmt: skip


@pytest.fixture
async def world() -> AsyncGenerator[Providers, None]:
    async with providers() as made:
        yield made


def check(case: Case, verdict: Verdict) -> None:
    """Compare what came with what must."""
    assert (verdict.ending, verdict.down) == (case.ending, case.down), verdict
    assert verdict.detail.startswith(case.detail), verdict
    assert case.detail or not verdict.detail
    if case.retry_after_s is not None:
        assert verdict.retry_after_s == case.retry_after_s


@pytest.mark.parametrize(
    ("provider", "name"), CASES, ids=[" ".join(key).replace(" ", "_") for key in CASES]
)
async def test_fault_has_its_documented_end(world: Providers, provider: str, name: str) -> None:
    case = CASES[provider, name]
    case.setup(world)
    senders = world.broken[case.broken] if case.broken else world.senders
    message = world.message(provider, world.places.get(case.broken, ""), **dict(case.message))
    check(case, await senders[provider].deliver(message))
    assert world.received(provider) == case.arrives
    if name.endswith("then well"):
        again = await senders[provider].deliver(message)
        assert again.ending in OK
        assert world.received(provider) == 1


def test_the_table_has_a_row_for_each_test_and_no_other() -> None:
    text = (ROOT / "docs" / "channels.md").read_text()
    table = text.partition("| provider | fault |")[2].partition("\n\n")[0]
    rows = [
        tuple(cell.strip() for cell in line.split("|")[1:3])
        for line in table.splitlines()
        if line.startswith("| ") and not line.startswith("| what")
    ]
    assert sorted(rows) == sorted(CASES)


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_without_a_fault_it_arrives_once(world: Providers, provider: str) -> None:
    verdict = await world.senders[provider].deliver(world.message(provider))
    assert verdict.ending in OK
    assert world.received(provider) == 1


@pytest.mark.parametrize("provider", ["slack", "teams"])
async def test_what_may_be_out_is_not_repeated(world: Providers, provider: str) -> None:
    message = world.message(provider, uncertain=True)
    verdict = await world.senders[provider].deliver(message)
    assert (verdict.ending, verdict.detail) == (Ending.DROP, "unknown")
    assert world.received(provider) == 0


async def test_a_repeated_page_is_one_incident(world: Providers) -> None:
    for _ in range(2):
        await world.senders["pagerduty"].deliver(world.message("pagerduty"))
    keys = {one.details["dedup_key"] for one in world.inbox.list(provider="pagerduty")}
    assert keys == {"siq:t1:d"}


async def test_an_acknowledgement_with_another_routing_key_is_dropped(world: Providers) -> None:
    await world.senders["pagerduty"].deliver(world.message("pagerduty"))
    settle = '{"event_action": "acknowledge", "dedup_key": "siq:t1:d"}'
    foreign = world.message("pagerduty", body=settle, address="X" * 32)
    assert (await world.senders["pagerduty"].deliver(foreign)).ending is Ending.DELIVERED
    assert world.received("pagerduty") == 1
    own = world.message("pagerduty", body=settle)
    assert (await world.senders["pagerduty"].deliver(own)).ending is Ending.DELIVERED
    assert world.received("pagerduty") == 2


async def test_a_repeated_mail_is_the_same_mail(world: Providers) -> None:
    world.box.data.append("cut")
    await world.senders["email"].deliver(world.message("email"))
    await world.senders["email"].deliver(world.message("email"))
    first, second = (letter.as_bytes() for letter in world.box.letters)
    ids = {letter["message-id"] for letter in world.box.letters}
    assert ids == {"<" + "m" * 32 + "@siq.test>"}
    assert first.partition(b"\r\n\r\n")[0].count(b"Date:") == 1
    assert world.box.letters[0]["date"] == world.box.letters[1]["date"]
    assert len(first) == len(second)
