"""A few seconds of `make fuzz` (`make test-long`: a minute a target): nothing is found, and what is
there to be found would be.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

from scripts.builds import ROOT, Build, sanitized
from tests.fuzz import __main__ as fuzzing
from tests.fuzz.targets import TARGETS

SECONDS = [4, pytest.param(60, marks=pytest.mark.long)]
"""For each target."""
# A block of 64 bytes is read one byte past its end, by a function that sanitizers watch.
_PAST_THE_END = """
import ctypes
block = ctypes.create_string_buffer(64)
ctypes.CDLL(None).memcmp(block, ctypes.create_string_buffer(65), 65)
"""


@pytest.fixture(scope="module")
def build() -> Build:
    found = sanitized()
    if found is None:
        pytest.skip("no compiler with sanitizers (clang, or gcc with libasan)")
    fuzzing.prepare(found)
    return found


@pytest.mark.timeout(900)  # the first test builds
def test_sanitizers_are_in_the_kernels_and_awake(build: Build) -> None:
    (module,) = (build.folder / "hotpath").glob("columns.*.so")
    compiled = module.read_bytes()
    assert b"__asan_report_load" in compiled
    assert b"__ubsan_handle_float_cast_overflow_abort" in compiled
    done = subprocess.run(
        [sys.executable, "-c", _PAST_THE_END],
        cwd=ROOT, env=build.environ(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode
    assert "heap-buffer-overflow" in done.stderr


@pytest.mark.timeout(300)
@pytest.mark.parametrize("seconds", SECONDS)
@pytest.mark.parametrize("target", TARGETS)
def test_nothing_is_found(build: Build, target: str, seconds: int) -> None:
    result = fuzzing.fuzz(build, target, seconds)
    print(f"{target}: {result.runs:,} runs, {result.reached:,} edges")
    assert not result.finding, result.finding
    assert result.runs
