"""The checked build and the ordinary one say the same, bit for bit."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import hotpath.detector
from scripts.builds import ROOT, checked


def _digest(environ: dict[str, str]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.unit.hotpath.digest"],
        cwd=ROOT, env=environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


# Bounds, overflow and None checks, line tracing: an exception that a `noexcept` function swallows
# would show as another verdict. A build takes about a minute, more on a busy machine.
@pytest.mark.long
@pytest.mark.timeout(900)
def test_the_checked_build_says_the_same() -> None:
    build = checked()
    folder = build.make()
    ours = _digest(os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'proto'}"})
    theirs = _digest(build.environ())
    assert Path(ours["module"]) == Path(hotpath.detector.__file__)
    assert Path(theirs["module"]).is_relative_to(folder)
    assert theirs["said"] == ours["said"]
