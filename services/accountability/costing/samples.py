"""Rows as columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from services.accountability.cost.sample import Money, Sample
from services.accountability.cost.units import Floats, Ints, Units
from services.accountability.costing.rows import Row, Rows
from services.accountability.outcomes.document import Kind


def counted(rows: Rows) -> list[Row]:
    """Those that are not left out: the units of `sample_of`, in its order."""
    return [row for row in rows.rows if not row.left_out]


def sample_of(rows: Rows, kind: Kind) -> Sample:
    """The columns of all rows that count."""
    used = counted(rows)
    happened = np.array([bool(row.credited) for row in used], dtype=np.bool_)
    kept = (happened == kind.wished).astype(np.float64)
    units = Units(
        helped=np.array([row.helped for row in used], dtype=np.bool_),
        happened=happened,
        kept=kept,
        share=np.array([row.share for row in used], dtype=np.float64),
        # Visits of one person depend on each other; persons and companies stand for themselves.
        cluster=_numbered(row.first.user_id or row.unit for row in used)
        if rows.unit_kind == "session" else np.arange(len(used)),
        before=_columns([row.before for row in used]),
        groups={
            name: _numbered(row.first.words.get(name, "") for row in used)
            for name in sorted({name for row in used for name in row.first.words})
        },
        earlier=_columns([row.earlier for row in used]),
    )  # fmt: skip
    return Sample(units, _money(used, kept, kind), rows.unit_kind)


def _money(used: Sequence[Row], kept: Floats, kind: Kind) -> dict[str, Money]:
    if kind.basis == "paid":
        currencies = {one.currency for row in used for one in row.credited if one.currency}
        everybody = np.ones(len(used), dtype=np.bool_)
        return {
            currency: Money(
                np.array(
                    [
                        float(sum(one.minor for one in row.credited if one.currency == currency))
                        for row in used
                    ]
                ),
                everybody,
            )
            for currency in currencies
        }
    if kind.basis == "none":
        return {}
    stakes = [row.first.minor for row in used]
    currencies = {row.first.currency for row in used if row.first.minor is not None}
    values = np.array([float(stake or 0) for stake in stakes])
    told = np.array([row.first.currency if row.first.minor is not None else "" for row in used])
    return {currency: Money(values * kept, told == currency, values) for currency in currencies}


def _columns(given: Sequence[Mapping[str, float]]) -> dict[str, Floats]:
    """A column for each name; who has none of it has 0."""
    names = sorted({name for one in given for name in one})
    return {name: np.array([one.get(name, 0.0) for one in given]) for name in names}


def _numbered(words: Iterable[str]) -> Ints:
    listed = list(words)
    if not listed:
        return np.empty(0, dtype=np.int64)
    return np.unique(np.array(listed), return_inverse=True)[1].astype(np.int64)
