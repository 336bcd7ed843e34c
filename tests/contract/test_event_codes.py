"""docs/contracts.md and the code name the same events, fields, flags and codes."""

from __future__ import annotations

import re
from pathlib import Path

from hotpath import fields
from hotpath.events import EventKind, FieldKind, ReactionKind, TargetFlag

TEXT = (Path(__file__).parents[2] / "docs" / "contracts.md").read_text()
NOTHING = "\N{EN DASH}"
WIRE = re.findall(r"^\| (\d+) \| (\w+) \| (.+) \|$", TEXT, re.MULTILINE)


def _names(cell: str) -> list[tuple[str, bool]]:
    """Return (field, optional) in order, without what stands in brackets."""
    bare = re.sub(r"\([^)]*\)", "", cell)
    names = [part.strip() for part in bare.split(",")]
    return [(name.rstrip("?"), name.endswith("?")) for name in names if name != NOTHING]


def test_codes() -> None:
    assert {int(code): name for code, name, _ in WIRE} == {k: k.name.lower() for k in EventKind}
    assert set(fields.EVENTS) == set(EventKind)


def test_fields_and_their_order() -> None:
    for code, name, cell in WIRE:
        table = fields.EVENTS[EventKind(int(code))]
        assert _names(cell) == [(field.name, field.optional) for field in table], name


def test_choices() -> None:
    for code, name, cell in WIRE:
        for field in fields.EVENTS[EventKind(int(code))]:
            if field.kind == FieldKind.CHOICE:
                words = re.search(rf"\b{field.name} \(([^)]*)\)", cell)
                assert words, (name, field.name)
                expected = ", ".join(f"{i} {word}" for i, word in enumerate(field.names))
                assert words[1] == expected, name


def test_modifier_bits() -> None:
    (field,) = (f for f in fields.EVENTS[EventKind.CLICK] if f.kind == FieldKind.BITS)
    bits = ", ".join(f"{1 << i} {word}" for i, word in enumerate(field.names))
    assert f"(bits: {bits})" in TEXT


def test_reaction_kinds_are_the_choices() -> None:
    (kind, *_) = fields.EVENTS[EventKind.REACTION]
    names = [reaction.name.removeprefix("REACTION_").lower() for reaction in ReactionKind]
    assert list(kind.names) == names


def test_target_flags() -> None:
    match = re.search(r"Target flags, bit numbers: (.+?)\.\n", TEXT, re.DOTALL)
    assert match
    bits = dict(part.split() for part in match[1].split(","))
    assert {int(bit): name for bit, name in bits.items()} == {
        flag.bit_length() - 1: flag.name.lower() for flag in TargetFlag
    }


def test_limits() -> None:
    assert f"strings are at most {fields.MAX_STRING} characters" in TEXT
    assert f"(`props` as JSON: {fields.MAX_PROPS:,})" in TEXT
    assert fields.MAX_DT_MS == 24 * 3600 * 1000
