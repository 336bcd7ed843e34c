"""The JSON Schema of client frames, from the types that decode them: `python -m edge.schema`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from edge.protocol import ClientMessage

_PATH = Path(__file__).with_name("schemas") / "client.schema.json"


def client_schema() -> str:
    """The schema as it is committed."""
    (schema,), components = msgspec.json.schema_components(
        [ClientMessage], ref_template="#/$defs/{name}"
    )
    document: dict[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "https://sentientiq.example/schemas/client.schema.json",
        "title": "Frames that a client sends (WebSocket protocol v1)",
        **schema,
        "$defs": components,
    }
    return msgspec.json.format(msgspec.json.encode(document), indent=2).decode() + "\n"


if __name__ == "__main__":
    _PATH.write_text(client_schema())
