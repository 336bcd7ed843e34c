# ruff: noqa: PYI021 - editors show what stands here; a compiled module has no source to show.
"""The judge: from marks to episodes; nothing here for Python."""
