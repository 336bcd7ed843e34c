"""The JSON Schema of on-call documents, from the types that read them.

`python -m services.intervention.escalation.schema` writes it down.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from services.intervention.escalation.rota import Document

PATH = Path(__file__).with_name("on_call.schema.json")


def on_call_schema() -> str:
    """The schema as it is committed."""
    (schema,), components = msgspec.json.schema_components(
        [Document], ref_template="#/$defs/{name}"
    )
    document: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://sentientiq.example/schemas/on_call.schema.json",
        "title": "Who of a team is on call (format 1)",
        **schema,
        "$defs": components,
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


if __name__ == "__main__":
    PATH.write_text(on_call_schema())
