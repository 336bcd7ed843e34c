# ruff: noqa: PYI021 - editors show what stands here; a compiled module has no source to show.
"""Wakes: timers that streams have pending, written as the answer that names them.

Nothing here for Python; `Detector.wakes` and `Detector.wakes_encoded` hand them over.
"""

from typing_extensions import disjoint_base

@disjoint_base
class Wakes: ...
