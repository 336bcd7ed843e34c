"""The tenant's document `outcomes`: which events and payments are what.

    {"outcomes": {"renewal": {"track": ["Plan Renewed"], "transactions": ["subscription"],
                              "window_days": 60, "basis": "at_stake"}}}

What it says of a kind goes before the default of that kind; kinds of its own may be added.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

import msgspec

Basis = Literal["at_stake", "paid", "none"]
TransactionWord = Literal["purchase", "subscription"]
MOST_WINDOW_DAYS: Final = 365.0
_MOST_KINDS = 50


class MappingError(ValueError):
    """The document cannot be used; the message names the field."""


class Kind(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What counts as one kind of outcome."""

    track: tuple[str, ...] = ()
    """Names of track events; capitals, spaces and underscores are all the same."""
    transactions: tuple[TransactionWord, ...] = ()
    """Kinds of transactions."""
    window_days: float = 14.0
    """How long after an act it may still be credited to it."""
    basis: Basis = "none"
    """What money is counted: the customer's value, what was paid, or none."""
    wished: bool = True
    """Whether it is good that it happens."""


class _Document(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    outcomes: dict[str, Kind] = {}


DEFAULTS: Final[Mapping[str, Kind]] = {
    "purchase": Kind(
        ("purchase", "order completed", "checkout completed"), ("purchase",), 7.0, "paid"
    ),
    "upgrade": Kind(("upgrade", "plan upgraded", "subscription upgraded"), (), 30.0, "paid"),
    "renewal": Kind(
        ("renewal", "plan renewed", "subscription renewed"), ("subscription",), 60.0, "at_stake"
    ),
    "churn": Kind(
        ("churn", "cancel", "subscription cancelled", "subscription canceled", "account deleted"),
        (), 60.0, "at_stake", wished=False,
    ),
    "ticket": Kind(("ticket", "ticket created"), (), 7.0, wished=False),
    "task_finished": Kind(("task finished", "task completed"), (), 1.0),
}  # fmt: skip


def parse_mapping(body: bytes) -> Mapping[str, Kind]:
    """Read a document, over the defaults.

    Raises:
        MappingError: naming what is wrong and the mend.
    """
    try:
        document = msgspec.json.decode(body, type=_Document)
    except msgspec.MsgspecError as error:
        raise MappingError(f"outcomes: {error}") from error
    if len(document.outcomes) > _MOST_KINDS:
        raise MappingError(f"outcomes: expected at most {_MOST_KINDS} kinds")
    for name, kind in document.outcomes.items():
        if not name.replace("_", "").isalnum() or name != name.lower():
            raise MappingError(
                f"outcomes.{name[:40]}: expected a name of small letters, digits and underscores"
            )
        if not 0 < kind.window_days <= MOST_WINDOW_DAYS:
            raise MappingError(
                f"outcomes.{name}.window_days: expected more than 0, at most"
                f" {MOST_WINDOW_DAYS:g}, was {kind.window_days:g}"
            )
        if not (kind.track or kind.transactions):
            raise MappingError(
                f"outcomes.{name}: expected names in `track`, or kinds in `transactions`"
            )
    return {**DEFAULTS, **document.outcomes}


def folded(name: str) -> str:
    """An event's name as names are compared: "Order_Completed" is "order completed"."""
    return " ".join(name.replace("_", " ").replace("-", " ").lower().split())
