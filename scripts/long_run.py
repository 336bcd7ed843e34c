"""Run every test and keep the result: `make test-long` writes docs/last-long-run.md.

python -m scripts.long_run [--out FILE] [PYTEST ARGUMENTS…]
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from scripts.provenance import ROOT, cell, rows

_SLOWEST = 15


@dataclass(frozen=True, slots=True)
class Case:
    """One test as it went."""

    name: str
    seconds: float
    outcome: str
    """passed, failed, error or skipped."""
    why: str


def read(junit: Path) -> list[Case]:
    """The cases of a JUnit report of pytest."""
    cases: list[Case] = []
    for element in ElementTree.parse(junit).iter("testcase"):
        outcome, why = "passed", ""
        for child in element:
            if child.tag in ("failure", "error", "skipped"):
                outcome = "failed" if child.tag == "failure" else child.tag
                why = (child.get("message") or "").partition("\n")[0]
        name = f"{element.get('classname', '')}::{element.get('name', '')}"
        cases.append(Case(name, float(element.get("time", "0")), outcome, why))
    return cases


def report(cases: list[Case], seconds: float, arguments: list[str]) -> str:
    """The document."""
    count = Counter(case.outcome for case in cases)
    lines = [
        "# The last long run",
        "",
        "Written by `make test-long`; do not edit.",
        "",
        *rows(),
        f"| selection | {cell(' '.join(arguments)) or 'everything'} |",
        f"| tests | {len(cases)}: {count['passed']} passed, {count['failed']} failed,"
        f" {count['error']} errors, {count['skipped']} skipped |",
        f"| duration | {seconds / 60:.1f} min |",
    ]
    for outcome, title in (("failed", "Failed"), ("error", "Errors")):
        told = [case for case in cases if case.outcome == outcome]
        if told:
            lines += ["", f"## {title}", ""]
            lines += [f"- `{cell(case.name)}`: {cell(case.why)}" for case in told]
    skipped = Counter(cell(case.why) for case in cases if case.outcome == "skipped")
    if skipped:
        lines += ["", "## Skipped", ""]
        lines += [f"- {times} x {why}" for why, times in skipped.most_common()]
    lines += ["", "## Slowest", "", "| test | seconds |", "|---|---:|"]
    for case in sorted(cases, key=lambda case: -case.seconds)[:_SLOWEST]:
        lines.append(f"| `{cell(case.name)}` | {case.seconds:.1f} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Run pytest, write the document, and end as pytest ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "last-long-run.md")
    options, arguments = parser.parse_known_args()
    with tempfile.TemporaryDirectory() as folder:
        junit = Path(folder) / "junit.xml"
        began = time.monotonic()
        done = subprocess.run(
            [sys.executable, "-m", "pytest", f"--junitxml={junit}", *arguments],
            cwd=ROOT,
            check=False,
        )
        seconds = time.monotonic() - began
        if not junit.exists():
            print("pytest wrote no report: nothing to keep", file=sys.stderr)
            return done.returncode or 1
        options.out.write_text(report(read(junit), seconds, arguments))
    print(f"The result stands in {options.out}")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
