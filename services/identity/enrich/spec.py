"""How a tenant describes where more is known: the `enrichers` of the `company` document.

Files and secrets are named, never given: they lie in the tenant's folder below
SIQ_ENRICHMENT_FOLDER, since whoever may read the document shall not read them.
"""

from __future__ import annotations

import re
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

import msgspec

FIELDS: Final = ("company", "company_name", "parent", "size", "owner")
"""What an enricher may tell; `owner` is a person_id of the tenant's team."""
KEY_PLACE: Final = "{key}"

Key = Literal["email", "email_sha256", "domain"]
"""What is looked up: the address, its SHA-256 in hex (lower-case, trimmed), or its domain."""
# One name, so no path leads out of the folder.
_FILE: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,99}")
_QUERY: Final = re.compile(r"\s*(?:SELECT|WITH)\b", re.IGNORECASE)
_MOST_QUERY: Final = 4_096
_MOST_URL: Final = 2_048

Fields = dict[str, str]
_Timeout = Annotated[int, msgspec.Meta(ge=50, le=5_000)]


class SpecError(ValueError):
    """An enricher cannot be made of this; begins with the name of the field."""


class _Spec(
    msgspec.Struct, frozen=True, kw_only=True, tag_field="kind", forbid_unknown_fields=True
):
    key: Key
    timeout_ms: _Timeout = 1_000


class CsvSpec(_Spec, frozen=True, tag="csv"):
    """A file with a header line."""

    file: str
    columns: Fields = {}
    """Names of columns where they are others than `key` and FIELDS."""


class HttpSpec(_Spec, frozen=True, tag="http"):
    """A service that answers GET with a JSON object, 404 for nothing known."""

    url: str
    columns: Fields = {}
    token: str = ""
    """Name of the file with a bearer token."""


class PostgresSpec(_Spec, frozen=True, tag="postgresql"):
    """One SELECT with $1 for the key; its columns are named as in FIELDS."""

    source: str
    """Name of the file with the database's URL."""
    query: str


Spec = CsvSpec | HttpSpec | PostgresSpec


def check(spec: Spec) -> None:
    """Check what the types cannot say.

    Raises:
        SpecError: naming the field.
    """
    if isinstance(spec, PostgresSpec):
        _check_file("source", spec.source)
        _check_query(spec.query)
        return
    known = ("key", *FIELDS) if isinstance(spec, CsvSpec) else FIELDS
    for name in spec.columns:
        if name not in known:
            raise SpecError(f"columns: {name!r} is none of {', '.join(known)}")
    if isinstance(spec, CsvSpec):
        _check_file("file", spec.file)
        return
    _check_url(spec.url)
    if spec.token:
        _check_file("token", spec.token)


def _check_file(field: str, name: str) -> None:
    if not _FILE.fullmatch(name):
        raise SpecError(
            f"{field}: expected the name of a file in the tenant's folder, was {name[:100]!r}"
        )


def _check_query(query: str) -> None:
    if len(query) > _MOST_QUERY:
        raise SpecError(f"query: expected at most {_MOST_QUERY} characters")
    if not _QUERY.match(query) or ";" in query:
        raise SpecError("query: expected one SELECT, without a semicolon")
    if "$1" not in query or "$2" in query:
        raise SpecError("query: expected $1, and only that, where the key goes")


def _check_url(url: str) -> None:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError as error:
        raise SpecError(f"url: {error}") from error
    if parts.scheme not in ("http", "https") or not host or len(url) > _MOST_URL:
        raise SpecError("url: expected an https URL")
    if url.count(KEY_PLACE) != 1 or KEY_PLACE not in f"{parts.path}?{parts.query}":
        raise SpecError(f"url: expected {KEY_PLACE} once in the path or query, for what to look up")
