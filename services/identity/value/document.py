"""A tenant's JSON document, read into a struct; what is wrong is said by field."""

from __future__ import annotations

from decimal import Decimal
from typing import TypeVar

import msgspec

from services.common.currencies import DIGITS

T = TypeVar("T")


class DocumentError(ValueError):
    """A document that cannot be used; the message names the field and the mend."""


def decode(body: bytes, struct: type[T]) -> T:
    """Read a JSON object.

    Raises:
        DocumentError: not JSON, an unknown field, or one of another type.
    """
    try:
        return msgspec.json.decode(body, type=struct)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise DocumentError(str(error)) from error


def known_currency(field: str, code: str) -> str:
    """Check a currency's code."""
    if code not in DIGITS:
        raise DocumentError(f"{field}: expected an ISO 4217 code such as EUR, was {code[:20]!r}")
    return code


def at_least(field: str, value: Decimal, least: Decimal | int, *, most: Decimal | int) -> Decimal:
    """Check a number's range."""
    if not value.is_finite() or not least <= value <= most:
        raise DocumentError(f"{field}: expected {least} to {most}, was {value}")
    return value
