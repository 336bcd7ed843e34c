"""`python -m tests.simulation --seeds 10000`: play seeds, say what broke.

`--from N` begins at seed N, `--seed N` plays that one only, `--trace` prints what happened in it,
`--jobs N` uses so many processes, `--json` ends with one JSON object. Exits with 1 if a promise was
broken; a violation names its seed and shows the end of its trace.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable

from tests.simulation.runner import Report, explain, play_many
from tests.simulation.story import play


def main() -> int:
    """Parse, play, report."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="how many seeds")
    parser.add_argument("--from", dest="first", type=int, default=1, help="the first seed")
    parser.add_argument("--seed", type=int, help="play this seed only")
    parser.add_argument("--trace", action="store_true", help="print the trace (with --seed)")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--json", action="store_true", help="end with one JSON object")
    chosen = parser.parse_args()
    started = time.perf_counter()
    if chosen.seed is not None:
        result = play(chosen.seed, keep_trace=chosen.trace)
        if chosen.trace:
            print("\n".join(result.lines))
        report = Report()
        report.add(result)
        print(f"seed {result.seed}: trace {result.trace_hash}", file=sys.stderr)
    else:
        seeds = range(chosen.first, chosen.first + chosen.seeds)
        report = play_many(seeds, jobs=chosen.jobs, progress=_progress(len(seeds), started))
    for result in report.broken:
        print(explain(result), file=sys.stderr)
    if chosen.json:
        print(json.dumps(report.summary(time.perf_counter() - started)))
    return 1 if report.broken else 0


def _progress(total: int, started: float) -> Callable[[Report], None]:
    def show(report: Report) -> None:
        if report.seeds % max(1, total // 50) == 0 or report.seeds == total:
            took_s = time.perf_counter() - started
            print(
                f"{report.seeds}/{total} seeds, {len(report.broken)} broken, {took_s:.0f} s",
                file=sys.stderr,
                flush=True,
            )

    return show


if __name__ == "__main__":
    sys.exit(main())
