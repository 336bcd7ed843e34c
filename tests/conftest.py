"""What all tests share."""

import faulthandler
import os
from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import Phase
from hypothesis import settings as hypothesis_settings

pytest_plugins = ["tests.engines.fixtures", "tests.integration.detection_line"]

# No example has a time limit: on a busy machine any may take long, and then fails by chance.
hypothesis_settings.register_profile(
    "untimed",
    hypothesis_settings.get_profile(hypothesis_settings.get_current_profile_name()),
    deadline=None,
)
hypothesis_settings.load_profile("untimed")
# For `make mutants`: a mutant is caught by the first example that fails, the smallest is not
# looked for; and it is caught in every run or in none.
hypothesis_settings.register_profile(
    "mutants",
    phases=[Phase.explicit, Phase.generate],
    derandomize=True,
    database=None,
    deadline=None,
)

# Ports of processes of tests that run side by side; the first of them is gw0.
_PORTS, _MOST = 11_000, 2
if worker := os.environ.get("PYTEST_XDIST_WORKER", ""):
    first = 10_000 + _PORTS * (int(worker.removeprefix("gw")) % _MOST)
    os.environ["SENTIENTIQ_FREE_PORTS"] = f"{first}-{first + _PORTS - 1}"

# Promises in seconds, of a page, a command or a whole mesh.
_ALONE = (
    "tests/acceptance/test_capacity.py",
    "tests/acceptance/test_deadlines.py",
    "tests/acceptance/test_silent_detection.py",
    "tests/e2e/",
    "tests/integration/test_kill.py",
    "tests/integration/test_pipeline.py",
    "tests/integration/test_up.py",
    "tests/unit/cli/test_main.py",
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what runs alone."""
    for item in items:
        if item.nodeid.startswith(_ALONE):
            item.add_marker(pytest.mark.alone)


# pytest-timeout raises in whatever code runs at that moment. asyncio keeps what is raised in a
# background task or a callback to itself, and C code is not interrupted: such a test would hang for
# ever. Then its process ends, with the stacks of all its threads, and xdist names the test.
_GRACE_S = 120.0
_stderr = pytest.StashKey[int]()
_limit_s = pytest.StashKey[float]()


def pytest_configure(config: pytest.Config) -> None:
    """Keep the real stderr: a test's own is captured."""
    config.stash[_stderr] = os.dup(2)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Let it go."""
    faulthandler.cancel_dump_traceback_later()
    os.close(config.stash[_stderr])


def _end_if_it_hangs(item: pytest.Item) -> None:
    limit_s = item.stash.get(_limit_s, 0.0)
    if limit_s > 0:
        faulthandler.dump_traceback_later(
            limit_s + _GRACE_S, file=item.config.stash[_stderr], exit=True
        )


@pytest.hookimpl(wrapper=True)
def pytest_timeout_set_timer(item: pytest.Item, settings: Any) -> Generator[None, object, object]:
    """Watch what pytest-timeout watches, a little longer."""
    item.stash[_limit_s] = float(settings.timeout)
    _end_if_it_hangs(item)
    return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """Watch it once more: at a failure pytest, and pytest-timeout too, stop watching."""
    _end_if_it_hangs(item)
    return (yield)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Nothing is watched between tests."""
    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()
