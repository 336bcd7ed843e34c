# ruff: noqa: PYI021 - editors show what stands here; a compiled module has no source to show.
"""Names: strings that kernels know by number."""

from typing import final

@final
class Names:
    """Strings by number; 0 is the empty one."""

    def __len__(self) -> int: ...
    @property
    def limit(self) -> int:
        """Live strings at which the owner should sweep."""
    def dump(self) -> list[str | None]:
        """Return the texts by number, None where free."""
    def load(self, texts: list[str | None]) -> None:
        """Take over what `dump` returned."""
