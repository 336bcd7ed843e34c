"""The path of every event does without Python: no line of a `nogil` function touches it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scripts.annotate import annotate, nogil_lines

if TYPE_CHECKING:
    from pathlib import Path

_SOURCE = """\
cdef int free(int a) noexcept nogil:
    cdef int b = a

    return b

def held(a):
    with nogil:
        pass

cdef class Box:
    cdef void put(
        self, int a
    ) noexcept nogil:
        self.a = a

    def take(self):
        return self.a
"""


def test_lines_of_nogil_functions_are_found() -> None:
    assert nogil_lines(_SOURCE) == {1, 2, 3, 4, 5, 11, 12, 13, 14, 15}


def test_no_nogil_function_touches_python(tmp_path: Path) -> None:
    reports = {report.source.stem: report for report in annotate(tmp_path)}
    assert {name: report.bad for name, report in reports.items() if report.bad} == {}
    assert len(reports["rage"].nogil) > 100
    assert reports["detector"].touching
