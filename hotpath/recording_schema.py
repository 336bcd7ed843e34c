"""The JSON Schema of a recording line, made from the one field table.

`python -m hotpath.recording_schema` writes it down.
"""

from __future__ import annotations

import json
from pathlib import Path

from hotpath import fields
from hotpath.events import FieldKind
from hotpath.recording import FLAGS, KINDS

_PATH = Path(__file__).with_name("recording.schema.json")


def _field_schema(field: fields.Field) -> dict[str, object]:
    match field.kind:
        case FieldKind.NUMBER:
            return {"type": "number"}
        case FieldKind.COUNT:
            return {"type": "number", "minimum": 0}
        case FieldKind.CHOICE:
            return {"enum": list(field.names)}
        case FieldKind.FLAG:
            return {"type": "boolean"}
        case FieldKind.BITS:
            return {"type": "array", "items": {"enum": list(field.names)}}
        case FieldKind.PROPS:
            return {"type": "object"}
        case _:
            return {"type": "string", "maxLength": fields.MAX_STRING}


def schema() -> dict[str, object]:
    """Return the JSON Schema of a line; recording.schema.json is this, written down."""
    text = {"type": "string", "maxLength": fields.MAX_STRING}
    kinds: list[object] = []
    for word, kind in KINDS.items():
        table = fields.EVENTS[kind]
        properties: dict[str, object] = {field.name: _field_schema(field) for field in table}
        if "target" in properties:
            properties["flags"] = {"type": "array", "items": {"enum": list(FLAGS)}}
        kinds.append(
            {
                "if": {"properties": {"type": {"const": word}}},
                "then": {
                    "properties": properties,
                    "required": [field.name for field in table if not field.optional],
                },
            }
        )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A line of a SentientIQ recording",
        "description": "Lines of other types, and other fields, are skipped and counted.",
        "type": "object",
        "properties": {
            "session": {"type": "string", "minLength": 1},
            "stream": text,
            "t": {"type": "integer", "minimum": 0, "description": "epoch ms"},
            "type": {"type": "string"},
            "page": text,
            "ptr": {"enum": list(fields.POINTERS)},
        },
        "required": ["session", "t", "type"],
        "allOf": kinds,
    }


def text() -> str:
    """The schema as it is committed."""
    return json.dumps(schema(), indent=2) + "\n"


if __name__ == "__main__":
    _PATH.write_text(text())
