"""Put a letter together from the ledger and the reports of a week."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from sentientiq.tenant.v1 import tenant_service_pb2

from services.accountability.fairness import Verdict
from services.accountability.lifecycle import State
from services.accountability.reading import Reader, Wanted
from services.accountability.records import Standing
from services.accountability.weekly.amounts import amount_text
from services.accountability.weekly.letter import Bar, Chart, Cost, Figure, Letter, Missed
from services.accountability.weekly.sources import Away, Costs, Row, Sources
from services.accountability.weekly.week import Week, parse_zone

_PAGE: Final = 500
_SHOWN: Final = 12
_MISSED: Final = {
    State.IGNORED: "seen or delivered, not acted on",
    State.ACTED_LATE: "acted on after it was due",
    State.EXPIRED: "never delivered",
}
_EMOTIONS: Final = ("rage", "confusion", "hesitation", "abandonment")


@dataclass(frozen=True, slots=True)
class Asked:
    """Whose letter, about which week."""

    tenant_id: str
    person: tenant_service_pb2.Person
    week: Week
    executive: bool

    @property
    def zone(self) -> ZoneInfo:
        """The person's."""
        return parse_zone(self.person.zone)

    def command(self, report: str, **more: str) -> str:
        """The exact command that says the same again."""
        given = {
            "tenant": self.tenant_id,
            "zone": self.zone.key,
            "from": self.week.monday.isoformat(),
            "to": self.week.next.monday.isoformat(),
            **more,
        }
        words = [f"--{name} {shlex.quote(value)}" for name, value in given.items()]
        return " ".join([f"sentientiq report {report}", *words])


async def compose(asked: Asked, reader: Reader, sources: Sources, costs: Costs) -> Letter:
    """Write a letter; what cannot be asked is left out, and said.

    Raises:
        Unavailable: PostgreSQL is away.
    """
    gaps: list[str] = []
    since_ms, until_ms = asked.week.bounds_ms(asked.zone)
    standings = await _standings(asked, reader, since_ms, until_ms)
    figures = list(_ledger_figures(asked, standings))
    emotions = await _rows(asked, sources, "emotions_daily", gaps)
    rates = await _rows(asked, sources, "success_rates", gaps)
    if asked.executive:
        accuracy = await _rows(asked, sources, "detector_accuracy_daily", gaps)
        figures += [*_rate_figures(asked, rates), *_accuracy_figures(asked, accuracy)]
    charts = [chart for chart in (_days(asked, emotions), _kinds(asked, emotions)) if chart]
    missed = [one for one in standings if one.steps and one.steps[-1].state in _MISSED]
    try:
        cost = await costs.of(asked.tenant_id, since_ms, until_ms)
    except Away as error:
        gaps.append(str(error))
        cost = Cost("Cannot tell: the figures could not be asked for.", "none", (), (), "")
    return Letter(
        asked.tenant_id,
        asked.person.person_id,
        asked.person.name,
        asked.week.name,
        _span(asked.week),
        asked.zone.key,
        asked.executive,
        _headline(asked, [one for one in missed if _verdict(asked, one).blames]),
        tuple(figures),
        tuple(_missed(asked, one) for one in missed[:_SHOWN]),
        max(0, len(missed) - _SHOWN),
        tuple(charts),
        cost,
        tuple(gaps),
    )


async def _standings(asked: Asked, reader: Reader, since_ms: int, until_ms: int) -> list[Standing]:
    """The week's recommendations, newest first: a person's own, or everybody's."""
    person = "" if asked.executive else asked.person.person_id
    wanted = Wanted(asked.tenant_id, person, since_ms=since_ms, until_ms=until_ms)
    found: list[Standing] = []
    before: tuple[int, str] | None = None
    while True:
        page = await reader.page(wanted, before, _PAGE)
        found += page
        if len(page) < _PAGE:
            return found
        last = page[-1].recommendation
        before = (last.terms.decided_at_ms, last.key.decision_id)


async def _rows(asked: Asked, sources: Sources, report: str, gaps: list[str]) -> list[Row]:
    parameters = {
        "zone": asked.zone.key,
        "from": asked.week.monday.isoformat(),
        "to": asked.week.next.monday.isoformat(),
    }
    try:
        return await sources.report(asked.tenant_id, report, parameters)
    except Away as error:
        gaps.append(f"{report}: {error}")
        return []


def _ledger_figures(asked: Asked, standings: Sequence[Standing]) -> list[Figure]:
    states = Counter(one.steps[-1].state if one.steps else State.OPEN for one in standings)
    query = _scorecard(asked)
    whose = "the team was asked" if asked.executive else "you were asked"
    return [
        Figure(str(len(standings)), f"times {whose}", query),
        Figure(str(states[State.ACTED]), "acted on in time", query),
        Figure(str(states[State.ACTED_LATE]), "acted on late", query),
        Figure(str(states[State.IGNORED]), "not acted on", query),
        Figure(
            str(states[State.EXPIRED]),
            "never delivered",
            query,
            "nobody's fault",
        ),
    ]


def _rate_figures(asked: Asked, rows: Sequence[Row]) -> list[Figure]:
    """The two audiences, each where most was tried."""
    found: list[Figure] = []
    for audience, meaning in (("page", "of help shown was used"), ("team", "was acted on in time")):
        tried = [row for row in rows if row["audience"] == audience and row["rate"] is not None]
        if tried:
            row = max(tried, key=lambda one: one["tried"])
            between = f"{_percent(row['low'])} to {_percent(row['high'])}"
            note = f"{row['rule']}: {between}, {row['tried']} tried"
            found.append(
                Figure(_percent(row["rate"]), meaning, asked.command("success_rates"), note)
            )
    return found


def _accuracy_figures(asked: Asked, rows: Sequence[Row]) -> list[Figure]:
    told = sum(row["told"] for row in rows)
    if not told:
        return []
    right = sum(row["right"] for row in rows)
    return [
        Figure(
            f"{right} of {told}",
            "judged emotions were right",
            asked.command("detector_accuracy_daily"),
        )
    ]


def _days(asked: Asked, rows: Sequence[Row]) -> Chart | None:
    """Episodes a day."""
    days = [asked.week.monday + timedelta(days=number) for number in range(7)]
    counts = {day: sum(row["episodes"] for row in rows if row["day"] == day) for day in days}
    query = asked.command("emotions_daily")
    return _chart("Emotions a day", {_weekday(day): n for day, n in counts.items()}, query)


def _kinds(asked: Asked, rows: Sequence[Row]) -> Chart | None:
    counts = {
        name: sum(row["episodes"] for row in rows if row["emotion"] == name) for name in _EMOTIONS
    }
    return _chart("What was felt", counts, asked.command("emotions_daily"))


def _chart(title: str, counts: Mapping[str, int], query: str) -> Chart | None:
    longest = max(counts.values())
    if not longest:
        return None
    alt = f"{title}: " + ", ".join(f"{label} {count}" for label, count in counts.items()) + "."
    bars = (
        Bar(label, Figure(f"{count:,}", label, query), count / longest)
        for label, count in counts.items()
    )
    return Chart(title, alt, tuple(bars))


def _missed(asked: Asked, standing: Standing) -> Missed:
    wanted, state = standing.recommendation, standing.steps[-1].state
    at = datetime.fromtimestamp(wanted.terms.decided_at_ms / 1000, asked.zone)
    value = None
    if wanted.value is not None:
        day = datetime.fromtimestamp(wanted.terms.decided_at_ms / 1000, UTC)
        second = day.replace(microsecond=0, tzinfo=None)
        value = Figure(
            amount_text(*wanted.value),
            "what was known of their value then",
            f"sentientiq report journey --tenant {shlex.quote(asked.tenant_id)}"
            f" --from '{second}' --to '{second + timedelta(seconds=1)}'",
        )
    mine = standing.owner_id == asked.person.person_id
    verdict = _verdict(asked, standing)
    said = _MISSED[state] if verdict.blames else f"{_MISSED[state]}; not counted: {verdict.why}"
    return Missed(
        wanted.key.decision_id,
        wanted.company or "A visitor",
        said,
        f"{at:%a} {at.day} {at:%b}, {at:%H:%M}",
        value,
        # Only a late act redeems, and only for a while.
        mine and state is State.IGNORED and standing.late_until_ms > _sent_ms(asked),
    )


def _verdict(asked: Asked, standing: Standing) -> Verdict:
    """What the ledger says of the person for it; of a team: of whoever is blamed, else the last."""
    owners = [
        one for one in standing.owners if asked.executive or one.person_id == asked.person.person_id
    ]
    blamed = [one.verdict for one in owners if one.verdict.blames]
    return (blamed or [one.verdict for one in owners] or [Verdict.PENDING])[-1]


def _sent_ms(asked: Asked) -> int:
    return asked.week.bounds_ms(asked.zone)[1]


def _headline(asked: Asked, missed: Sequence[Standing]) -> Figure:
    count = len(missed)
    whose = "The team" if asked.executive else "You"
    moments = "moment" if count == 1 else "moments"
    text = f"{whose} missed {count} {moments} that mattered." if count else "Nothing was missed."
    return Figure(text, "", _scorecard(asked))


def _scorecard(asked: Asked) -> str:
    more = {} if asked.executive else {"person": asked.person.person_id}
    return asked.command("scorecard", **more)


def _span(week: Week) -> str:
    last = week.next.monday - timedelta(days=1)
    first = week.monday
    if first.year != last.year:
        return f"{first.day} {first:%B %Y} to {last.day} {last:%B %Y}"
    if first.month != last.month:
        return f"{first.day} {first:%B} to {last.day} {last:%B %Y}"
    return f"{first.day} to {last.day} {last:%B %Y}"


def _weekday(day: date) -> str:
    return f"{day:%a} {day.day}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"
