"""The JSON Schema of the document `accountability`, from the types that decode it.

`python -m services.accountability.schema` writes it down.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from services.accountability.document import Document

PATH = Path(__file__).with_name("accountability.schema.json")


def accountability_schema() -> str:
    """The schema as it is committed."""
    (schema,), components = msgspec.json.schema_components(
        [Document], ref_template="#/$defs/{name}"
    )
    # Amounts are numbers or text: msgspec says text only.
    amounts = components["Deadline"]["properties"]["least_value"]
    amounts["additionalProperties"] = {"type": ["number", "string"]}
    document: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://sentientiq.example/schemas/accountability.schema.json",
        **schema,
        "$defs": components,
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


if __name__ == "__main__":
    PATH.write_text(accountability_schema())
