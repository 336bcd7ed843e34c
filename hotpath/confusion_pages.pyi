# ruff: noqa: PYI021 - editors show what stands here; a compiled module has no source to show.
"""Lost between pages; nothing here for Python."""
