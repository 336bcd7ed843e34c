"""Would the tests notice? `make mutants` changes the code a little and writes docs/mutation.md.

mutmut makes and tests the mutants of `[tool.mutmut]`, `lua_mutants` those of the lease scripts. The
rate counts every mutant; `tests/mutants.toml` says which survivors change nothing, and why.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import random
import shutil
import subprocess
import sys
import time
import tomllib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts import lua_mutants
from scripts.provenance import ROOT, cell, rows

WORK = ROOT / "mutants"
OUT = ROOT / "docs" / "mutation.md"
KNOWN = ROOT / "tests" / "mutants.toml"
_LUA = "services/common/ownership.py (Lua)"
_CAUGHT = {"killed", "timeout", "segfault"}
_WANTED = 0.8
_SEED = 1


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one mutant."""

    module: str
    function: str
    old: str
    new: str
    outcome: str

    @property
    def caught(self) -> bool:
        """Whether a test noticed: by failing, or by never ending."""
        return self.outcome in _CAUGHT


@dataclass(frozen=True, slots=True)
class Known:
    """A mutant that no test can catch, because it changes nothing that anybody can see."""

    module: str
    old: str
    new: str
    why: str


def modules() -> list[str]:
    """What mutmut changes."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())
    found: list[str] = settings["tool"]["mutmut"]["only_mutate"]
    return found


def outcomes(module: str) -> dict[str, int | None]:
    """The exit code of the tests by mutant, None where they did not run."""
    meta = json.loads((WORK / f"{module}.meta").read_text())
    found: dict[str, int | None] = meta["exit_code_by_key"]
    return found


def _mutmut(jobs: int, names: list[str]) -> None:
    # Its progress is a line that rewrites itself: nothing for a log, unless it fails.
    done = subprocess.run(
        [Path(sys.executable).with_name("mutmut"), "run", "--max-children", str(jobs), *names],
        cwd=ROOT,
        stdout=None if sys.stdout.isatty() else subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        print((done.stdout or "").replace("\r", "\n")[-4_000:])
        sys.exit("mutmut failed: the tests must pass before mutants can be judged")


def run_mutmut(jobs: int, sample: int) -> None:
    """Make all mutants anew and test some; mutmut keeps what it finds below `mutants/`."""
    shutil.rmtree(WORK, ignore_errors=True)
    # The names of the mutants are known once they are made: begin with the smallest module.
    _mutmut(jobs, ["services.common.dedupe*"])
    chosen: list[str] = []
    for module in modules():
        names = sorted(outcomes(module))
        picked = random.Random(_SEED).sample(names, min(sample or len(names), len(names)))
        chosen += [name for name in picked if outcomes(module)[name] is None]
    _mutmut(jobs, chosen)


def _changed(diff: str) -> tuple[str, str]:
    """The lines that differ, before and after, each as one text."""
    sides: dict[str, list[str]] = {"-": [], "+": []}
    for line in diff.splitlines():
        if line[:1] in sides and not line.startswith(("---", "+++")):
            sides[line[0]].append(line[1:].strip())
    return " ".join(sides["-"]), " ".join(sides["+"])


def read_mutmut() -> list[Result]:
    """What mutmut found."""
    # By name: mutmut is of a dependency group that only this command installs.
    diffs: Any = importlib.import_module("mutmut.mutation.diff_apply")
    stats: Any = importlib.import_module("mutmut.stats")
    results: list[Result] = []
    for module in modules():
        for key, code in outcomes(module).items():
            if code is None:
                continue
            outcome = str(stats.status_by_exit_code[code])
            old = new = ""
            if outcome not in _CAUGHT:
                old, new = _changed(diffs.get_diff_for_mutant(key))
            # edge.session.xǁSessionǁ_hello__mutmut_7, services.common.ownership.x_fair_share__…
            name = key.rpartition("__mutmut_")[0].rpartition(".")[2]
            function = ".".join(name.split("ǁ")[1:]) or name.removeprefix("x_")
            results.append(Result(module, function, old, new, outcome))
    return results


def run_lua(jobs: int) -> list[Result]:
    """Test the mutants of the lease scripts."""
    return [
        Result(_LUA, mutant.script, mutant.old, mutant.new or "(left out)", outcome)
        for mutant, outcome in lua_mutants.run(jobs)
    ]


def known() -> list[Known]:
    """The mutants that are said to change nothing."""
    return [Known(**entry) for entry in tomllib.loads(KNOWN.read_text())["equivalent"]]


def report(
    results: list[Result], made: dict[str, int], equivalent: list[Known], seconds: float
) -> str:
    """The document; `made` counts the mutants of a module, tested or not."""
    reasons = {(entry.module, entry.old, entry.new): entry.why for entry in equivalent}
    lines = [
        "# Would the tests notice?",
        "",
        "Written by `make mutants`; do not edit. A mutant is the code with one small change; it is",
        "caught if a test fails (or, by timeout, never ends). The rate counts every mutant, also",
        "those that change nothing anybody could see: their reasons stand in `tests/mutants.toml`.",
        "Of a module with many mutants a sample is tested, drawn with a fixed seed.",
        "",
        *rows(),
        f"| duration | {seconds / 60:.1f} min |",
        "",
        "| module | mutants | tested | killed | timeout | survived | equivalent | caught |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    names = list(dict.fromkeys(result.module for result in results))
    for module in names:
        of_module = [result for result in results if result.module == module]
        count = Counter(result.outcome for result in of_module)
        left = [result for result in of_module if not result.caught]
        explained = sum((module, result.old, result.new) in reasons for result in left)
        lines.append(
            f"| `{module}` | {made.get(module, len(of_module))} | {len(of_module)}"
            f" | {count['killed'] + count['segfault']} | {count['timeout']}"
            f" | {len(left)} | {explained} | {rate(of_module):.1%} |"
        )
    lines.append(f"| all | | {len(results)} | | | | | {rate(results):.1%} |")
    for module in names:
        left = [result for result in results if result.module == module and not result.caught]
        if left:
            lines += ["", f"## Survivors in `{module}`", ""]
            for result in left:
                why = reasons.get((module, result.old, result.new), "not caught yet")
                if result.outcome != "survived":
                    why = result.outcome
                lines.append(
                    f"- {result.function}: `{_code(result.old)}` → `{_code(result.new)}`: {why}"
                )
    return "\n".join(lines) + "\n"


def _code(text: str) -> str:
    return cell(text).replace("\\|", "|")


def rate(results: list[Result]) -> float:
    """The share that is caught."""
    return sum(result.caught for result in results) / len(results)


def main() -> int:
    """Run it; 1 if a module is below the bar or, with all mutants, a reason is stale."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument(
        "--sample", type=int, default=250, help="mutants tested of a module at most; 0: all"
    )
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--keep", action="store_true", help="report on the last run of mutmut")
    options = parser.parse_args()
    began = time.monotonic()
    if not options.keep:
        run_mutmut(options.jobs, options.sample)
    results = read_mutmut() + run_lua(options.jobs)
    made = {module: len(outcomes(module)) for module in modules()}
    equivalent = known()
    options.out.write_text(report(results, made, equivalent, time.monotonic() - began))
    print(f"The result stands in {options.out}")

    failed = False
    for module in {result.module for result in results}:
        caught = rate([result for result in results if result.module == module])
        if caught < _WANTED:
            print(f"{module}: {caught:.1%} caught, wanted {_WANTED:.0%}")
            failed = True
    survivors = {(result.module, result.old, result.new) for result in results if not result.caught}
    if not options.sample:
        for entry in equivalent:
            if (entry.module, entry.old, entry.new) not in survivors:
                print(f"tests/mutants.toml explains what does not survive: {entry}")
                failed = True
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
