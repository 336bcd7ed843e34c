"""What all tests share."""

import os

import pytest
from hypothesis import Phase
from hypothesis import settings as hypothesis_settings

pytest_plugins = ["tests.timeouts", "tests.engines.fixtures", "tests.integration.detection_line"]

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
