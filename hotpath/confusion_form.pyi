# ruff: noqa: PYI021 - editors show what stands here; a compiled module has no source to show.
"""Lost in a form: back to fields that were left, refused again; nothing here for Python."""
