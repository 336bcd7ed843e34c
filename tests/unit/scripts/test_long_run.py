"""What `make test-long` keeps: the counts, what failed and why, and no path of this machine."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from scripts.provenance import ROOT

_TESTS = f"""
import pytest

def test_good(): pass
def test_bad(): assert 1 == 2, "one | two"
@pytest.mark.skip(reason="{ROOT}/data is absent")
def test_left(): pass
@pytest.fixture
def broken(): raise RuntimeError("no engine")
def test_error(broken): pass
"""


def test_the_result_of_a_run_is_kept(tmp_path: Path):
    out = tmp_path / "run.md"
    (tmp_path / "test_some.py").write_text(_TESTS)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "scripts.long_run", "--out", str(out)),
            *("-q", f"--rootdir={tmp_path}", str(tmp_path / "test_some.py")),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    text = out.read_text()
    assert "| tests | 4: 1 passed, 1 failed, 1 errors, 1 skipped |" in text
    assert "test_bad`: AssertionError: one \\| two" in text
    assert "no engine" in text
    assert "- 1 x ./data is absent" in text
    assert str(ROOT) not in text
