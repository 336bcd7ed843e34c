# ruff: noqa: PYI021 - editors show what stands here; a compiled module has no source to show.
"""Searching the page; nothing here for Python."""
