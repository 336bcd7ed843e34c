"""`make fuzz`: any bytes into kernels, snapshots, frames and sockets, under sanitizers.

python -m tests.fuzz [--seconds N] [TARGET…]       so many seconds, shared by the targets
python -m tests.fuzz --replay FILE TARGET          what was found, once more

With clang and atheris libFuzzer looks for inputs that reach new code, and keeps them in
build/fuzz/corpus; else seeds are changed at random, under gcc's sanitizers.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scripts.builds import ROOT, Build, sanitized
from tests.fuzz import seeds
from tests.fuzz.targets import TARGETS

if TYPE_CHECKING:
    from pathlib import Path

_RUNS = re.compile(r"stat::number_of_executed_units:\s*(\d+)")
_NOISE = re.compile(r"#\d+\s+(NEW|REDUCE|pulse|INITED|RELOAD)|\s+#\d+ (?!.*hotpath)")
_REPORT = re.compile(r"runtime error: |ERROR: |Uncaught Python exception|^Traceback")
_REACHED = re.compile(r"DONE\s+cov: (\d+)")


@dataclass(frozen=True, slots=True)
class Result:
    """How a target went."""

    target: str
    runs: int
    reached: int
    """Edges of the kernels' code that were reached; 0: not counted."""
    finding: str
    """What the process reported if it failed, else empty."""


def prepare(build: Build) -> None:
    """Build the kernels and write the seeds."""
    folder = build.make()
    (folder / "findings").mkdir(exist_ok=True)
    seeds.write(folder / "seeds")


def start(build: Build, *arguments: str) -> subprocess.Popen[str]:
    """Start a driver in a Python with that build."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.fuzz.drive", *arguments],
        cwd=ROOT,
        env=build.environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )


def fuzz(build: Build, target: str, seconds: int) -> Result:
    """Fuzz one target for a while, or until something is found."""
    how = "guided" if build.guided else "plain"
    process = start(build, target, how, str(seconds), str(build.folder))
    said, _ = process.communicate()
    runs, reached = _RUNS.search(said), _REACHED.findall(said)
    return Result(
        target,
        int(runs[1]) if runs else 0,
        int(reached[-1]) if reached else 0,
        _gist(said) if process.returncode else "",
    )


def _gist(said: str) -> str:
    """What a report says, without the stack below Python and libFuzzer's figures."""
    lines = [line for line in said.splitlines() if not _NOISE.match(line)]
    begins = [number for number, line in enumerate(lines) if _REPORT.search(line)]
    return "\n".join(lines[begins[0] :][:60] if begins else lines[-60:])


def findings(build: Build) -> set[Path]:
    """Inputs that made a target fail."""
    return set((build.folder / "findings").iterdir())


def main() -> int:
    """Fuzz, print what was found; 1 if anything was."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", default=list(TARGETS))
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--replay")
    options = parser.parse_args()
    build = sanitized()
    if build is None:
        print("no sanitizers: install clang, or gcc with libasan", file=sys.stderr)
        return 2
    prepare(build)
    if options.replay:
        process = start(build, options.targets[0], options.replay)
        print(process.communicate()[0])
        return int(process.returncode != 0)
    print(f"{build.options['CC']}, {'guided by coverage' if build.guided else 'not guided'}")
    before = findings(build)
    failed = False
    for target in options.targets:
        result = fuzz(build, target, max(1, options.seconds // len(options.targets)))
        print(f"{target:10} {result.runs:9,} runs  {result.reached:6,} edges", flush=True)
        if result.finding:
            failed = True
            print(result.finding)
    for path in sorted(findings(build) - before):
        print(f"again: {sys.executable} -m tests.fuzz --replay {path} {path.name.split('-')[0]}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
