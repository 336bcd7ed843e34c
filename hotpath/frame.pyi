# ruff: noqa: PYI021 - editors show what stands here; a compiled module has no source to show.
"""Frames: one BehaviorBatch as Python values, for those who want rows of it and not feelings."""

def read_frame(
    blob: bytes,
) -> tuple[str, str, str, int, int, str, int, int, int, bytes, list[str], list[int], list[str]]:
    """Return the fields of a serialized BehaviorBatch whose columns can be read safely.

    They are tenant_id, session_id, stream_id, seq, t0_ms, page, pointer (at most 255),
    received_at_ns, the number of events, columns, the descriptors and the flags of the targets, and
    the strings.

    Raises:
        ValueError: it is none, it is damaged, or a string is not UTF-8; ColumnsError is one.
    """
