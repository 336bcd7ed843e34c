"""What Node can tell about the browser SDK: its types, its own tests, and what it weighs."""

from __future__ import annotations

import subprocess

import pytest

from tests.documents import ROOT


@pytest.mark.parametrize("script", ["types", "test", "size"])
def test_npm_run(script: str):
    done = subprocess.run(
        ["npm", "run", "--silent", script],
        cwd=ROOT / "sdk" / "js",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
