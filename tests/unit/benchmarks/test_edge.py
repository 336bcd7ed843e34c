"""What the edge's benchmark makes of stacks and samples."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import pytest

from benchmarks.edge.sampler import Sampler
from benchmarks.edge.spent import spent_between
from benchmarks.edge.stages import FILES, FUNCTIONS, STAGES, Stages
from edge import protocol
from edge.streams import StreamRecord

EDGE = Path(protocol.__file__).parent


def test_what_the_stages_name_is_there():
    assert {*FUNCTIONS.values(), *FILES.values()} <= set(STAGES)
    for name in FILES:
        assert (EDGE / name).is_file()
    for name, function in FUNCTIONS:
        assert f"def {function}(" in (EDGE / name).read_text()


@contextmanager
def seen(taken: list[str]) -> Generator[None]:
    """Take one sample the next time that Python looks at signals."""
    stages = Stages()

    def take(_: int, frame: FrameType | None) -> None:
        taken.append(stages.of(frame))

    before = signal.signal(signal.SIGPROF, take)
    try:
        yield
    finally:
        signal.signal(signal.SIGPROF, before)


class Sink:
    """A connection that interrupts whoever acknowledges."""

    def acknowledged(self, seq: int) -> None:
        signal.raise_signal(signal.SIGPROF)


def test_a_stack_is_of_its_innermost_stage():
    taken: list[str] = []
    with seen(taken):
        StreamRecord(connection=Sink()).appended(1)
        signal.raise_signal(signal.SIGPROF)
    assert taken == ["ack", "rest"]


def busy(until: Callable[[], bool]) -> None:
    while not until():
        for _ in range(1_000):
            protocol.ack(1)


def test_the_sampler_tells_where_the_time_went(tmp_path: Path):
    samples = tmp_path / "samples"
    before = signal.getsignal(signal.SIGPROF)
    try:
        Sampler(str(samples), tell_s=0.05).start()

        async def main() -> None:
            busy(lambda: samples.exists() and samples.read_text().count("\n") > 2)

        asyncio.run(main())
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0.0)
        signal.signal(signal.SIGPROF, before)
    lines = [json.loads(line) for line in samples.read_text().splitlines()]
    spent = spent_between(samples, lines[0]["at"], lines[-1]["at"])
    assert spent is not None
    assert spent.stages_s["rest"] > 0
    assert sum(spent.stages_s.values()) == pytest.approx(
        lines[-1]["process_s"] - lines[0]["process_s"], rel=0.5
    )


def test_between_two_times_the_rest_is_as_what_was_seen(tmp_path: Path):
    samples = tmp_path / "samples"
    line: dict[str, Any] = {
        "user_s": 0.0,
        "system_s": 0.0,
        "process_s": 0.0,
        "main_s": 0.0,
        "spent_s": {},
    }
    later = {"user_s": 3.0, "system_s": 1.0, "process_s": 4.0, "main_s": 3.0}
    told: list[dict[str, Any]] = [
        {"at": 0.0, **line},
        {"at": 10.0, **line},
        {"at": 15.0, **later, "spent_s": {"ack": 2.0, "log": 1.0}},
        {"at": 30.0, **later, "spent_s": {}},
    ]
    samples.write_text("".join(json.dumps(each) + "\n" for each in told))
    spent = spent_between(samples, 9.0, 19.0)
    assert spent is not None
    assert (spent.stages_s["ack"], spent.stages_s["log"], spent.stages_s["threads"]) == (4, 2, 2)
    assert spent.kernel_share == 0.25
    assert spent_between(samples, 11.0, 20.0) is None
    assert spent_between(tmp_path / "none", 0.0, 1.0) is None
