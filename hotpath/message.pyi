# ruff: noqa: PYI021 - editors show what stands here; a compiled module has no source to show.
"""Messages: one BehaviorBatch as it arrived, read without any object; nothing here for Python."""
