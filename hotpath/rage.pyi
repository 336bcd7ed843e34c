# ruff: noqa: PYI021 - editors show what stands here; a compiled module has no source to show.
"""The rage kernel; nothing here for Python."""
