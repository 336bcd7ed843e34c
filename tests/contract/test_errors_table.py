"""docs/errors.md and its tests: exactly one test a row, and a row for every such test."""

from __future__ import annotations

import re
import subprocess
import sys
from collections import Counter

from tests.engines.running import ROOT

_ROW = re.compile(r"^\| ([WHGL]\d\d) \|", re.MULTILINE)
# The id of a row in a test's: a parameter that is exactly it, or the beginning of the name.
_TEST = re.compile(r"::test_([whgl]\d\d)_\w+$|\[([WHGL]\d\d)\]$")


def collected() -> list[str]:
    """Every test there is, as pytest itself finds them."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "tests"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [line for line in done.stdout.splitlines() if "::" in line]


def test_each_row_has_its_test_and_each_test_its_row():
    rows = _ROW.findall((ROOT / "docs" / "errors.md").read_text())
    tests = collected()
    ids = [(found[1] or found[2]).upper() for test in tests if (found := _TEST.search(test))]
    assert Counter(rows) == Counter(set(rows)), "an id stands in two rows"
    assert sorted(ids) == sorted(rows)
    # In the folder of bad input nothing goes without a row.
    assert [t for t in tests if "/bad_input/" in t and not _TEST.search(t)] == []
