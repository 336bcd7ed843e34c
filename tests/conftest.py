"""What all tests share."""

import faulthandler
import os
from collections.abc import Generator

import pytest
from hypothesis import Phase, settings

pytest_plugins = ["tests.engines.fixtures", "tests.integration.detection_line"]

# No example has a time limit: on a busy machine any may take long, and then fails by chance.
settings.register_profile(
    "untimed", settings.get_profile(settings.get_current_profile_name()), deadline=None
)
settings.load_profile("untimed")
# For `make mutants`: a mutant is caught by the first example that fails, the smallest is not
# looked for; and it is caught in every run or in none.
settings.register_profile(
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


def pytest_configure(config: pytest.Config) -> None:
    """Keep the real stderr: a test's own is captured."""
    config.stash[_stderr] = os.dup(2)


@pytest.hookimpl(wrapper=True, trylast=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """End the process of a test that outlives its timeout."""
    marker = item.get_closest_marker("timeout")
    timeout_s = float(marker.args[0] if marker else item.config.getini("timeout"))
    faulthandler.dump_traceback_later(
        timeout_s + _GRACE_S, file=item.config.stash[_stderr], exit=True
    )
    try:
        return (yield)
    finally:
        faulthandler.cancel_dump_traceback_later()
