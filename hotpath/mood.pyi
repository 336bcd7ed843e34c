# ruff: noqa: PYI021 - editors show what stands here; a compiled module has no source to show.
"""Moods: the marks of one emotion in one stream; nothing here for Python."""
