"""Which lines of the kernels touch Python: Cython's annotation, read and counted.

`make annotate` prints it and leaves the coloured pages in build/annotate; it fails if a line of a
`nogil` function touches Python, which would be a lock, an allocation or an exception in the path of
every event.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from pathlib import Path

from Cython.Build import cythonize  # pyright: ignore[reportUnknownVariableType]

import setup

OUT = Path("build") / "annotate"
_SCORE = re.compile(r'class="cython line score-(\d+)"')
_NOGIL = re.compile(r"\).*\bnogil:")
_HEADER = re.compile(r"\s*(cdef|cpdef)\b")


@dataclass(frozen=True, slots=True)
class Report:
    """What one kernel's annotation says; lines are numbered from 1."""

    source: Path
    lines: int
    touching: tuple[int, ...]
    nogil: frozenset[int]

    @property
    def bad(self) -> list[int]:
        """Lines of `nogil` functions that touch Python all the same."""
        return [number for number in self.touching if number in self.nogil]


def nogil_lines(text: str) -> frozenset[int]:
    """The lines of `nogil` functions, headers included."""
    found: set[int] = set()
    header, inside = 0, False
    indent = 0
    for number, line in enumerate(text.splitlines(), 1):
        depth = len(line) - len(line.lstrip())
        if inside and line.strip() and depth <= indent:
            inside = False
        if not inside:
            if _HEADER.match(line):
                header, indent = number, depth
            if _NOGIL.search(line) and header:
                inside = True
                found.update(range(header, number))
        if inside:
            found.add(number)
    return frozenset(found)


def annotate(out: Path = OUT) -> list[Report]:
    """Annotate every kernel with the directives that it is built with."""
    cythonize(
        setup.extensions,
        compiler_directives=setup.directives,
        annotate=True,
        build_dir=str(out),
        force=True,
        nthreads=2,
        quiet=True,
    )
    reports: list[Report] = []
    for extension in setup.extensions:
        source = Path(extension.sources[0])
        page = (out / source).with_suffix(".html").read_text()
        scores = [int(score) for score in _SCORE.findall(page)]
        touching = tuple(number for number, score in enumerate(scores, 1) if score)
        reports.append(Report(source, len(scores), touching, nogil_lines(source.read_text())))
    return reports


def main() -> int:
    """Print the table; 1 if a `nogil` function touches Python."""
    reports = annotate()
    print(f"{'kernel':26} lines  touch Python   nogil  touch Python")
    for report in reports:
        print(
            f"{report.source!s:26} {report.lines:5} {len(report.touching):13}"
            f" {len(report.nogil):7} {len(report.bad):13}"
        )
    for report in reports:
        for number in report.bad:
            print(f"{report.source}:{number}: a nogil function touches Python here")
    print(f"The lines themselves: {OUT}/hotpath/*.html, the yellower the dearer")
    return int(any(report.bad for report in reports))


if __name__ == "__main__":
    sys.exit(main())
