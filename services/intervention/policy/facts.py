"""All that a policy may look at, flat. It is recorded as it was seen, so a replay sees the same.

Nothing in here is looked up later: local times are worked out when the facts are gathered, so that
a replay depends on no zone database. No e-mail, no name.
"""

from __future__ import annotations

import msgspec

from services.intervention.experiments.arms import Arm

UNKNOWN = -1
"""A minute of the week, a choice of the visitor, or an amount that nobody knows."""
DAY_MINUTES = 24 * 60
WEEK_MINUTES = 7 * DAY_MINUTES

CLAIMED, VERIFIED = 2, 3
"""Of the contract's assurances; 0 is anonymous, 1 inferred."""


class Recipient(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Who of the team can be reached for an action, and what time it is there."""

    person_id: str
    channels: tuple[str, ...]
    minute: int = UNKNOWN
    """Minute of the week, Monday 0:00 is 0."""


class Facts(msgspec.Struct, frozen=True, omit_defaults=True):
    """One emotion, who feels it, and when."""

    now_ms: int
    emotion: str = ""
    confidence: int = 0
    trigger: str = ""
    page: str = ""
    element: str = ""
    section: str = ""
    age_ms: int = 0
    episode_handled: bool = False
    """Another revision of it has brought help already."""

    guarded: bool = True
    """False: what guards remember cannot be read, so only what costs nothing is given."""
    shown: str = ""
    """The action that was shown without guards and record, and when."""
    shown_at_ms: int = 0

    user_id: str = ""
    company: str = ""
    company_kind: str = ""
    company_size: str = ""
    tier: str = ""
    assurance: int = 0
    currency: str = ""
    """Of the value; empty: no value is known."""
    value: int = 0
    value_low: int = UNKNOWN
    value_high: int = UNKNOWN
    value_source: str = ""

    language: str = ""
    interventions_consent: int = UNKNOWN
    analytics_consent: int = UNKNOWN
    visitor_minute: int = UNKNOWN
    team_minute: int = UNKNOWN
    periods: tuple[str, ...] = ("", "", "")
    """Day, week and month where the team is: what budgets renew by."""

    episodes: tuple[int, ...] = ()
    """When the visitor felt something before, Unix epoch in milliseconds; the last 16."""
    interventions: tuple[int, ...] = ()
    dismissals: tuple[tuple[int, str], ...] = ()
    """When the visitor closed help, and of which type."""

    team_known: bool = True
    """False: nobody could say who the team is."""
    recipients: dict[str, Recipient] = {}
    """By the action's `to`, one a line."""
    identity_version: int = 0
    presses: int = 0
    """Events behind the emotion."""
    switches: tuple[str, ...] = ()
    """Kill switches in force: "*", or names of rules."""
    arms: dict[str, Arm] = {}
    """What experiments say, by rule; docs/experiments.md."""
    experiments_known: bool = True
    """False: decided as if there were none, because nobody could say."""


def in_span(minute: int, start: int, end: int, days: frozenset[int] | None) -> bool:
    """Tell whether a minute of the week lies in a daily span; `start` ≥ `end` spans midnight.

    The span belongs to the day it begins on.
    """
    if minute < 0:
        return False
    day, clock = divmod(minute, DAY_MINUTES)
    if start < end:
        inside = start <= clock < end
    elif clock >= start:
        inside = True
    elif clock < end:
        inside, day = True, (day - 1) % 7
    else:
        inside = False
    return inside and (days is None or day in days)
