# ruff: noqa: PYI021 - editors show what stands here; a compiled module has no source to show.
"""Presses that come to nothing; nothing here for Python."""
