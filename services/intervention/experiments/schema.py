"""The JSON Schema of the document `experiments`, from the types that decode it.

`python -m services.intervention.experiments.schema` writes it down.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from services.intervention.experiments.document import Document

PATH = Path(__file__).with_name("experiments.schema.json")


def experiments_schema() -> str:
    """The schema as it is committed."""
    (schema,), components = msgspec.json.schema_components(
        [Document], ref_template="#/$defs/{name}"
    )
    document: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://sentientiq.example/schemas/experiments.schema.json",
        **schema,
        "$defs": components,
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


if __name__ == "__main__":
    PATH.write_text(experiments_schema())
