"""Conditions, each with what meets it and what does not."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sentientiq.identity.v1 import identity_service_pb2 as identity_pb2

from services.intervention.deciding.gather import gather, minute_of_week
from services.intervention.policy import builtin_policy
from services.intervention.policy.ledger import Ledger
from tests.integration.deciding import case
from tests.unit.services.intervention.policy.cases import (
    ALERT,
    HELP,
    NOW_MS,
    OFFER,
    Bench,
    policy,
    refused,
    rule,
)

HOUR = 3_600_000


@pytest.mark.parametrize(
    ("when", "yes", "no"),
    [
        ({"emotion": ["rage", "confusion"]}, {"emotion": "confusion"}, {"emotion": "hesitation"}),
        ({"confidence": 60}, {"confidence": 60}, {"confidence": 59}),
        ({"confidence": {"at_most": 60}}, {"confidence": 60}, {"confidence": 61}),
        ({"trigger": ["rage_*"]}, {"trigger": "rage_click"}, {"trigger": "slow_rage_click"}),
        ({"trigger": ["rage_click"]}, {"trigger": "rage_click"}, {"trigger": "rage_clicks"}),
        ({"page": ["/shop/*"]}, {"page": "/shop/a/b"}, {"page": "/shop"}),
        ({"page": ["/a", "/b*c"]}, {"page": "/b/x/c"}, {"page": "/b/x/d"}),
        ({"element": ["*#pay"]}, {"element": "button#pay"}, {"element": "button#pay-now"}),
        ({"section": ["cart"]}, {"section": "cart"}, {}),
        ({"words": ["pay"]}, {"element": "button#payNow"}, {"page": "/display"}),
        ({"known": True}, {"user_id": "u"}, {}),
        ({"known": False}, {}, {"user_id": "u"}),
        ({"assurance": "claimed"}, {"assurance": 2}, {"assurance": 1}),
        ({"tier": "growth"}, {"tier": "growth", "assurance": 3},
         {"tier": "growth", "assurance": 2}),
        ({"company": {"domain": ["*.example"]}}, {"company": "a.example", "assurance": 1}, {}),
        ({"company": {"kind": ["education"]}}, {"company_kind": "education", "assurance": 1},
         {"company_kind": "isp", "assurance": 1}),
        ({"company": {"size": ["200+"]}}, {"company_size": "200+", "assurance": 1}, {}),
        ({"company": {"known": False}}, {}, {"company": "a.example"}),
        ({"language": ["de*"]}, {"language": "de-AT"}, {"language": "en"}),
        ({"consent": {"interventions": True}}, {"interventions_consent": 1}, {}),
        ({"consent": {"analytics": False}}, {"analytics_consent": 0}, {"analytics_consent": 1}),
        ({"local_time": {"of": "visitor", "from": "09:00", "to": "17:00"}},
         {"visitor_minute": 9 * 60}, {"visitor_minute": 17 * 60}),
        ({"local_time": {"of": "team", "from": "00:00", "to": "23:59", "days": ["tue"]}},
         {"team_minute": 24 * 60}, {"team_minute": 23 * 60}),
        ({"history": {"episodes": {"at_least": 2, "within_s": 3600}}},
         {"episodes": (NOW_MS - HOUR + 1, NOW_MS)}, {"episodes": (NOW_MS - HOUR, NOW_MS)}),
        ({"history": {"interventions": {"at_most": 0}}}, {}, {"interventions": (NOW_MS,)}),
        ({"history": {"dismissals": {"at_least": 1}}}, {"dismissals": ((NOW_MS, "chat"),)}, {}),
        ({"any_of": [{"known": True}, {"confidence": 90}]}, {"confidence": 90}, {}),
        ({"none_of": [{"known": True}, {"confidence": 90}]}, {}, {"confidence": 90}),
    ],
)  # fmt: skip
def test_condition(when: dict[str, Any], yes: dict[str, Any], no: dict[str, Any]) -> None:
    made = policy(rule("r", HELP, **when))
    assert Bench(made).judge(**yes).rule == "r"
    assert Bench(made).judge(**no).rule == ""


@pytest.mark.parametrize(("bound", "holds"), [("low", False), ("estimate", True), ("high", True)])
def test_value_is_compared_by_the_end_that_is_asked_for(bound: str, holds: bool) -> None:
    value = {"at_least": {"USD": 1_000}, "bound": bound}
    worth = {"currency": "USD", "value": 100_000, "value_low": 99_999, "value_high": 200_000}
    made = policy(rule("r", OFFER, value=value))
    assert (Bench(made).judge(**worth, assurance=3).rule == "r") is holds
    assert Bench(made).judge(**worth, assurance=2).rule == ""


def test_value_without_an_interval_is_its_own_bound() -> None:
    made = policy(rule("r", OFFER, value={"at_least": {"JPY": 1_000}, "below": {"JPY": 2_000}}))
    for value, holds in ((999, False), (1_000, True), (1_999, True), (2_000, False)):
        rule_ = Bench(made).judge(currency="JPY", value=value, assurance=3).rule
        assert (rule_ == "r") is holds
    assert Bench(made).judge(currency="USD", value=1_500, assurance=3).rule == ""


@pytest.mark.parametrize(
    ("at", "zone", "minute"),
    [
        # Berlin's clocks go from 2:00 to 3:00 on 29 March 2026, and back on 25 October.
        ("2026-03-29T00:59:00", "Europe/Berlin", 6 * 1440 + 1 * 60 + 59),
        ("2026-03-29T01:00:00", "Europe/Berlin", 6 * 1440 + 3 * 60),
        ("2026-10-25T00:30:00", "Europe/Berlin", 6 * 1440 + 2 * 60 + 30),
        ("2026-10-25T01:30:00", "Europe/Berlin", 6 * 1440 + 2 * 60 + 30),
        ("2026-10-25T02:30:00", "Europe/Berlin", 6 * 1440 + 3 * 60 + 30),
        # New York's on 8 March; Lord Howe moves by half an hour; Kathmandu stands at 5:45.
        ("2026-03-08T06:59:00", "America/New_York", 6 * 1440 + 1 * 60 + 59),
        ("2026-03-08T07:00:00", "America/New_York", 6 * 1440 + 3 * 60),
        ("2026-04-04T15:00:00", "Australia/Lord_Howe", 6 * 1440 + 1 * 60 + 30),
        ("2026-01-01T18:15:00", "Asia/Kathmandu", 4 * 1440),
        ("2026-01-01T00:00:00", "", -1),
        ("2026-01-01T00:00:00", "Nowhere/Land", -1),
        ("2026-01-01T00:00:00", "../../etc/passwd", -1),
        ("2026-01-01T00:00:00", "x" * 500, -1),
    ],
)
def test_local_time_follows_the_clocks_of_the_place(at: str, zone: str, minute: int) -> None:
    now = datetime.fromisoformat(at).replace(tzinfo=UTC)
    assert minute_of_week(zone, round(now.timestamp() * 1000)) == minute


def test_facts_hold_no_name_and_no_address() -> None:
    one = case(
        builtin_policy(), tenant="t", session="s", user="u1", email="dana@acme.example",
        name="Dana Reyes", company_name="Acme Robotics", assurance=3,
        ltv=identity_pb2.Money(currency="USD", minor=5), tier=identity_pb2.TIER_GROWTH,
        ltv_low=identity_pb2.Money(currency="EUR", minor=5),
    )  # fmt: skip
    found = gather(one, Ledger(), now_ms=NOW_MS, handled=False)
    assert "dana" not in repr(found).lower()
    assert (found.tier, found.currency, found.value) == ("growth", "USD", 5)
    # An end of the interval in another currency is none.
    assert found.value_low == -1


def test_all_that_could_have_been_done_is_told() -> None:
    offer = {**OFFER, "when": {"page": ["/nowhere"]}}
    low = {**HELP, "name": "low", "priority": "low"}
    high = {**HELP, "name": "high", "priority": "high"}
    verdict = Bench(policy(rule("r", low, offer, high, ALERT))).judge()
    assert refused(verdict) == {
        "high:page": "",
        "offer:page": "condition:rules[0].do[1].when.page",
        "low:page": "outranked:high",
        "alert:team": "no_recipient:owner, role:ceo",
    }
    assert (verdict.reason, verdict.rule) == ("rule", "r")


def test_a_branch_without_a_leaf_that_fits_leaves_it_to_the_next_rule() -> None:
    tree: dict[str, Any] = {
        "name": "tree", "when": {"page": ["/a*"]},
        "rules": [
            {"name": "deep", "when": {"known": True}, "rules": [rule("deeper", confidence=90)]},
            rule("shallow", confidence=85),
        ],
    }  # fmt: skip
    made = policy(tree, rule("rest"))
    assert Bench(made).judge(page="/a", user_id="u", confidence=95).rule == "deeper"
    assert Bench(made).judge(page="/a", user_id="u", confidence=86).rule == "shallow"
    assert Bench(made).judge(page="/a", confidence=80).rule == "rest"
