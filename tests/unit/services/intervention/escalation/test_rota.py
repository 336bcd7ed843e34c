"""Who has the turn: by the clocks of the place, summer time and swaps included."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import jsonschema
import pytest
import yaml

from services.intervention.escalation.rota import RotaError, Rotas, parse_rotas
from services.intervention.escalation.schema import PATH, on_call_schema
from tests.documents import ROOT

VIENNA = """
on_call: 1
rotas:
  - name: success
    zone: Europe/Vienna
    people: [ann, ben, cem]
    each: week
    from: 2026-01-05
    at: 09:00
    hours: {from: 08:00, to: 20:00, days: [mon, tue, wed, thu, fri]}
    swaps: [{person: dee, from: 2026-01-13T12:00, to: 2026-01-13T14:00}]
  - {name: night, zone: Europe/Vienna, people: [ann, ben], each: day, from: 2026-03-27, at: 22:00}
  - name: late
    zone: Europe/Vienna
    people: [eve]
    from: 2026-01-05
    hours: {from: 22:00, to: 06:00, days: [fri]}
"""


@pytest.fixture(scope="module")
def rotas() -> Rotas:
    return parse_rotas("tenant@1", VIENNA.encode())


def ms(moment: str) -> int:
    """A wall-clock time in Vienna."""
    at = datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo("Europe/Vienna"))
    return int(at.timestamp() * 1000)


@pytest.mark.parametrize(
    ("moment", "who"),
    [
        ("2026-01-05T08:59", None),
        ("2026-01-05T09:00", "ann"),
        ("2026-01-09T19:59", "ann"),
        ("2026-01-09T20:00", None),
        ("2026-01-10T12:00", None),
        ("2026-01-12T08:30", "ann"),
        ("2026-01-12T09:00", "ben"),
        ("2026-01-13T13:00", "dee"),
        ("2026-01-13T14:00", "ben"),
        ("2026-01-26T09:00", "ann"),
        ("2026-07-06T08:59", "ben"),
        ("2026-07-06T09:00", "cem"),
    ],
)
def test_turns_change_by_the_clock_on_the_wall(rotas: Rotas, moment: str, who: str | None) -> None:
    assert rotas.on_call("success", ms(moment)) == who


@pytest.mark.parametrize(
    ("moment", "who"),
    [
        ("2026-03-27T22:00", "ann"),
        ("2026-03-28T21:59", "ann"),
        ("2026-03-28T22:00", "ben"),
        # The night of 23 hours: the turn ends at ten all the same.
        ("2026-03-29T21:59", "ben"),
        ("2026-03-29T22:00", "ann"),
        ("2026-10-25T21:59", "ben"),
        ("2026-10-25T22:00", "ann"),
    ],
)
def test_a_day_that_summer_time_changes_is_one_turn(rotas: Rotas, moment: str, who: str) -> None:
    assert rotas.on_call("night", ms(moment)) == who


@pytest.mark.parametrize(
    ("moment", "who"),
    [
        ("2026-01-09T21:59", None),
        ("2026-01-09T22:00", "eve"),
        ("2026-01-10T05:59", "eve"),
        ("2026-01-10T06:00", None),
        ("2026-01-10T23:00", None),
    ],
)
def test_hours_past_midnight_belong_to_the_day_they_begin_on(
    rotas: Rotas, moment: str, who: str | None
) -> None:
    assert rotas.on_call("late", ms(moment)) == who


def test_of_an_unknown_rota_nobody_is_on_call(rotas: Rotas) -> None:
    assert rotas.on_call("sales", ms("2026-01-05T10:00")) is None


@pytest.mark.parametrize(
    ("before", "after", "says"),
    [
        ("on_call: 1", "on_call: 2", "Invalid enum value 2"),
        ("zone: Europe/Vienna", "zone: Vienna", "no zone 'Vienna'; use a name such as"),
        ("people: [ann, ben, cem]", "people: []", "people"),
        ("from: 2026-01-05", "from: 2026-02-30", "rotas[0].from: no such day"),
        ("from: 08:00, to: 20:00", "from: 08:00, to: 08:00", "leave hours out for all day"),
        ("to: 2026-01-13T14:00", "to: 2026-01-13T11:00", "swaps[0]: it ends before it begins"),
        ("name: night", "name: success", "two rotas are named 'success', rename one"),
        ("each: week", "every: week", "unknown field `every`"),
        ("rotas:", "rotas: &all", "rotas"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_name(before: str, after: str, says: str) -> None:
    document = VIENNA.replace(before, after, 1)
    assert document != VIENNA
    if "&all" in after:
        document += "  - *all\n"
        says = "aliases (*name) are not read here"
    with pytest.raises(RotaError, match=re.escape(says)):
        parse_rotas("tenant@1", document.encode())


def test_schema_is_the_committed_one_and_knows_the_documented_example() -> None:
    assert Path(PATH).read_text() == on_call_schema(), "run `make docs`"
    page = (ROOT / "docs" / "intervene.md").read_text()
    (example,) = re.findall(r"```yaml\n(on_call: 1.*?)```", page, re.DOTALL)
    parse_rotas("example", example.encode())
    plain = json.loads(json.dumps(yaml.load(example, Loader=yaml.BaseLoader)))
    plain["on_call"] = 1
    jsonschema.validate(plain, json.loads(on_call_schema()))
