# ruff: noqa: PYI021 - editors show what stands here; a compiled module has no source to show.
"""Models: what each mark is worth, and which confidence a score deserves."""

from collections.abc import Mapping
from typing import Self, final

from hotpath.model_file import ModelFile

@final
class Model:
    """The models of all emotions, as tables that kernels read. Immutable.

    Args:
        files: by emotion, as `model_file.read_folder` returns them; the shipped ones if left out.
    """

    def __new__(cls, files: Mapping[str, ModelFile] | None = None) -> Self: ...
    @property
    def versions(self) -> dict[str, str]:
        """Version of each emotion's file."""
    @property
    def calibrations(self) -> dict[str, str]:
        """What each emotion's confidences rest on, for example `simulated-v1`."""
