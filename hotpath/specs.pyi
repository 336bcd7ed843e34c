# ruff: noqa: PYI021 - editors show what stands here; a compiled module has no source to show.
"""The field table of fields.py as C structs; nothing here for Python."""
