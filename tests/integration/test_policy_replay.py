"""10,000 decisions of all kinds, stored in PostgreSQL and made again: the same bytes."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from typing import Any
from uuid import uuid4

import pytest
from click.testing import CliRunner
from sentientiq.detection.v1 import emotion_pb2
from sentientiq.identity.v1 import identity_service_pb2 as identity_pb2
from sentientiq.intervention.v1 import intervention_service_pb2 as service_pb2

from cli.policy.replay import replay as command
from services.common import postgres
from services.intervention.deciding.gather import Case
from services.intervention.deciding.replaying import replay
from services.intervention.policy import Policy, builtin_policy
from services.intervention.service import SCHEMA
from tests.integration.deciding import NOW_MS, case, writers
from tests.unit.services.intervention.policy.cases import ALERT, HELP, OFFER, policy, rule

DECISIONS = 10_000
KINDS = (
    emotion_pb2.EMOTION_KIND_RAGE,
    emotion_pb2.EMOTION_KIND_HESITATION,
    emotion_pb2.EMOTION_KIND_CONFUSION,
    emotion_pb2.EMOTION_KIND_ABANDONMENT,
)


def rich() -> Policy:
    """Something of everything."""
    offer = {
        **OFFER, "priority": "high", "group": "offers", "delay_s": 5, "expires_s": 600,
        "budget": {"name": "b", "cost": {"USD": "9.99", "EUR": "9.50"}},
        "when": {"value": {"at_least": {"USD": 500, "EUR": 400}}},
    }  # fmt: skip
    tree: dict[str, Any] = {
        "name": "raging", "when": {"emotion": ["rage", "confusion"], "confidence": 60},
        "rules": [
            rule("often", HELP, ALERT, history={"episodes": {"at_least": 6, "within_s": 600}}),
            rule("night", {**HELP, "template": "still_stuck@1"},
                 local_time={"of": "visitor", "from": "22:00", "to": "06:00"}),
            rule("rest", offer, HELP),
        ],
    }  # fmt: skip
    both = {**ALERT, "name": "both", "template": "hand_over@1", "target": "both"}
    guards: dict[str, Any] = {
        "cooldowns": [{"name": "page", "per": "session", "of": ["page"], "for_s": 30}],
        "caps": [{"name": "v", "per": "visitor", "most": 6, "within_s": 600},
                 {"name": "c", "per": "company", "of": ["team"], "most": 9, "within_s": 900},
                 {"name": "sms", "per": "channel", "most": 300, "within_s": 3600}],
        "quiet": [{"name": "q", "whose": "team", "from": "00:00", "to": "05:00", "of": ["team"]}],
        "budgets": {"b": {"most": {"USD": 90, "EUR": 90}, "each": "day"}},
    }  # fmt: skip
    gone: dict[str, Any] = {"name": "calm", "when": {"emotion": "abandonment"}, "do": []}
    return policy(tree, gone, rule("last", both, confidence=90), guards=guards, zone="Asia/Kolkata")


def cases(chosen: list[Policy], tenant: str) -> list[tuple[int, Case]]:
    """Random emotions of 400 visitors, in order of time."""
    made = random.Random(7)
    found: list[tuple[int, Case]] = []
    for number in range(DECISIONS):
        visitor = made.randrange(400)
        at_ms = NOW_MS + number // 200 * 70_000  # those of a group at one moment
        known = visitor % 3 > 0
        worth = made.choice([None, 30_000, 20_000_000, 20_000_000])
        more: dict[str, Any] = {"assurance": made.choice([0, 1, 2, 3, 3, 3]), "version": visitor}
        if worth is not None:
            currency = made.choice(["USD", "EUR", "JPY"])
            more["ltv"] = identity_pb2.Money(currency=currency, minor=worth)
            more["ltv_low"] = identity_pb2.Money(currency=currency, minor=worth // 2)
        one = case(
            made.choice(chosen), tenant=tenant, session=f"s{visitor}",
            user=f"ü{visitor}" if known else "", company=f"c{visitor % 7}.example" if known else "",
            at_ms=at_ms - made.choice([0, 50, 2_000, 9_000]), kind=made.choice(KINDS),
            confidence=made.randrange(50, 101), **more,
        )  # fmt: skip
        zone = made.choice(["", "Europe/Berlin", "America/New_York", "Nowhere"])
        visitor_context = service_pb2.VisitorContext(
            language=made.choice(["", "de-AT", "pl", "en"]), zone=zone
        )
        if made.random() < 0.5:
            visitor_context.interventions_consent = made.random() < 0.9
        switches = made.choice([(), (), (), (), ("often",), ("*",)])
        found.append(
            (
                at_ms,
                Case(
                    one.emotion, one.identity, one.policy, made.choice(["fast", "durable"]),
                    visitor_context, one.people, switches,
                ),
            )
        )  # fmt: skip
    return found


@pytest.mark.timeout(240)
async def test_10000_decisions_replayed_bit_for_bit(
    postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = uuid4().hex
    now_ms = NOW_MS
    reasons: Counter[str] = Counter()
    async with writers(postgres_url, 1, lambda: now_ms) as (writer,):
        todo = cases([rich(), rich(), builtin_policy()], tenant)
        for start in range(0, DECISIONS, 200):
            group = todo[start : start + 200]
            now_ms = group[-1][0]
            ends = await asyncio.gather(*(writer.submit(one) for _, one in group))
            reasons.update(end.decision.reason for end in ends)
            reasons.update(one.refused for end in ends for one in end.decision.alternatives)
            assert all(end.new for end in ends)
    # All of what a policy can say is among them, or the test proves little.
    assert {
        "rule", "nothing", "no_rule", "below_confidence", "cooldown", "cap", "budget", "excluded",
        "killed", "stale", "no_consent", "quiet_hours", "condition", "outranked",
    } <= reasons.keys(), reasons  # fmt: skip
    pool = await postgres.connect(postgres_url, schema=SCHEMA, max_size=1)
    try:
        result = await replay(pool, tenant_id=tenant)
        assert result.as_dict() == {
            "decisions": DECISIONS, "identical": DECISIONS, "different": 0, "first_different": [],
            "not_replayable": {},
        }  # fmt: skip
        # A record that says something else than what was decided is found out.
        await pool.execute(
            "UPDATE decisions SET record = record || '\\x320178'::bytea WHERE id ="
            " (SELECT min(id) FROM decisions WHERE tenant_id = $1)",
            tenant,
        )
        result = await replay(pool, tenant_id=tenant)
        assert (result.identical, result.differing) == (DECISIONS - 1, 1)
    finally:
        pool.terminate()
    monkeypatch.setenv("SIQ_POSTGRES_URL", postgres_url)
    done = await asyncio.to_thread(
        CliRunner().invoke, command, ["--tenant", tenant, "--limit", "0", "--json"]
    )
    assert done.exit_code == 1
    assert json.loads(done.output.splitlines()[-1])["different"] == 1
