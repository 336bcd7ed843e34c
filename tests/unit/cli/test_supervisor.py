"""The supervisor, with small real processes: order, restarts, failures, stopping."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from cli import processes
from cli.engines import Command
from cli.up import child as child_module
from cli.up.child import Child, Spec, State
from cli.up.supervisor import StartFailed, Step, Supervisor

# Says its name, is ready when its file is there, and ends well on SIGTERM.
_GOOD = """
import signal, sys, pathlib
signal.signal(signal.SIGTERM, lambda *_: (print("bye", flush=True), sys.exit(0)))
print("hello", flush=True)
pathlib.Path(sys.argv[1]).touch()
signal.pause()
"""
_DEAF = _GOOD.replace('lambda *_: (print("bye", flush=True), sys.exit(0))', "signal.SIG_IGN")


class Stage:
    """Where the small processes play."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lines: list[str] = []
        self.changes = 0

    def spec(self, name: str, program: str = _GOOD, *after: str, tier: int = 0) -> Spec:
        """A child whose readiness is a file of its name."""
        mark = self.folder / name

        async def ready() -> bool:
            return mark.exists()

        return Spec(
            name=name,
            command=lambda: Command((sys.executable, "-c", program, str(mark))),
            probe=ready,
            address=str(mark),
            after=after,
            tier=tier,
        )

    def emit(self, name: str, line: str) -> None:
        self.lines.append(f"{name}: {line}")

    def notice(self, name: str, level: str, message: str) -> None:
        self.lines.append(f"{name} {level}: {message}")

    def changed(self) -> None:
        self.changes += 1

    def child(self, spec: Spec) -> Child:
        return Child(spec, emit=self.emit, notice=self.notice, changed=self.changed)

    def supervisor(self, specs: list[Spec], *steps: Step) -> Supervisor:
        return Supervisor(specs, steps, emit=self.emit, notice=self.notice, changed=self.changed)


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    return Stage(tmp_path)


async def until(holds: Callable[[], bool]) -> None:
    """Wait for something that has no event; the test's timeout bounds it."""
    while not holds():
        await asyncio.sleep(0.005)


async def test_starts_in_order_and_stops_from_the_top(stage: Stage) -> None:
    order: list[str] = []

    async def step() -> None:
        order.append("step")
        assert (stage.folder / "engine").exists()
        assert not (stage.folder / "service").exists()

    supervisor = stage.supervisor(
        [
            stage.spec("engine"),
            stage.spec("service", _GOOD, "engine", "step", tier=1),
            stage.spec("edge", _GOOD, "service", tier=2),
        ],
        Step("step", ("engine",), step),
    )
    assert await supervisor.start(asyncio.Event())
    assert order == ["step"]
    assert {child.state for child in supervisor.children.values()} == {State.READY}
    assert supervisor.ready_s is not None
    pids = [child.pid for child in supervisor.children.values()]
    await supervisor.stop()
    assert [line for line in stage.lines if "bye" in line] == [
        "edge: bye",
        "service: bye",
        "engine: bye",
    ]
    assert {child.state for child in supervisor.children.values()} == {State.STOPPED}
    for pid in pids:
        assert pid is not None
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


async def test_a_crash_is_restarted_and_counted(stage: Stage) -> None:
    supervisor = stage.supervisor([stage.spec("edge")])
    assert await supervisor.start(asyncio.Event())
    child = supervisor.children["edge"]
    first = child.pid
    assert first is not None
    (stage.folder / "edge").unlink()
    os.kill(first, signal.SIGKILL)
    await until(lambda: child.state is State.READY and child.pid not in (None, first))
    assert child.restarts == 1
    assert "edge error: ended with signal SIGKILL, restart 1 in 0.2 s" in stage.lines
    await supervisor.stop()


async def test_incomplete_environment_fails_the_start_with_its_words(stage: Stage) -> None:
    program = "import sys; print('SIQ_LOG_URL is missing', file=sys.stderr); sys.exit(78)"
    supervisor = stage.supervisor([stage.spec("edge", program)])
    with pytest.raises(StartFailed, match=r"environment is incomplete.*\n.*SIQ_LOG_URL is missing"):
        await supervisor.start(asyncio.Event())
    await supervisor.stop()


async def test_child_that_never_gets_ready_is_given_up(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(child_module, "_BACKOFF_S", (0.01,))
    supervisor = stage.supervisor([stage.spec("edge", "print('no port'); raise SystemExit(1)")])
    with pytest.raises(StartFailed, match=r"ended 6 times before it was ready.*\n.*no port"):
        await supervisor.start(asyncio.Event())
    await supervisor.stop()


async def test_failing_step_fails_the_start(stage: Stage) -> None:
    async def step() -> None:
        raise OSError("no database")

    supervisor = stage.supervisor(
        [stage.spec("engine"), stage.spec("service", _GOOD, "migrations")],
        Step("migrations", ("engine",), step),
    )
    with pytest.raises(StartFailed, match="migrations failed: no database"):
        await supervisor.start(asyncio.Event())
    await supervisor.stop()
    assert supervisor.children["service"].pid is None


async def test_failing_preparation_fails_the_start(stage: Stage) -> None:
    spec = Spec(
        name="edge",
        command=lambda: Command((sys.executable, "-c", "pass")),
        probe=stage.spec("edge").probe,
        address="",
        prepare=lambda: (_ for _ in ()).throw(OSError("disk full")),
    )
    supervisor = stage.supervisor([spec])
    with pytest.raises(StartFailed, match="edge cannot start: disk full"):
        await supervisor.start(asyncio.Event())
    await supervisor.stop()


async def test_stop_during_start_is_no_failure(stage: Stage) -> None:
    stop = asyncio.Event()
    supervisor = stage.supervisor([stage.spec("edge", "import signal; signal.pause()")])
    starting = asyncio.create_task(supervisor.start(stop))
    await until(lambda: supervisor.children["edge"].pid is not None)
    stop.set()
    assert await starting is False
    await supervisor.stop()


async def test_deaf_child_is_killed_after_its_time(stage: Stage) -> None:
    child = stage.child(stage.spec("edge", _DEAF))
    running = asyncio.create_task(child.run())
    await child.was_ready.wait()
    await child.stop(0.2)
    await running
    assert child.state is State.STOPPED
    assert "edge error: did not stop in 0 s, killed" in stage.lines


async def test_long_and_odd_lines_do_not_stop_the_relay(stage: Stage) -> None:
    program = _GOOD.replace(
        'print("hello", flush=True)',
        "sys.stdout.write('x' * 3_000_000 + chr(10)); sys.stdout.buffer.write(b'\\xff\\n')\n"
        "print('after', flush=True)",
    )
    child = stage.child(stage.spec("edge", program))
    running = asyncio.create_task(child.run())
    await child.was_ready.wait()
    await child.stop(5)
    await running
    assert "edge: after" in stage.lines


def _nice_of_session(pid: int) -> int | None:
    """How nice Linux takes a session for, or None where it does not share by session."""
    file = Path(f"/proc/{pid}/autogroup")
    said = file.read_text() if file.exists() else ""  # "/autogroup-123 nice 19"
    return int(said.split()[-1]) if said else None


def test_standing_back_waits_for_its_turn(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    session = tmp_path / str(os.getpid()) / "autogroup"
    session.parent.mkdir()
    session.touch()
    turned_away = iter([True, True, False])
    write = Path.write_text

    def write_in_turn(path: Path, text: str) -> int:
        if next(turned_away):
            raise BlockingIOError
        return write(path, text)

    monkeypatch.setattr(processes, "_PROC", tmp_path)
    monkeypatch.setattr(processes, "_ONE_IN_S", 0.0)
    monkeypatch.setattr(Path, "write_text", write_in_turn)
    processes.stand_back(os.getpid(), os.getpriority(os.PRIO_PROCESS, 0))
    assert session.read_text() == str(os.getpriority(os.PRIO_PROCESS, 0))


@pytest.mark.parametrize("nice", [0, 19])
async def test_a_child_stands_back_as_far_as_it_is_told(stage: Stage, nice: int) -> None:
    supervisor = stage.supervisor([replace(stage.spec("one"), nice=nice)])
    assert await supervisor.start(asyncio.Event())
    pid = supervisor.children["one"].pid
    assert pid is not None
    assert os.getsid(pid) == pid
    assert os.getpriority(os.PRIO_PROCESS, pid) == max(nice, os.getpriority(os.PRIO_PROCESS, 0))
    assert _nice_of_session(pid) in (nice, None)
    await supervisor.stop()
