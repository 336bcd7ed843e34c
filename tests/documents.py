"""Reading our Markdown: what tests run, open and compare."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"


def fenced(path: Path, language: str) -> list[str]:
    """The code blocks of one language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", path.read_text(), re.DOTALL | re.MULTILINE)


def spans(text: str) -> list[str]:
    """What stands between single backticks, outside of code blocks."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.findall(r"(?<!`)`([^`\n]+)`(?!`)", prose)


def section(path: Path, heading: str) -> str:
    """The text under a second-level heading."""
    _, found, rest = path.read_text().partition(f"\n## {heading}\n")
    assert found, f"{path.name} has no section {heading!r}"
    return rest.partition("\n## ")[0]
