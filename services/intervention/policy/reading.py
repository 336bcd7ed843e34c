"""From bytes to a policy: YAML or JSON, today's format or the one before."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import cache
from hashlib import blake2b
from importlib.resources import files
from typing import Any, cast
from zoneinfo import ZoneInfo

import msgspec
import yaml

from services.intervention.policy.compiled import Policy, compile_policy
from services.intervention.policy.document import FORMAT, Document
from services.intervention.policy.errors import PolicyError
from services.intervention.policy.legacy import migrate
from services.intervention.templates.template import Template, builtin_templates
from services.intervention.templates.text import TemplateError

BUILTIN_VERSION = "builtin@2"
_MOST_BYTES = 256 * 1024
_MOST_DEPTH = 60
_json = msgspec.json.Decoder(float_hook=Decimal)
_AT = re.compile(r"^(?P<says>.*) - at `\$?(?P<path>.*)`$", re.DOTALL)


def parse_policy(version: str, body: bytes) -> Policy:
    """Check and compile a document.

    Raises:
        PolicyError: naming the place in it and the mend.
    """
    try:
        document = read_document(body)
        templates = {**builtin_templates(), **_templates(document)}
        return compile_policy(version, digest_of(body), body, document, templates)
    except PolicyError as error:
        raise PolicyError(f"policy {version}: {error}") from error


def read_document(body: bytes) -> Document:
    """Read a document, of format 1 too.

    Raises:
        PolicyError: it is neither YAML nor JSON, or a field is unknown, missing or out of bounds.
    """
    written = read_plain(body)
    if not isinstance(written, dict):
        raise PolicyError("expected an object with `policy: 2` and `rules`")
    fields = cast("dict[str, object]", written)
    stated = fields.get("policy")
    try:
        if stated is None:
            document = migrate(fields)
        elif stated == FORMAT:
            document = msgspec.convert(fields, Document, strict=True)
        else:
            raise PolicyError(
                f"policy: this version reads format {FORMAT}, was {stated!r}; write `policy: 2`"
            )
    except msgspec.ValidationError as error:
        raise PolicyError(_place_first(str(error))) from error
    except RecursionError as error:
        raise PolicyError("rules: nested too deeply; at most some twenty levels") from error
    try:
        ZoneInfo(document.zone)
    except (KeyError, ValueError, OSError) as error:
        raise PolicyError(
            f"zone: {document.zone!r} is no IANA time zone; use for example Europe/Berlin"
        ) from error
    return document


def digest_of(body: bytes) -> str:
    """What names a document's exact bytes."""
    return blake2b(body, digest_size=16).hexdigest()


@cache
def builtin_policy() -> Policy:
    """The policy of every tenant that has not put its own."""
    return parse_policy(BUILTIN_VERSION, builtin_body())


def builtin_body() -> bytes:
    """Its document, the example of all others."""
    return files("services.intervention.policy").joinpath("builtin.yaml").read_bytes()


def _templates(document: Document) -> dict[str, Template]:
    try:
        return {
            name: Template(written, f"templates.{name}")
            for name, written in document.templates.items()
        }
    except TemplateError as error:
        raise PolicyError(str(error)) from error


def read_plain(body: bytes) -> object:
    """Read JSON, or else YAML: strings stay strings, amounts stay exact."""
    if len(body) > _MOST_BYTES:
        raise PolicyError(f"larger than {_MOST_BYTES // 1024} KiB; split what can be one pattern")
    try:
        return _json.decode(body)
    except (msgspec.MsgspecError, RecursionError) as error:
        if body.lstrip()[:1] in (b"{", b"["):
            raise PolicyError(f"malformed JSON: {error}") from error
    try:
        return yaml.load(body.decode(), Loader=_Loader)
    except UnicodeDecodeError as error:
        raise PolicyError("malformed: neither JSON nor YAML in UTF-8") from error
    except yaml.YAMLError as error:
        raise PolicyError(f"malformed YAML: {' '.join(str(error).split())}") from error
    except (ValueError, OverflowError, RecursionError) as error:
        raise PolicyError(f"malformed YAML: {error}") from error


class _Loader(yaml.SafeLoader):
    """YAML as people mean it: 22:00 is a string and no number, 9.99 exact, and no aliases.

    Aliases would let a small document unfold into a huge one.
    """

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            raise yaml.YAMLError("aliases (*name) are not read here; write it out")
        self._depth = getattr(self, "_depth", 0) + 1
        if self._depth > _MOST_DEPTH:
            raise yaml.YAMLError(f"nested deeper than {_MOST_DEPTH} levels")
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


# Only these of YAML 1.1's implicit types, in YAML 1.2's spelling: `no`, `on` and 22:00 are words.
_Loader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("null", r"^(?:~|null|)$", ["~", "n", ""]),
    ("bool", r"^(?:true|false)$", ["t", "f"]),
    ("int", r"^[-+]?(?:0|[1-9][0-9]*)$", list("-+0123456789")),
    ("float", r"^[-+]?(?:0|[1-9][0-9]*)\.[0-9]+$", list("-+0123456789")),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), _first)


def _construct_exact(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> Any:
    return Decimal(str(loader.construct_scalar(node)))


_Loader.add_constructor("tag:yaml.org,2002:float", _construct_exact)


def _place_first(message: str) -> str:
    """ "Expected `int` - at `$.rules[0].when`" as "rules[0].when: Expected `int`"."""
    found = _AT.match(message)
    if found is None:
        return message
    path = found["path"].lstrip(".")
    return f"{path or 'document'}: {found['says']}"
