# ruff: noqa: PYI021 - editors show what stands here; a compiled module has no source to show.
"""One stream's events through the kernels; nothing here for Python."""
