"""What changed between two documents: by the names of rules and guards, not by lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Literal, cast

import msgspec

from services.intervention.policy.document import Document


class Change(msgspec.Struct, frozen=True):
    """One difference."""

    kind: Literal["added", "removed", "changed", "moved"]
    path: str
    before: object = None
    after: object = None


def differences(before: Document, after: Document) -> list[Change]:
    """All that differs, in the order of the paths."""
    return list(_compare("", _plain(before), _plain(after)))


def _plain(document: Document) -> object:
    return msgspec.to_builtins(document, str_keys=True)


def _compare(path: str, before: object, after: object) -> Iterator[Change]:
    if before == after:
        return
    fields, others = _mapping(before), _mapping(after)
    if fields is not None and others is not None:
        yield from _fields(path, fields, others)
        return
    old, new = _by_name(before), _by_name(after)
    if old is not None and new is not None and (old or new):
        yield from _fields(path, old, new)
        kept = [name for name in old if name in new]
        if kept != [name for name in new if name in old]:
            yield Change("moved", path, list(old), list(new))
        return
    yield Change("changed", path, before, after)


def _fields(
    path: str, before: Mapping[str, object], after: Mapping[str, object]
) -> Iterator[Change]:
    for name in [*before, *(name for name in after if name not in before)]:
        place = f"{path}.{name}" if path else name
        if name not in after:
            yield Change("removed", place, before=before[name])
        elif name not in before:
            yield Change("added", place, after=after[name])
        else:
            yield from _compare(place, before[name], after[name])


def _mapping(part: object) -> Mapping[str, object] | None:
    return cast("Mapping[str, object]", part) if isinstance(part, dict) else None


def _by_name(items: object) -> dict[str, object] | None:
    """A list of named things by name; None for any other."""
    if not isinstance(items, list | tuple):
        return None
    found: dict[str, object] = {}
    for item in cast("list[object]", items):
        name = cast("dict[str, object]", item).get("name") if isinstance(item, dict) else None
        if not isinstance(name, str) or name in found:
            return None
        found[name] = item
    return found
