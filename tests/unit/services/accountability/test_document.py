"""The document `accountability`, and what terms come of it."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import jsonschema
import pytest

from services.accountability.document import BUILTIN, DocumentError, Rules, parse_document
from services.accountability.schema import PATH, accountability_schema
from services.accountability.terms import Asked, Person, first_terms, later_terms

MINUTE_MS = 60_000
CEO = Person("ceo", "ceo", "America/New_York")


def rules(**document: object) -> Rules:
    return parse_document("tenant@3", json.dumps(document).encode())


def at(text: str, zone: str = "America/New_York") -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def asked(when: str, minutes: int = 15, **more: object) -> Asked:
    decided = at(when)
    fields: dict[str, object] = {"emotion": "rage", "value": ("USD", 10_000_000), **more}
    return Asked(decided, decided + minutes * MINUTE_MS, **fields)  # type: ignore[arg-type]


def test_the_committed_schema_is_the_types() -> None:
    assert PATH.read_text() == accountability_schema(), "run `make docs` and commit the result"


FULL = {
    "zone": "Europe/Berlin",
    "hours": {"from": "08:00", "to": "17:00", "days": ["mon", "tue"]},
    "teams": {"support": {"from": "22:00", "to": "06:00"}},
    "people": {"ceo": {"days": ["sat"], "holidays": ["2026-12-26"]}},
    "holidays": ["2026-12-25"],
    "deadlines": [{"minutes": 5, "clock": "wall", "emotions": ["rage"], "least_value": {"USD": 5}}],
    "fair_minutes": 0,
    "late_days": 30,
}


def test_a_document_with_everything_is_read_and_fits_the_schema() -> None:
    jsonschema.validate(FULL, json.loads(accountability_schema()))
    found = parse_document("tenant@1", json.dumps(FULL).encode())
    assert found.hours_of("ceo", "support").days == {5}
    assert {day.isoformat() for day in found.hours_of("ceo", "").holidays} == {
        "2026-12-25",
        "2026-12-26",
    }
    assert found.hours_of("ann", "support").start.hour == 22
    assert found.hours_of("ann", "sales").days == {0, 1}


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"hour": {}}, "unknown field `hour`"),
        ({"zone": "Mars/Olympus"}, "zone: no time zone 'Mars/Olympus'"),
        ({"zone": "../etc"}, "zone: no time zone"),
        ({"hours": {"from": "9"}}, "hours.from"),
        ({"hours": {"days": []}}, "hours.days: name one day"),
        ({"teams": {"a": {"days": []}}}, "teams.a.days"),
        ({"holidays": ["2026-02-30"]}, "holidays"),
        ({"deadlines": [{"minutes": 0}]}, "minutes"),
        ({"deadlines": [{"minutes": 1, "least_value": {"ZZZ": 1}}]}, "least_value.ZZZ"),
        ({"deadlines": [{"minutes": 1, "least_value": {"USD": -1}}]}, "least_value.USD"),
        ({"deadlines": [{"minutes": 1, "least_value": {"USD": "NaN"}}]}, "least_value"),
        ({"late_days": -1}, "late_days"),
    ],
)
def test_a_document_that_cannot_be_used_says_where(document: object, words: str) -> None:
    with pytest.raises(DocumentError, match=words.replace("[", r"\[")):
        parse_document("tenant@1", json.dumps(document).encode())


def test_without_a_document_the_alerts_deadline_stands() -> None:
    terms = first_terms(BUILTIN, CEO, asked("2026-11-27T10:00"))
    assert terms.due_at_ms == at("2026-11-27T10:15")
    assert terms.working == ((at("2026-11-27T10:00"), at("2026-11-27T10:15")),)
    assert (terms.team, terms.fair_ms, terms.source) == ("ceo", 5 * MINUTE_MS, "builtin")
    assert terms.late_until_ms == at("2026-12-04T10:15")
    assert first_terms(BUILTIN, CEO, asked("2026-11-28T10:00")).working == ()


def test_the_first_deadline_that_applies_is_taken_and_never_shortens_the_alerts() -> None:
    found = rules(
        deadlines=[
            {"minutes": 60, "emotions": ["confusion"]},
            {"minutes": 30, "least_value": {"USD": "100000.00"}},
            {"minutes": 240, "hours": "out"},
            {"minutes": 1},
        ]
    )
    friday = "2026-11-27T17:50"
    for emotion, value, due in (
        ("confusion", None, "2026-11-30T09:50"),
        ("rage", ("USD", 10_000_000), "2026-11-30T09:20"),
        ("rage", ("USD", 9_999_999), "2026-11-27T18:05"),
        ("rage", ("EUR", 99_999_999), "2026-11-27T18:05"),
        ("rage", None, "2026-11-27T18:05"),
    ):
        terms = first_terms(found, CEO, asked(friday, emotion=emotion, value=value))
        assert terms.due_at_ms == at(due), (emotion, value)
    night = asked("2026-11-27T23:00", value=None)
    assert first_terms(found, CEO, night).due_at_ms == at("2026-11-30T13:00")
    wall = rules(deadlines=[{"minutes": 120, "clock": "wall"}])
    assert first_terms(wall, CEO, night).due_at_ms == at("2026-11-28T01:00")


def test_a_later_owners_hours_count_but_the_deadline_stays() -> None:
    begins, due = at("2026-11-27T10:00"), at("2026-11-27T16:00")
    terms = later_terms(BUILTIN, Person("ann", "sales", "Europe/Berlin"), begins, due)
    assert (terms.due_at_ms, terms.late_until_ms) == (0, 0)
    assert terms.working == ((begins, at("2026-11-27T18:00", "Europe/Berlin")),)


def test_who_never_works_gets_sixty_days() -> None:
    first = date(2026, 11, 27)
    off = [(first + timedelta(days=day)).isoformat() for day in range(70)]
    found = rules(holidays=off, deadlines=[{"minutes": 5}])
    terms = first_terms(found, CEO, asked("2026-11-27T10:00"))
    assert terms.working == ()
    assert terms.due_at_ms == at("2026-11-27T10:00") + 60 * 24 * 60 * MINUTE_MS
