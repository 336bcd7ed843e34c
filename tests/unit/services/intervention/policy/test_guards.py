"""Guards: what they let pass, what they take, and when they let go."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intervention.policy import Recipient
from services.intervention.policy.facts import DAY_MINUTES, in_span
from services.intervention.policy.ledger import Ledger
from tests.unit.services.intervention.policy.cases import (
    ALERT,
    DAY,
    HELP,
    HOUR,
    NOW_MS,
    OFFER,
    SECOND,
    Bench,
    policy,
    refused,
    rule,
)

ROBIN = Recipient("p-ceo", ("sms", "slack"))
TEAM = {"owner\nrole:ceo": ROBIN}


def test_without_guards_everything_passes() -> None:
    bench = Bench(policy(rule("r", HELP, ALERT)))
    for _ in range(5):
        verdict = bench.judge(recipients=TEAM)
        assert (verdict.reason, refused(verdict)) == ("rule", {"help:page": "", "alert:team": ""})


def test_cooldown_lasts_exactly() -> None:
    cooldown = {"name": "page", "per": "session", "of": ["page"], "for_s": 60}
    bench = Bench(policy(guards={"cooldowns": [cooldown]}))
    assert bench.template() == "help@1"
    verdict = bench.judge(now_ms=NOW_MS + 60 * SECOND - 1)
    assert (verdict.page, verdict.reason, verdict.detail) == (None, "cooldown", "page")
    assert bench.template(now_ms=NOW_MS + 60 * SECOND) == "help@1"


def test_a_refused_part_costs_nothing() -> None:
    cooldown = {"name": "page", "per": "session", "of": ["page"], "for_s": 60}
    bench = Bench(policy(guards={"cooldowns": [cooldown]}))
    assert bench.judge(age_ms=3_001).reason == "stale"
    assert bench.template() == "help@1"


@pytest.mark.parametrize("per", ["session", "visitor", "company", "tenant", "channel"])
def test_cap_holds_and_lets_go(per: str) -> None:
    cap = {"name": "few", "per": per, "of": ["page"], "most": 2, "within_s": 3_600}
    bench = Bench(policy(guards={"caps": [cap]}))
    ends = [bench.judge(company="acme.example").reason for _ in range(4)]
    assert ends == ["rule", "rule", "cap", "cap"]
    assert bench.judge(company="acme.example", now_ms=NOW_MS + 2 * HOUR).reason == "rule"


def test_cap_of_a_company_is_no_bound_for_those_without_one() -> None:
    cap = {"name": "few", "per": "company", "most": 1, "within_s": 60}
    bench = Bench(policy(guards={"caps": [cap]}))
    assert [bench.judge().reason for _ in range(3)] == ["rule"] * 3


def test_two_parts_of_one_decision_do_not_slip_past_a_cap() -> None:
    cap = {"name": "one", "per": "visitor", "of": ["any"], "most": 1, "within_s": 60}
    bench = Bench(policy(rule("r", HELP, ALERT), guards={"caps": [cap]}))
    verdict = bench.judge(recipients=TEAM)
    assert refused(verdict) == {"help:page": "", "alert:team": "cap:one"}


def test_cap_of_a_channel_closes_that_channel_only() -> None:
    cap = {"name": "texts", "per": "channel", "channels": ["sms"], "most": 1, "within_s": 60}
    bench = Bench(policy(rule("r", ALERT), guards={"caps": [cap]}))
    taken = [bench.judge(recipients=TEAM).team for _ in range(2)]
    assert [one and one.channels for one in taken] == [("sms", "slack"), ("slack",)]
    only_sms = {"owner\nrole:ceo": Recipient("p-ceo", ("sms",))}
    verdict = bench.judge(recipients=only_sms)
    assert (verdict.team, verdict.reason, verdict.detail) == (None, "cap", "texts")


@given(
    st.lists(st.integers(0, 200), min_size=1, max_size=60),
    st.integers(1, 5),
    st.integers(1, 100),
)
def test_no_window_ever_holds_more_than_the_cap(steps: list[int], most: int, within_s: int) -> None:
    cap = {"name": "few", "per": "visitor", "most": most, "within_s": within_s}
    bench = Bench(policy(guards={"caps": [cap]}))
    now_ms, given_at = NOW_MS, list[int]()
    for step in steps:
        now_ms += step * 137
        if bench.judge(now_ms=now_ms).page is not None:
            given_at.append(now_ms)
    for at_ms in given_at:
        window = [one for one in given_at if at_ms - within_s * 1000 < one <= at_ms]
        assert len(window) <= most


def test_budget_is_exact_and_renews_with_its_period() -> None:
    offer = {**OFFER, "budget": {"name": "spring", "cost": {"USD": "33.35", "EUR": 30}}}
    budgets: dict[str, Any] = {"spring": {"most": {"USD": 100, "EUR": 60}, "each": "day"}}
    bench = Bench(policy(rule("r", offer, HELP), guards={"budgets": budgets}))
    # 2 × 33.35 = 66.70; a third would make 100.05. Then the next action of the rule steps in.
    assert [bench.template() for _ in range(3)] == ["offer@1", "offer@1", "help@1"]
    assert bench.ledgers["tenant"].spent == {"budget:spring:USD": ("2023-11-14", 6_670)}
    assert [bench.template(currency="EUR") for _ in range(3)] == ["offer@1", "offer@1", "help@1"]
    tomorrow = ("2023-11-15", "2023-11-13", "2023-11")
    assert bench.template(now_ms=NOW_MS + DAY, periods=tomorrow) == "offer@1"


def test_of_a_group_a_visitor_has_one_at_a_time() -> None:
    first = {**OFFER, "group": "offers", "expires_s": 100, "when": {"page": ["/a"]}}
    second = {**OFFER, "name": "other", "template": "free_shipping@1", "group": "offers"}
    bench = Bench(policy(rule("r", first, second)))
    assert bench.template(page="/a") == "offer@1"
    verdict = bench.judge(now_ms=NOW_MS + 99 * SECOND)
    assert (verdict.reason, verdict.detail) == ("excluded", "offers")
    assert bench.template(now_ms=NOW_MS + 100 * SECOND) == "free_shipping@1"


def test_two_actions_of_a_group_do_not_go_out_in_one_decision() -> None:
    page, team = {**OFFER, "group": "sales"}, {**ALERT, "group": "sales"}
    verdict = Bench(policy(rule("r", page, team))).judge(recipients=TEAM)
    assert refused(verdict) == {"offer:page": "", "alert:team": "excluded:sales"}


def test_an_action_for_page_and_team_is_one_of_its_group() -> None:
    call = {
        "name": "call", "type": "chat", "template": "priority_chat@1", "target": "both",
        "group": "sales", "to": ["owner", "role:ceo"],
    }  # fmt: skip
    bench = Bench(policy(rule("r", call)))
    assert refused(bench.judge(recipients=TEAM)) == {"call:page": "", "call:team": ""}
    again = bench.judge(recipients=TEAM)
    assert set(refused(again).values()) == {"excluded:sales"}


@pytest.mark.parametrize(("of", "offer"), [("same_type", "help@1"), ("any", None)])
def test_who_closed_an_offer_is_left_alone_with_offers(of: str, offer: str | None) -> None:
    made = policy(rule("r", OFFER, HELP), guards={"after_dismissal": {"for_s": 600, "of": of}})
    dismissed = ((NOW_MS - 599 * SECOND, "discount"),)
    assert Bench(made).template(dismissals=dismissed) == offer
    long_ago = ((NOW_MS - 600 * SECOND, "discount"),)
    assert Bench(made).template(dismissals=long_ago) == "offer@1"


def test_quiet_hours_are_those_of_whoever_would_be_woken() -> None:
    quiet = {
        "name": "night", "whose": "team", "from": "22:00", "to": "07:00", "of": ["team"],
        "unless": ["critical"],
    }  # fmt: skip
    made = policy(rule("r", HELP, ALERT), guards={"quiet": [quiet]})
    asleep = {"owner\nrole:ceo": Recipient("p-ceo", ("sms",), minute=23 * 60)}
    awake = {"owner\nrole:ceo": Recipient("p-ceo", ("sms",), minute=7 * 60)}
    assert refused(Bench(made).judge(recipients=asleep))["alert:team"] == "quiet_hours:night"
    assert Bench(made).judge(recipients=awake, team_minute=23 * 60).team is not None
    assert Bench(made).judge(recipients=TEAM, team_minute=23 * 60).team is None
    loud = policy(rule("r", {**ALERT, "priority": "critical"}), guards={"quiet": [quiet]})
    assert Bench(loud).judge(recipients=asleep).team is not None


def test_a_whole_day_is_quiet_to_its_last_minute() -> None:
    quiet = {
        "name": "sunday", "whose": "team", "from": "00:00", "to": "24:00", "days": ["sun"],
        "of": ["team"],
    }  # fmt: skip
    made = policy(rule("r", ALERT), guards={"quiet": [quiet]})
    sunday, monday = 6 * DAY_MINUTES, 0
    for minute in (sunday, sunday + DAY_MINUTES - 1):
        assert Bench(made).judge(recipients=TEAM, team_minute=minute).team is None
    for minute in (sunday - 1, monday):
        assert Bench(made).judge(recipients=TEAM, team_minute=minute).team is not None


@pytest.mark.parametrize(
    ("minute", "start", "end", "days", "inside"),
    [
        (0, 0, 60, None, True),
        (60, 0, 60, None, False),
        (23 * 60, 22 * 60, 7 * 60, None, True),
        (6 * 60 + 59, 22 * 60, 7 * 60, None, True),
        (7 * 60, 22 * 60, 7 * 60, None, False),
        # Tuesday 3:00 belongs to the night that began on Monday.
        (DAY_MINUTES + 180, 22 * 60, 7 * 60, frozenset({0}), True),
        (DAY_MINUTES + 180, 22 * 60, 7 * 60, frozenset({1}), False),
        # Monday 3:00 belongs to Sunday's.
        (180, 22 * 60, 7 * 60, frozenset({6}), True),
        (-1, 0, DAY_MINUTES, None, False),
    ],
)
def test_a_span_belongs_to_the_day_it_begins_on(
    minute: int, start: int, end: int, days: frozenset[int] | None, inside: bool
) -> None:
    assert in_span(minute, start, end, days) is inside


def test_switches_stop_all_or_one_rule() -> None:
    made = policy(rule("a", OFFER), rule("b", HELP))
    assert Bench(made).template(switches=("a",)) == "help@1"
    everything = Bench(made).judge(switches=("*",))
    assert (everything.page, everything.reason, everything.detail) == (None, "killed", "*")
    both = Bench(made).judge(switches=("a", "b"))
    assert (both.page, both.reason, both.detail) == (None, "killed", "a")


def test_help_that_is_not_wanted_is_not_shown() -> None:
    made = policy(rule("r", HELP, ALERT))
    verdict = Bench(made).judge(interventions_consent=0, recipients=TEAM)
    assert (verdict.page, verdict.reason) == (None, "no_consent")
    assert verdict.team is not None
    assert Bench(made).judge(interventions_consent=1).page is not None


def test_memory_does_not_grow() -> None:
    ledger = Ledger()
    for turn in range(5_000):
        now_ms = NOW_MS + turn * 500
        ledger.mark("cap:x", now_ms, 60_000)
        ledger.hold(f"cooldown:{turn}", now_ms + 1_000, now_ms)
        ledger.remember("episodes", now_ms)
        ledger.spend("budget:b:USD", f"day {turn // 100:03}", 5)
    assert len(ledger.marks["cap:x"]) <= 34
    assert len(ledger.free) <= 3
    assert len(ledger.episodes) == 16
    assert ledger.spent == {"budget:b:USD": ("day 049", 500)}
