"""Reading the golden data set: rows of CSV, `x{1..3}` for three of them, and expected answers."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from services.pipeline.analytics import Analytics
from services.pipeline.arrow import MOMENT, WORD, pa

FOLDER: Final = Path(__file__).parent
_RANGE: Final = re.compile(r"\{(\d+)\.\.(\d+)\}")
_TEXT: Final = pa.string()
# What a column of the CSV is called in the table, and its type there.
_TABLES: Final[dict[str, dict[str, tuple[str, Any]]]] = {
    "events": {
        "tenant": ("tenant_id", WORD),
        "session": ("session_id", _TEXT),
        "seq": ("seq", pa.uint64()),
        "idx": ("idx", pa.uint32()),
        "t": ("t", MOMENT),
        "type": ("type", WORD),
        "page": ("page", WORD),
        "pointer": ("pointer", WORD),
        "text": ("text", _TEXT),
        "props": ("text2", _TEXT),
    },
    "emotions": {
        "tenant": ("tenant_id", WORD),
        "id": ("id", _TEXT),
        "rev": ("rev", pa.uint32()),
        "session": ("session_id", _TEXT),
        "emotion": ("emotion", WORD),
        "confidence": ("confidence", pa.uint8()),
        "user": ("user_id", _TEXT),
        "t": ("t", MOMENT),
    },
    "decisions": {
        "tenant": ("tenant_id", WORD),
        "id": ("id", _TEXT),
        "session": ("session_id", _TEXT),
        "emotion_id": ("emotion_id", _TEXT),
        "emotion": ("emotion", WORD),
        "confidence": ("confidence", pa.uint8()),
        "action": ("action", WORD),
        "reason": ("reason", WORD),
        "rule": ("rule", WORD),
        "intervention_id": ("intervention_id", _TEXT),
        "type": ("intervention_type", WORD),
        "template": ("template", WORD),
        "person": ("person_id", WORD),
        "due_at": ("due_at", MOMENT),
        "currency": ("value_currency", WORD),
        "minor": ("value_minor", pa.int64()),
        "user": ("user_id", _TEXT),
        "company": ("company", WORD),
        "t": ("t", MOMENT),
    },
    "outcomes": {
        "tenant": ("tenant_id", WORD),
        "id": ("id", _TEXT),
        "session": ("session_id", _TEXT),
        "decision": ("decision_id", _TEXT),
        "intervention": ("intervention_id", _TEXT),
        "kind": ("kind", WORD),
        "channel": ("channel", WORD),
        "detail": ("detail", _TEXT),
        "t": ("t", MOMENT),
    },
}


@dataclass(frozen=True, slots=True)
class Case:
    """A report with parameters, and what it must answer."""

    report: str
    parameters: dict[str, str]
    rows: list[dict[str, str]]


def read_case(path: Path) -> Case:
    """Read `expected/NAME.CASE.csv`; its first line has the parameters, `_` for a blank."""
    first, *rest = path.read_text().splitlines()
    pairs = (word.partition("=") for word in first.removeprefix("#").split())
    parameters = {
        name: value.replace("_", " ") if ":" in value else value for name, _, value in pairs
    }
    return Case(path.name.partition(".")[0], parameters, list(_rows(rest)))


async def load(analytics: Analytics) -> None:
    """Insert everything, block after block."""
    for table, columns in _TABLES.items():
        rows = [
            one
            for row in _rows((FOLDER / f"{table}.csv").read_text().splitlines())
            for one in _expanded(row)
        ]
        for block in sorted({row["block"] for row in rows}):
            chosen = [row for row in rows if row["block"] == block]
            arrays = [
                pa.array([_value(row[name], kind) for row in chosen], kind)
                for name, (_, kind) in columns.items()
            ]
            # What was stored long ago is deleted.
            stored_at = pa.array([datetime.now(UTC)] * len(chosen), MOMENT)
            names = [*(name for name, _ in columns.values()), "stored_at"]
            await analytics.insert(table, pa.table([*arrays, stored_at], names=names))


def told(value: Any) -> str:
    """A value of an answer as the expected ones are written."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        text = value.astimezone(UTC).isoformat(timespec="milliseconds")
        return text.replace(".000+", "+").replace("+00:00", "Z")
    return str(value)


def _rows(lines: list[str]) -> Iterator[dict[str, str]]:
    yield from csv.DictReader(line for line in lines if line and not line.startswith("#"))


def _expanded(row: dict[str, str]) -> Iterator[dict[str, str]]:
    found = next((match for value in row.values() if (match := _RANGE.search(value))), None)
    if found is None:
        yield row
        return
    for number in range(int(found[1]), int(found[2]) + 1):
        yield {name: value.replace(found[0], str(number)) for name, value in row.items()}


def _value(text: str, kind: Any) -> Any:
    if kind == MOMENT:
        return datetime.fromisoformat(text) if text else None
    if kind in (_TEXT, WORD):
        return text
    return int(Decimal(text)) if text else None
