"""Who is on call: a tenant's rotas, as people write them, and who has the turn at a moment.

Turns change by the clocks of the rota's zone: a day that summer time shortens is one turn all the
same. `schema.py` makes the published JSON Schema of these types; docs/intervene.md explains them.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

import msgspec

from services.intervention.policy.errors import PolicyError
from services.intervention.policy.reading import read_plain

_Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9_]{1,64}$")]
_PersonId = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
_Clock = Annotated[str, msgspec.Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
_Day = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
_Moment = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}$")]
_DayName = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
_DAYS: tuple[_DayName, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAYS_OF = {"day": 1, "week": 7}


class RotaError(ValueError):
    """A document cannot be used; the message names the place and the mend."""


class _Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class Hours(_Part, frozen=True, kw_only=True):
    """When anybody is on call at all; `from` after `to` spans midnight."""

    since: _Clock = msgspec.field(name="from")
    to: _Clock
    days: Annotated[tuple[_DayName, ...], msgspec.Meta(min_length=1)] = _DAYS
    """Days on which the hours begin."""


class Swap(_Part, frozen=True, kw_only=True):
    """Somebody takes over for a while, whoever has the turn. Local times of the rota's zone."""

    person: _PersonId
    since: _Moment = msgspec.field(name="from")
    to: _Moment


class Rota(_Part, frozen=True, kw_only=True):
    """People who take turns."""

    name: _Name
    zone: str = "UTC"
    people: Annotated[tuple[_PersonId, ...], msgspec.Meta(min_length=1, max_length=100)]
    """Ids of the team, in the order of their turns."""
    each: Literal["day", "week"] = "week"
    """How long a turn lasts."""
    since: _Day = msgspec.field(name="from")
    """When the first of them begins; before it nobody is on call."""
    at: _Clock = "09:00"
    """When a turn passes on."""
    hours: Hours | None = None
    """None: day and night."""
    swaps: Annotated[tuple[Swap, ...], msgspec.Meta(max_length=200)] = ()


class Document(_Part, frozen=True, kw_only=True):
    """All rotas of a tenant."""

    on_call: Literal[1]
    rotas: Annotated[tuple[Rota, ...], msgspec.Meta(min_length=1, max_length=50)]


class Rotas:
    """A document that was checked."""

    def __init__(self, rotas: tuple[Rota, ...] = ()) -> None:
        self._by_name = {rota.name: rota for rota in rotas}

    @property
    def names(self) -> tuple[str, ...]:
        """All rotas, as they stand in the document."""
        return tuple(self._by_name)

    def on_call(self, name: str, now_ms: int) -> str | None:
        """The id of whoever has the turn; None: nobody, or there is no such rota."""
        rota = self._by_name.get(name)
        if rota is None:
            return None
        local = datetime.fromtimestamp(now_ms / 1000, ZoneInfo(rota.zone)).replace(tzinfo=None)
        for swap in rota.swaps:
            if _moment(swap.since) <= local < _moment(swap.to):
                return swap.person
        if rota.hours is not None and not _within(rota.hours, local):
            return None
        # Wall-clock times of one zone: what lies between them in seconds is nobody's business.
        first = datetime.combine(date.fromisoformat(rota.since), time.fromisoformat(rota.at))
        if local < first:
            return None
        turns = (local - first) // timedelta(days=_DAYS_OF[rota.each])
        return rota.people[turns % len(rota.people)]


NO_ROTAS = Rotas()


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _within(hours: Hours, local: datetime) -> bool:
    clock = local.strftime("%H:%M")
    today, yesterday = _DAYS[local.weekday()], _DAYS[local.weekday() - 1]
    if hours.since < hours.to:
        return hours.since <= clock < hours.to and today in hours.days
    begun = clock >= hours.since and today in hours.days
    return begun or (clock < hours.to and yesterday in hours.days)


def parse_rotas(version: str, body: bytes) -> Rotas:
    """Read a document, YAML or JSON. `version` is what it is called in the log.

    Raises:
        RotaError: it cannot be used.
    """
    del version
    try:
        document = msgspec.convert(read_plain(body), Document)
    except PolicyError as error:
        raise RotaError(str(error)) from error
    except (msgspec.ValidationError, RecursionError) as error:
        raise RotaError(f"{error}; docs/intervene.md shows a whole document") from error
    names: set[str] = set()
    for index, rota in enumerate(document.rotas):
        _check(rota, f"rotas[{index}]")
        if rota.name in names:
            raise RotaError(f"rotas[{index}].name: two rotas are named {rota.name!r}, rename one")
        names.add(rota.name)
    return Rotas(document.rotas)


def _check(rota: Rota, place: str) -> None:
    try:
        ZoneInfo(rota.zone)
    except (KeyError, ValueError, OSError) as error:
        raise RotaError(
            f"{place}.zone: no zone {rota.zone!r}; use a name such as Europe/Vienna"
        ) from error
    try:
        date.fromisoformat(rota.since)
    except ValueError as error:
        raise RotaError(f"{place}.from: no such day, {rota.since}") from error
    if rota.hours is not None and rota.hours.since == rota.hours.to:
        raise RotaError(f"{place}.hours: from and to are the same; leave hours out for all day")
    for index, swap in enumerate(rota.swaps):
        where = f"{place}.swaps[{index}]"
        try:
            ends_first = _moment(swap.to) <= _moment(swap.since)
        except ValueError as error:
            raise RotaError(f"{where}: no such moment: {error}") from error
        if ends_first:
            raise RotaError(f"{where}: it ends before it begins")
