# ruff: noqa: PYI021 - editors show what stands here; a compiled module has no source to show.
"""Confusion: lost on the page, or between pages; nothing here for Python."""
