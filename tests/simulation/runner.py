"""Many seeds, in a few processes."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from tests.simulation.story import Result, play

_CHUNK = 10


@dataclass
class Report:
    """What came of many seeds."""

    seeds: int = 0
    messages: int = 0
    emotions: int = 0
    virtual_s: float = 0.0
    broken: list[Result] = field(default_factory=list[Result])

    def add(self, result: Result) -> None:
        """Count one."""
        self.seeds += 1
        self.messages += result.messages
        self.emotions += result.emotions
        self.virtual_s += result.virtual_s
        if result.violations:
            self.broken.append(result)

    def summary(self, took_s: float) -> dict[str, Any]:
        """For --json."""
        return {
            "seeds": self.seeds,
            "violations": len(self.broken),
            "broken_seeds": [result.seed for result in self.broken],
            "messages": self.messages,
            "emotions": self.emotions,
            "virtual_s": round(self.virtual_s),
            "took_s": round(took_s, 1),
        }


def play_many(
    seeds: Sequence[int], *, jobs: int, progress: Callable[[Report], None] | None = None
) -> Report:
    """Play seeds; those that broke something are kept whole."""
    report = Report()

    def count(results: Iterable[Result]) -> Report:
        for result in results:
            report.add(result)
            if progress is not None:
                progress(report)
        return report

    if jobs == 1:
        return count(map(play, seeds))
    # Spawned, not forked: the parent may have threads (a test run with engines has). A worker that
    # dies is an error here; multiprocessing's own pool would wait for its answer for ever.
    pool = ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn"))
    try:
        return count(pool.map(play, seeds, chunksize=_CHUNK))
    except BaseException:
        # Whoever gives up does not wait for a seed that never ends.
        for worker in multiprocessing.active_children():
            worker.kill()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def explain(result: Result) -> str:
    """A broken seed for people: what broke, and what came before it."""
    return "\n".join(
        [
            f"seed {result.seed} broke a promise "
            f"(python -m tests.simulation --seed {result.seed} --trace):",
            *(f"  {violation}" for violation in result.violations),
            "the end of its trace:",
            *(f"  {line}" for line in result.lines[-40:]),
        ]
    )
