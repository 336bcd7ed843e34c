"""The document `accountability` of a tenant: working hours, deadlines, what is fair.

JSON, every key optional; what this version does not know is refused, never ignored.
docs/accountability.md explains it, `accountability.schema.json` is its schema.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, time
from decimal import ROUND_DOWN, Decimal
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec

from services.accountability.hours import DAYS, Hours
from services.common.currencies import DIGITS

_Clock = Annotated[str, msgspec.Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
_Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_Emotion = Literal["rage", "hesitation", "confusion", "abandonment"]
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]
_Currency = Annotated[str, msgspec.Meta(pattern=r"^[A-Z]{3}$")]
_Minutes = Annotated[int, msgspec.Meta(ge=1, le=60 * 24 * 30)]


class DocumentError(ValueError):
    """The document cannot be used; the message names the place and the mend."""


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    pass


class WorkingHours(_Part, frozen=True, rename={"start": "from", "end": "to"}):
    """A working week. What is left out is Monday to Friday, 9 to 18."""

    start: _Clock = "09:00"
    end: _Clock = "18:00"
    """At or before `from`: over midnight, the night of the day it began on."""
    days: tuple[_Day, ...] = ("mon", "tue", "wed", "thu", "fri")
    holidays: tuple[date, ...] = ()
    """Besides those of everybody."""


class Deadline(_Part, frozen=True):
    """How long somebody has. The first that applies is taken; the alert's own is the least."""

    minutes: _Minutes
    clock: Literal["working", "wall"] = "working"
    """Minutes of the owner's working time, or of any."""
    emotions: tuple[_Emotion, ...] = ()
    """None: any."""
    least_value: dict[_Currency, Decimal] = {}
    """Only for values from these amounts on, in whole units; other currencies do not apply."""
    hours: Literal["in", "out", "any"] = "any"
    """Only for what is decided in the owner's hours, or out of them."""


class Document(_Part, frozen=True):
    """What a tenant says of its team."""

    zone: _Name = "UTC"
    """IANA zone of people who have none."""
    hours: WorkingHours = WorkingHours()
    teams: dict[_Name, WorkingHours] = {}
    """Hours of a role, instead."""
    people: dict[_Name, WorkingHours] = {}
    """Hours of a person, instead."""
    holidays: tuple[date, ...] = ()
    """Everybody's days off."""
    deadlines: tuple[Deadline, ...] = ()
    fair_minutes: Annotated[int, msgspec.Meta(ge=0, le=60 * 24)] = 5
    """Who had less of their hours to answer in is not blamed."""
    late_days: Annotated[int, msgspec.Meta(ge=0, le=365)] = 7
    """How long after it was due a late act still counts."""


@dataclass(frozen=True, slots=True)
class Rules:
    """A document that was checked, under its version."""

    document: Document
    source: str

    def hours_of(self, person_id: str, team: str) -> Hours:
        """The person's own hours, else their team's, else everybody's."""
        document = self.document
        stated = document.people.get(person_id) or document.teams.get(team) or document.hours
        return Hours(
            time.fromisoformat(stated.start),
            time.fromisoformat(stated.end),
            frozenset(DAYS.index(day) for day in stated.days),
            frozenset((*document.holidays, *stated.holidays)),
        )

    def deadline_for(
        self, emotion: str, value: tuple[str, int] | None, *, in_hours: bool
    ) -> Deadline | None:
        """The first deadline that applies; None: the alert's own stands."""
        for deadline in self.document.deadlines:
            if deadline.emotions and emotion not in deadline.emotions:
                continue
            if deadline.hours != "any" and (deadline.hours == "in") is not in_hours:
                continue
            if deadline.least_value:
                currency, minor = value or ("", 0)
                least = deadline.least_value.get(currency)
                if least is None or minor < _minor(currency, least):
                    continue
            return deadline
        return None


BUILTIN = Rules(Document(), "builtin")


def parse_document(version: str, body: bytes) -> Rules:
    """Check a document.

    Raises:
        DocumentError: naming the place and the mend.
    """
    try:
        document = msgspec.json.decode(body, type=Document)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise DocumentError(f"{version}: {error}") from error
    zone_of(f"{version}: zone", document.zone)
    stated = {"hours": document.hours}
    stated |= {f"teams.{name}": hours for name, hours in document.teams.items()}
    stated |= {f"people.{name}": hours for name, hours in document.people.items()}
    for place, hours in stated.items():
        if not hours.days:
            raise DocumentError(f"{version}: {place}.days: name one day at least")
    for index, deadline in enumerate(document.deadlines):
        for currency, least in deadline.least_value.items():
            if currency not in DIGITS or not (least.is_finite() and 0 <= least < 10**13):
                raise DocumentError(
                    f"{version}: deadlines[{index}].least_value.{currency}: expected an ISO 4217"
                    " code and an amount of 0 or more"
                )
    return Rules(document, version)


def zone_of(place: str, name: str) -> ZoneInfo:
    """An IANA zone.

    Raises:
        DocumentError: there is none of this name.
    """
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError) as error:
        raise DocumentError(
            f"{place}: no time zone {name!r}; expected an IANA name, as Europe/Berlin"
        ) from error


def _minor(currency: str, amount: Decimal) -> int:
    return int((amount * 10 ** DIGITS[currency]).to_integral_value(ROUND_DOWN))
