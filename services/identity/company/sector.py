"""What a public suffix says about those below it: schools, universities, offices of a state."""

from __future__ import annotations

import re
from typing import Final

from services.identity.company.suffix import Registrable

_SCHOOLS: Final = frozenset({"edu", "ac", "sch", "school", "k12", "g12", "univ"})
_SCHOOLS_TOO: Final = frozenset({"ed.jp", "ed.cr", "ed.ao", "ens.tn", "academia.bo", "edunet.tn"})
_COLLEGES: Final = re.compile(r"(?:cc|tec)\.[a-z]{2}\.us")
_OFFICES: Final = frozenset({"gov", "gob", "gouv", "gub", "govt", "mil"})
# "go" and "lg" are provinces elsewhere.
_OFFICES_TOO: Final = frozenset(
    {
        *("go.jp", "go.kr", "go.th", "go.id", "go.ke", "go.tz", "go.ug", "go.cr", "go.ci"),
        *("lg.jp", "gc.ca", "gv.at", "gv.ao", "nhs.uk", "police.uk", "fed.us"),
    }
)
# state.ca.us, and below it cities and counties.
_STATES: Final = re.compile(r"(?:state|(?:ci|co)\.[a-z-]+|[a-z-]+\.(?:ci|co))\.[a-z]{2}\.us")


def is_office(name: Registrable) -> bool:
    """Tell whether only a state's offices get such a name."""
    if name.private:
        return False
    labels = name.suffix.split(".")
    return (
        name.suffix in _OFFICES_TOO
        or not _OFFICES.isdisjoint(labels)
        or _STATES.fullmatch(name.domain) is not None
    )


def is_school(name: Registrable) -> bool:
    """Tell whether only schools and universities get such a name."""
    if name.private or is_office(name):
        return False
    labels = name.suffix.split(".")
    # .ac by itself is an island, and .school a shop for names.
    return (
        name.suffix == "edu"
        or (len(labels) > 1 and not _SCHOOLS.isdisjoint(labels))
        or name.suffix in _SCHOOLS_TOO
        or _COLLEGES.fullmatch(name.suffix) is not None
    )
