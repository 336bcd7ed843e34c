# ruff: noqa: PYI021 - editors show what stands here; a compiled module has no source to show.
"""Goals: what begins, furthers and ends what a visitor is about to finish; nothing for Python."""
