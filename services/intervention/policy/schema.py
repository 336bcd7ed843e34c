"""The JSON Schema of policy documents, from the types that read them.

`python -m services.intervention.policy.schema` writes it down.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import msgspec

from services.intervention.policy.document import Document

_PATH = Path(__file__).with_name("policy.schema.json")


def policy_schema() -> str:
    """The schema as it is committed."""
    (schema,), components = msgspec.json.schema_components(
        [Document], ref_template="#/$defs/{name}"
    )
    document: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://sentientiq.example/schemas/policy.schema.json",
        "title": "A SentientIQ policy (format 2)",
        **schema,
        "$defs": components,
    }
    _amounts(document)
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


def _amounts(part: object) -> None:
    """Amounts are numbers in YAML and JSON, or text: msgspec says text only."""
    if isinstance(part, dict):
        fields = cast("dict[str, object]", part)
        if fields.get("format") == "decimal":
            fields.clear()
            fields["type"] = ["number", "string"]
        for value in fields.values():
            _amounts(value)
    elif isinstance(part, list):
        for value in cast("list[object]", part):
            _amounts(value)


if __name__ == "__main__":
    _PATH.write_text(policy_schema())
