"""`buf breaking` bites: what a client of the released contract relies on cannot go unnoticed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
EMOTION = "sentientiq/detection/v1/emotion.proto"


def breaking(proto: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [
            *(Path(sys.executable).with_name("buf"), "breaking", proto),
            *("--against", ROOT / "proto" / "released.binpb"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def proto(tmp_path: Path) -> Path:
    return shutil.copytree(
        ROOT / "proto", tmp_path / "proto", ignore=shutil.ignore_patterns("*.py*", "__pycache__")
    )


@pytest.mark.parametrize(
    ("old", "new", "broken"),
    [
        ("  string trigger = 8;\n", "", True),
        ("string trigger = 8;", "bytes trigger = 8;", True),
        ("string trigger = 8;", "string cause = 8;", True),
        ("string trigger = 8;", "string trigger = 8;\n  string novelty = 999;", False),
    ],
    ids=["removed", "retyped", "renamed", "added"],
)
def test_only_additions_pass(proto: Path, old: str, new: str, broken: bool):
    path = proto / EMOTION
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    done = breaking(proto)
    assert (done.returncode != 0) == broken, done.stdout + done.stderr
    assert ("trigger" in done.stdout) == broken
