"""Policies and facts that tests start from."""

from __future__ import annotations

from typing import Any

import msgspec

from services.intervention.policy import Facts, Policy, Verdict, judge, parse_policy, take
from services.intervention.policy.ledger import Ledger, LiveReadings, Subject

NOW_MS = 1_700_000_000_000  # a Tuesday, 22:13:20 UTC
SECOND, HOUR, DAY = 1_000, 3_600_000, 86_400_000
HELP: dict[str, Any] = {"name": "help", "type": "support", "template": "help@1"}
OFFER: dict[str, Any] = {"name": "offer", "type": "discount", "template": "offer@1"}
ALERT: dict[str, Any] = {
    "name": "alert", "type": "escalation", "template": "alert@1", "target": "team",
    "to": ["owner", "role:ceo"],
}  # fmt: skip
NO_GUARDS: dict[str, Any] = {"cooldowns": [], "after_dismissal": None}


def rule(name: str = "r", *actions: dict[str, Any], **when: Any) -> dict[str, Any]:
    """A leaf."""
    return {"name": name, "when": when, "do": list(actions or (HELP,))}


def document(
    *rules: dict[str, Any], guards: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    """A document of format 2; without guards but those given."""
    return {
        "policy": 2,
        "rules": list(rules or (rule(),)),
        "guards": {**NO_GUARDS, **(guards or {})},
        **more,
    }


def policy(*rules: dict[str, Any], guards: dict[str, Any] | None = None, **more: Any) -> Policy:
    """The same, compiled."""
    body = msgspec.json.encode(document(*rules, guards=guards, **more))
    return parse_policy("tenant@1", body)


def facts(**more: Any) -> Facts:
    """Rage on a page that says nothing of itself."""
    known: dict[str, Any] = {
        "now_ms": NOW_MS, "emotion": "rage", "confidence": 80, "page": "/pricing",
        "element": "button#more", "periods": ("2023-11-14", "2023-11-13", "2023-11"), **more,
    }  # fmt: skip
    return Facts(**known)


class Bench:
    """A policy with memory: what is given once counts the next time."""

    def __init__(self, made: Policy) -> None:
        self.policy = made
        self.ledgers: dict[Subject, Ledger] = {
            "session": Ledger(), "visitor": Ledger(), "company": Ledger(), "tenant": Ledger(),
        }  # fmt: skip

    def judge(self, **more: Any) -> Verdict:
        """Decide on one more emotion."""
        verdict = judge(self.policy, facts(**more), LiveReadings(self.ledgers))
        take(self.policy, verdict, self.ledgers)
        return verdict

    def template(self, **more: Any) -> str | None:
        """What the page shows."""
        page = self.judge(**more).page
        return None if page is None else page.part.template


def refused(verdict: Verdict) -> dict[str, str]:
    """Why each action was not chosen; empty: it was."""
    return {
        f"{one.part.name}:{one.part.kind}": ":".join(filter(None, (one.refused, one.detail)))
        for one in verdict.alternatives
    }
