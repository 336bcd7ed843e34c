"""Mutants of the Lua inside a Python module, which mutmut cannot see.

As a pytest plugin (`-p scripts.lua_mutants`, LUA_MUTANT=n) it puts mutant n in place of the script
before any test runs; nothing is written to disk.
"""

from __future__ import annotations

import importlib
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import ModuleType

MODULE = "services.common.ownership"
TESTS = [
    "tests/unit/services/common/test_lease_clock.py",
    "tests/unit/services/common/test_ownership.py",
]
_TIMEOUT_S = 120
# Longest first: `<=` is no `<`.
_SWAPS = {
    "~=": "==", "==": "~=", "<=": "<", ">=": ">", "<": "<=", ">": ">=", " and ": " or ",
    " or ": " and ", " + ": " - ", " - ": " + ", " * ": " / ", " / ": " * ", "math.max": "math.min",
    "math.min": "math.max", "math.floor": "math.ceil", " not ": " ",
}  # fmt: skip
# Not the strings: a command that the store does not know fails at once, whatever is tested.
_TOKEN = re.compile(r"'[^']*'|(?<=[ (\[,])\d+\b|" + "|".join(map(re.escape, _SWAPS)))
_STATEMENT = re.compile(r"\s*(redis\.call\(|[a-z_]+(\[.*\])? = )")


@dataclass(frozen=True, slots=True)
class Mutant:
    """One changed line of one script."""

    script: str
    """Name of the constant that holds it."""
    line: int
    old: str
    new: str


def scripts(module: ModuleType) -> dict[str, str]:
    """The constants that are Lua, but for those that are only part of others."""
    found = {
        name: value
        for name, value in vars(module).items()
        if isinstance(value, str) and "redis.call(" in value
    }
    return {
        name: text
        for name, text in found.items()
        if not any(text != other and text in other for other in found.values())
    }


def _changes(line: str) -> Iterator[str]:
    """Each way to change a line; an empty one leaves the statement out."""
    for found in _TOKEN.finditer(line):
        token = found[0]
        if token.startswith("'"):
            continue
        new = str(int(token) + 1) if token.isdigit() else _SWAPS[token]
        yield line[: found.start()] + new + line[found.end() :]
    if _STATEMENT.match(line) and line.count("(") == line.count(")"):
        yield ""


def mutants(module: ModuleType) -> list[Mutant]:
    """All mutants, in order. A part that scripts share is changed in each of them on its own."""
    return [
        Mutant(name, number, line.strip(), new.strip())
        for name, text in scripts(module).items()
        for number, line in enumerate(text.splitlines())
        for new in _changes(line)
    ]


def apply(module: ModuleType, mutant: Mutant) -> None:
    """Put a mutant in place of the script that it changes."""
    lines = scripts(module)[mutant.script].splitlines()
    assert lines[mutant.line].strip() == mutant.old
    lines[mutant.line] = mutant.new
    setattr(module, mutant.script, "\n".join(lines))


def pytest_configure() -> None:
    """Change the script, if this is a run with a mutant."""
    number = os.environ.get("LUA_MUTANT")
    if number is not None:
        module = importlib.import_module(MODULE)
        apply(module, mutants(module)[int(number)])


def _outcome(number: int | None) -> str:
    chosen = {} if number is None else {"LUA_MUTANT": str(number)}
    try:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-xq", "-p", "scripts.lua_mutants", *TESTS],
            env={**os.environ, **chosen},
            capture_output=True,
            check=False,
            timeout=_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired:
        return "timeout"
    # 1: a test failed. Anything else would be a mistake of this script.
    return {0: "survived", 1: "killed"}.get(done.returncode, "suspicious")


def run(jobs: int) -> list[tuple[Mutant, str]]:
    """Test every mutant.

    Raises:
        RuntimeError: the tests fail without any mutant.
    """
    if _outcome(None) != "survived":
        raise RuntimeError(f"{' '.join(TESTS)} must pass before its mutants can be judged")
    found = mutants(importlib.import_module(MODULE))
    with ThreadPoolExecutor(jobs) as pool:
        return list(zip(found, pool.map(_outcome, range(len(found))), strict=True))
