# ruff: noqa: PYI021 - editors show what stands here; a compiled module has no source to show.
"""Anger beside bursts of presses; nothing here for Python."""
