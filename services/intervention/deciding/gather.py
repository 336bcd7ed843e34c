"""From an emotion, an identity and what the edge knows of the visitor to the policy's facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from sentientiq.detection.v1 import emotion_pb2
from sentientiq.identity.v1 import identity_service_pb2 as identity_pb2
from sentientiq.intervention.v1 import intervention_service_pb2 as service_pb2
from sentientiq.tenant.v1 import tenant_service_pb2 as tenant_pb2

from services.common.ids import decision_id, stable_id
from services.intervention.deciding.people import pick_person, reachable_channels
from services.intervention.experiments.arms import facts_of
from services.intervention.experiments.assignment import Choice
from services.intervention.policy import Facts, Policy, Recipient
from services.intervention.policy.facts import DAY_MINUTES, UNKNOWN, VERIFIED
from services.intervention.policy.ledger import Ledger, Subject

EMOTION_NAMES: dict[emotion_pb2.EmotionKind.ValueType, str] = {
    emotion_pb2.EMOTION_KIND_RAGE: "rage",
    emotion_pb2.EMOTION_KIND_HESITATION: "hesitation",
    emotion_pb2.EMOTION_KIND_CONFUSION: "confusion",
    emotion_pb2.EMOTION_KIND_ABANDONMENT: "abandonment",
}
_TIERS: dict[identity_pb2.Tier.ValueType, str] = {
    identity_pb2.TIER_STARTER: "starter",
    identity_pb2.TIER_GROWTH: "growth",
    identity_pb2.TIER_ENTERPRISE: "enterprise",
}
_LONGEST_SUBJECT = 200


@dataclass(frozen=True, slots=True)
class Case:
    """What is to be decided, before the guards' memory is known."""

    emotion: emotion_pb2.Emotion
    identity: identity_pb2.UserIdentity
    policy: Policy
    path: str
    """ "fast" or "durable"."""
    visitor: service_pb2.VisitorContext | None = None
    people: Sequence[tenant_pb2.Person] | None = None
    """The team; None: not asked, or nobody could say."""
    switches: tuple[str, ...] = ()
    choices: Mapping[str, Choice] = field(default_factory=dict[str, Choice])
    """What experiments say, by rule."""
    experiments_known: bool = True
    """False: there may be others than those."""
    id: str = field(init=False)
    """Of the decision on it."""
    subjects: dict[Subject, str] = field(init=False)
    """The names under which guards remember: by subject, as they stand in the table."""

    def __post_init__(self) -> None:
        emotion = self.emotion
        id_ = decision_id(emotion.id, emotion.rev, self.policy.version)
        object.__setattr__(self, "id", id_)
        object.__setattr__(self, "subjects", _subjects_of(emotion, self.identity, self.policy))

    def person_for(self, asks: str) -> tenant_pb2.Person | None:
        """Of the team, the first who can be reached of those asked for."""
        return pick_person(self.people or (), asks.split("\n"), self.identity)


def _subjects_of(
    emotion: emotion_pb2.Emotion, identity: identity_pb2.UserIdentity, policy: Policy
) -> dict[Subject, str]:
    guards = policy.guards
    session = subject_name("session", emotion.session_id)
    # Whoever only says who they are must not use up, or be forgiven, what the real one has.
    said = "" if identity.assurance >= VERIFIED else "claimed "
    found: dict[Subject, str] = {"session": session, "visitor": session}
    # Somebody without an id is their session: one row then stands for both.
    if identity.user_id:
        found["visitor"] = subject_name(f"{said}visitor", identity.user_id)
    if guards.about_company and identity.company:
        found["company"] = subject_name(f"{said}company", identity.company)
    if guards.about_tenant:
        found["tenant"] = "tenant"
    return found


def gather(case: Case, history: Ledger, *, now_ms: int, handled: bool) -> Facts:
    """All that the policy may look at, as of now."""
    emotion, identity, policy, visitor = case.emotion, case.identity, case.policy, case.visitor
    kind = EMOTION_NAMES.get(emotion.kind, "")
    valued = identity.HasField("ltv")
    team_minute, periods = _team_time(policy.zone, now_ms // 60_000)
    return Facts(
        now_ms=now_ms,
        emotion=kind,
        confidence=emotion.confidence,
        trigger=emotion.trigger,
        page=emotion.context.page,
        element=emotion.context.element,
        section=emotion.context.section,
        presses=len(emotion.evidence),
        age_ms=age_ms(emotion, now_ms),
        episode_handled=handled,
        user_id=identity.user_id,
        company=identity.company,
        company_kind=identity.company_kind,
        company_size=identity.company_size,
        tier=_TIERS.get(identity.tier, ""),
        assurance=identity.assurance,
        currency=identity.ltv.currency if valued else "",
        value=identity.ltv.minor if valued else 0,
        value_low=_bound(identity, "ltv_low"),
        value_high=_bound(identity, "ltv_high"),
        value_source=identity.ltv_source,
        identity_version=identity.version,
        language="" if visitor is None else visitor.language[:35],
        interventions_consent=_choice(visitor, "interventions_consent"),
        analytics_consent=_choice(visitor, "analytics_consent"),
        visitor_minute=UNKNOWN if visitor is None else minute_of_week(visitor.zone, now_ms),
        team_minute=team_minute,
        periods=periods,
        episodes=tuple(history.episodes),
        interventions=tuple(history.interventions),
        dismissals=tuple(history.dismissals),
        team_known=case.people is not None or not policy.asks.get(kind),
        recipients=_recipients(case, kind, now_ms),
        switches=case.switches,
        arms=facts_of(case.choices),
        experiments_known=case.experiments_known,
    )


def age_ms(emotion: emotion_pb2.Emotion, now_ms: int) -> int:
    """How long ago it was felt. The earlier of both clocks counts: a replay detects late."""
    felt = emotion.detected_at_ms
    if 0 < emotion.occurred_at_ms < felt:
        felt = emotion.occurred_at_ms
    return max(0, now_ms - felt)


def periods_at(zone: str, now_ms: int) -> tuple[str, str, str]:
    """Day, week and month where the team is."""
    return _team_time(zone, now_ms // 60_000)[1]


def minute_of_week(zone: str, now_ms: int) -> int:
    """Local time as a minute of the week, Monday 0:00 is 0; UNKNOWN without a zone."""
    return _minute_of_week(zone, now_ms // 60_000)


@lru_cache(maxsize=1024)
def _minute_of_week(zone: str, minutes: int) -> int:
    found = _zone(zone)
    return UNKNOWN if found is None else _minute(datetime.fromtimestamp(minutes * 60, found))


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo | None:
    if not name or len(name) > 64:
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return None


@lru_cache(maxsize=1024)
def _team_time(zone: str, minutes: int) -> tuple[int, tuple[str, str, str]]:
    """Minute of the week, and the periods, where the team is."""
    at = datetime.fromtimestamp(minutes * 60, _zone(zone) or ZoneInfo("UTC"))
    return _minute(at), _periods(at)


def _minute(at: datetime) -> int:
    return at.weekday() * DAY_MINUTES + at.hour * 60 + at.minute


def _periods(at: datetime) -> tuple[str, str, str]:
    day = at.date()
    monday = day - timedelta(days=day.weekday())
    return day.isoformat(), monday.isoformat(), day.isoformat()[:7]


def _bound(identity: identity_pb2.UserIdentity, name: str) -> int:
    """An end of the value's interval, if it is in the value's own currency."""
    if not identity.HasField("ltv") or not identity.HasField(name):  # type: ignore[arg-type]
        return UNKNOWN
    money: identity_pb2.Money = getattr(identity, name)
    return money.minor if money.currency == identity.ltv.currency else UNKNOWN


def _choice(visitor: service_pb2.VisitorContext | None, name: str) -> int:
    if visitor is None or not visitor.HasField(name):  # type: ignore[arg-type]
        return UNKNOWN
    return int(getattr(visitor, name))


def _recipients(case: Case, kind: str, now_ms: int) -> dict[str, Recipient]:
    if case.people is None:
        return {}
    found: dict[str, Recipient] = {}
    for asks in case.policy.asks.get(kind, ()):
        person = case.person_for(asks)
        if person is not None:
            kinds = dict.fromkeys(channel.kind for channel in reachable_channels(person))
            minute = minute_of_week(person.zone, now_ms)
            found[asks] = Recipient(person.person_id, tuple(kinds), minute)
    return found


def subject_name(kind: str, name: str) -> str:
    """A key that fits an index, whatever the tenant calls its users."""
    return f"{kind}/{name if len(name) <= _LONGEST_SUBJECT else stable_id(name)}"
