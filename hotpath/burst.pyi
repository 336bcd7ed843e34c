# ruff: noqa: PYI021 - editors show what stands here; a compiled module has no source to show.
"""Bursts: which presses belong together, and what they are worth; nothing here for Python."""
