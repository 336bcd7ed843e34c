"""Tests that hang, each in another way: each is told as what it is, and the next one runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
_HASTE = """
import tests.timeouts

tests.timeouts._AGAIN_S = 0.5
tests.timeouts._GRACE_S = {grace_s}
"""
_HANGING = """
import asyncio
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st


async def spin():
    while True:
        await asyncio.sleep(0)


async def test_beside_busy_tasks():
    tasks = [asyncio.create_task(spin()) for _ in range(20)]
    await asyncio.Event().wait()
    del tasks


@given(st.integers())
async def test_in_an_example(_number):
    await asyncio.Event().wait()


@pytest.fixture
async def deaf():
    async def stay():
        while True:
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                pass

    staying = asyncio.create_task(stay())
    await asyncio.sleep(0)
    yield
    staying.cancel()
    await asyncio.wait([staying])


async def test_while_it_is_cleared_away(deaf):
    pass


async def test_while_it_is_cleared_away_after_a_failure(deaf):
    raise AssertionError


def test_not_at_all():
    pass
"""
_IN_C = """
import ctypes


def test_in_c():
    lock = ctypes.create_string_buffer(64)
    for _ in range(2):
        ctypes.PyDLL(None).pthread_mutex_lock(lock)  # with Python's own lock held: nobody runs
"""


def _run(folder: Path, text: str, grace_s: float) -> subprocess.CompletedProcess[str]:
    (folder / "conftest.py").write_text(_HASTE.format(grace_s=grace_s))
    (folder / "test_hanging.py").write_text(text)
    options = "-q --tb=no -p no:cacheprovider -o asyncio_mode=auto -o timeout=1 -rA"
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "tests.timeouts", *options.split(), "."],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_whatever_hangs_is_told_and_the_next_one_runs(tmp_path: Path) -> None:
    done = _run(tmp_path, _HANGING, 60.0)
    ends = set(re.findall(r"^([A-Z]+) test_hanging\.py::test_(\w+)", done.stdout, re.MULTILINE))
    # A task may be lost where the alarm came as it was to go on: then its loop does not end either.
    assert ends - {("ERROR", "beside_busy_tasks")} == {
        ("FAILED", "beside_busy_tasks"),
        ("FAILED", "in_an_example"),
        ("PASSED", "while_it_is_cleared_away"),
        ("ERROR", "while_it_is_cleared_away"),
        ("FAILED", "while_it_is_cleared_away_after_a_failure"),
        ("ERROR", "while_it_is_cleared_away_after_a_failure"),
        ("PASSED", "not_at_all"),
    }, done.stdout


def test_what_cannot_be_interrupted_ends_its_process_with_all_stacks(tmp_path: Path) -> None:
    done = _run(tmp_path, _IN_C, 1.0)
    assert done.returncode == 1
    assert "Timeout (0:00:02)!" in done.stderr
    assert "in test_in_c" in done.stderr
