"""What people did, in Segment's words, as events of ours."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlsplit

from edge.segment.calls import Call, Unusable
from hotpath.columns import Columns, WireError, from_wire
from hotpath.events import EventKind
from hotpath.fields import MAX_PROPS, MAX_STRING

_LOAD = 0
# As the browser SDK has it: segments of a path that look like a person go.
_PERSON = re.compile(r"[^/]*(?:@|%40)[^/]*", re.IGNORECASE)


def track(call: Call) -> tuple[Columns, str | None]:
    """A `track` event, and what of it was left out.

    Props over their limit are left out, as the browser SDK does.

    Raises:
        Unusable: no_name, or a reason of the field table.
    """
    if not call.event:
        raise Unusable("no_name")
    event: list[Any] = [int(EventKind.TRACK), 0, call.event]
    without: str | None = None
    if call.properties:
        if _length(call.properties) <= MAX_PROPS:
            event.append(call.properties)
        else:
            without = "long_props"
    return _columns(event), without


def _length(props: dict[str, Any]) -> int:
    """The characters of props as columns.pyx writes them."""
    try:
        return len(json.dumps(props, separators=(",", ":"), ensure_ascii=False))
    except RecursionError as error:
        raise Unusable("bad_props") from error


def page_view(call: Call) -> tuple[Columns, str]:
    """A `page_view` event of a page or screen, and its page.

    Raises:
        Unusable: no_page, or a reason of the field table.
    """
    told = call.properties or {}
    context = _object(_object(call.context).get("page"))
    places = (told.get("path"), told.get("url"), context.get("path"), context.get("url"))
    page = _first(path_of, *places, call.name, told.get("name"))
    if not page:
        raise Unusable("no_page")
    referrer = _first(bare, told.get("referrer"), context.get("referrer"))
    event: list[Any] = [int(EventKind.PAGE_VIEW), 0, page, _LOAD]
    if referrer and len(referrer) <= MAX_STRING:
        event.append(referrer)
    return _columns(event), page


def path_of(address: str) -> str:
    """The path of an address, or a name, without query and fragment."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    if parts.netloc:
        return _PERSON.sub("*", parts.path or "/")
    return bare(address)


def bare(address: str) -> str:
    """An address without query and fragment, and without people in it."""
    return _PERSON.sub("*", re.split(r"[?#]", address.strip(), maxsplit=1)[0])


def _first(reading: Any, *candidates: object) -> str:
    for candidate in candidates:
        if isinstance(candidate, str) and (found := cast("str", reading(candidate))):
            return found
    return ""


def _object(value: object) -> Mapping[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _columns(event: list[Any]) -> Columns:
    try:
        return from_wire([event], {})
    except WireError as error:
        raise Unusable(error.reason) from error
