# ruff: noqa: PYI021 - editors show what stands here; a compiled module has no source to show.
"""Hesitation: a decision that does not come; nothing here for Python."""
