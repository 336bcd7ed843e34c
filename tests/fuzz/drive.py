"""Feeds one target, in a Python that has the sanitized kernels; started by `python -m tests.fuzz`.

python -m tests.fuzz.drive TARGET guided|plain SECONDS     python -m tests.fuzz.drive TARGET FILE…
"""

from __future__ import annotations

import importlib
import random
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.fuzz import targets

if TYPE_CHECKING:
    from collections.abc import Callable

SLOWEST_S = 20
"""An input that takes longer is a finding: a loop that does not end."""
MOST_MB = 2500


def guided(name: str, seconds: int, folder: Path) -> None:
    """Let libFuzzer look for inputs that reach what none has reached. Never returns."""
    atheris = importlib.import_module("atheris")
    target = targets.TARGETS[name]
    corpus = folder / "corpus" / name
    corpus.mkdir(parents=True, exist_ok=True)
    atheris.Setup(
        [
            "drive", f"-max_total_time={seconds}", f"-max_len={target.longest}",
            f"-timeout={SLOWEST_S}", f"-rss_limit_mb={MOST_MB}", "-print_final_stats=1",
            f"-artifact_prefix={folder / 'findings' / name}-", str(corpus),
            str(folder / "seeds" / name),
        ],
        target.run,
    )  # fmt: skip
    atheris.Fuzz()


def mutated(data: bytes, other: bytes, rng: random.Random) -> bytes:
    """Change some bytes, lose some, repeat some, or take some of another input."""
    out = bytearray(data)
    for _ in range(rng.randint(1, 6)):
        at, size = rng.randrange(len(out) + 1), rng.randint(1, 16)
        match rng.randrange(6):
            case 0:
                out[at : at + 1] = rng.randbytes(1)
            case 1:
                out[at : at + 4] = rng.choice((b"\0" * 4, b"\xff" * 4, b"\0\0\xc0\x7f"))
            case 2:
                out[at : at + size] = b""
            case 3:
                out[at:at] = out[at : at + size]
            case 4:
                start = rng.randrange(len(other) + 1)
                out[at : at + size] = other[start : start + size]
            case _:
                out[at:] = other[at:]
    return bytes(out)


def plain(name: str, seconds: int, folder: Path) -> None:
    """Change seeds at random: what is left to do where libFuzzer is not to be had."""
    target = targets.TARGETS[name]
    seeds = [path.read_bytes() for path in sorted((folder / "seeds" / name).iterdir())]
    seed = time.time_ns()
    print(f"seed {seed}", flush=True)
    rng = random.Random(seed)
    current = folder / "findings" / f"{name}-{seed}"
    until = time.monotonic() + seconds
    runs = 0
    while time.monotonic() < until:
        data = mutated(rng.choice(seeds), rng.choice(seeds), rng)[: target.longest]
        # Before it is tried: a sanitizer's report ends the process.
        current.write_bytes(data)
        target.run(data)
        runs += 1
    current.unlink(missing_ok=True)
    print(f"stat::number_of_executed_units: {runs}")


def main(name: str, how: str, *rest: str) -> None:
    """Feed the target, or replay files."""
    drivers: dict[str, Callable[[str, int, Path], None]] = {"guided": guided, "plain": plain}
    if how in drivers:
        drivers[how](name, int(rest[0]), Path(rest[1]))
        return
    for path in (how, *rest):
        targets.TARGETS[name].run(Path(path).read_bytes())


if __name__ == "__main__":
    main(*sys.argv[1:])
