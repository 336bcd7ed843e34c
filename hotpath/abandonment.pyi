# ruff: noqa: PYI021 - editors show what stands here; a compiled module has no source to show.
"""Abandonment: a goal in progress, about to be given up; nothing here for Python."""
