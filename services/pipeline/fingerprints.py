"""A number for each row, by its content, that ClickHouse computes alike (reports/row_hashes.sql).

The sum of these over rows, modulo 2^64, does not depend on their order: equal sums and counts say
that two stores hold the same rows. Left out is what differs where the log repeats a message: its
place, when it was stored, and its time, which another edge may have corrected otherwise; the hour
of that time is what rows are summed by.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.pipeline.arrow import compute, pa

_BETWEEN = "\x1f"
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "events": (
        *("session_id", "stream_id", "seq", "edge_offset", "idx", "type", "page", "pointer"),
        *("target", "target_flags", "text", "text2", "a", "b", "c", "d", "e"),
    ),
    "identifies": ("session_id", "stream_id", "seq", "key_id", "sealed_bytes"),
    "emotions": (
        *("id", "rev", "session_id", "stream_id", "emotion", "confidence", "trigger", "page"),
        *("element", "section", "calibration", "user_id"),
    ),
    "decisions": (
        *("id", "session_id", "emotion_id", "emotion_rev", "emotion", "confidence", "action"),
        *("reason", "rule", "policy_version", "intervention_id", "intervention_type", "template"),
        *("variant", "person_id", "value_currency", "value_minor", "assurance", "user_id"),
        *("company", "path"),
    ),
    "outcomes": (
        *("id", "session_id", "decision_id", "intervention_id", "kind", "person_id", "channel"),
        "detail",
    ),
}


def row_hashes(table: str, rows: Any) -> NDArray[np.uint64]:
    """The numbers of an Arrow table's rows, in order."""
    texts = [_texts(rows[name]) for name in COLUMNS[table]]
    joined = compute.binary_join_element_wise(*texts, _BETWEEN)
    parts = [sha256(text.encode()).digest()[:8] for text in joined.to_pylist()]
    return np.frombuffer(b"".join(parts), np.dtype("<u8"))


def total(hashes: NDArray[np.uint64]) -> int:
    """Their sum, modulo 2^64."""
    return int(hashes.sum(dtype=np.uint64))


def _texts(column: Any) -> Any:
    kind = column.type
    if pa.types.is_dictionary(kind):
        column = column.cast(kind.value_type)
    elif pa.types.is_floating(kind):
        # By their bits: how a number is written is another matter in every language.
        column = pa.chunked_array([_bits(chunk) for chunk in column.chunks], pa.string())
    elif not pa.types.is_string(kind):
        column = column.cast(pa.string())
    return column.fill_null("")


def _bits(chunk: Any) -> Any:
    values = np.asarray(chunk.fill_null(0), np.float32).view(np.uint32)
    return pa.array(values, mask=np.asarray(chunk.is_null(), bool)).cast(pa.string())
