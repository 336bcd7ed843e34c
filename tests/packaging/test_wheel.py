"""A wheel built from the source distribution is complete, and runs without the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CASE = ROOT / "tests" / "cases" / "dead_button_4x300.ndjson"
_NOT_SOURCE = (".*", "node_modules", "__pycache__", "*.egg-info", "*.so", "*.c", "build", "tests")
# Cython and cc compile the kernels anew.
pytestmark = pytest.mark.timeout(400)


def run(*words: str | Path, cwd: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    clean = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("SIQ_") and name != "PYTHONPATH"
    }
    return subprocess.run(
        [str(word) for word in words],
        cwd=cwd,
        env={**clean, **environ},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the wheel is unpacked: sources → sdist → wheel → a folder."""
    folder = tmp_path_factory.mktemp("wheel")
    source = folder / "source"
    # A copy, or what an earlier build left in the checkout would fill the gaps.
    shutil.copytree(ROOT, source, ignore=shutil.ignore_patterns(*_NOT_SOURCE))
    python = Path(sys.executable)
    build = f"import setuptools.build_meta as b; b.build_sdist({str(folder)!r})"
    done = run(python, "-W", "ignore", "-c", build, cwd=source)
    assert done.returncode == 0, done.stderr
    pip = (python, "-m", "pip", "--disable-pip-version-check", "--no-cache-dir")
    (sdist,) = folder.glob("*.tar.gz")
    for words in (
        ("wheel", "--no-build-isolation", "--no-deps", "--wheel-dir", folder, sdist),
        ("install", "--no-deps", "--target", folder / "site", "--find-links", folder, "sentientiq"),
    ):
        # PIP_NO_INDEX: nothing of this may need a network.
        done = run(*pip, *words, cwd=folder, PIP_NO_INDEX="1")
        assert done.returncode == 0, done.stdout + done.stderr
    return folder / "site"


def sentientiq(installed: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    return run(
        installed / "bin" / "sentientiq", *words, cwd=installed.parent, PYTHONPATH=str(installed)
    )


def test_wheel_holds_every_data_file_of_the_packages(installed: Path) -> None:
    kinds = {"*.sql", "*.html", "*.css", "*.js", "*.json", "*.svg", "py.typed", "*.pyi", "*.pxd"}
    expected = {
        found.relative_to(ROOT)
        for package in ("services", "edge", "hotpath", "cli", "sdk/demo")
        for kind in kinds
        for found in (ROOT / package).rglob(kind)
    }
    expected |= {Path("sdk/js/dist") / name for name in ("sentientiq.js", "sentientiq-more.js")}
    assert len(expected) > 40
    assert {str(path) for path in expected if not (installed / path).is_file()} == set()


def test_wheel_holds_every_module_and_kernel(installed: Path) -> None:
    modules = {
        found.relative_to(ROOT)
        for package in ("services", "edge", "hotpath", "cli")
        for found in (ROOT / package).rglob("*.py")
    } | {found.relative_to(ROOT / "proto") for found in (ROOT / "proto").rglob("*.py")}
    assert {str(path) for path in modules if not (installed / path).is_file()} == set()
    kernels = {source.stem for source in (ROOT / "hotpath").glob("*.pyx")}
    built = {found.name.partition(".")[0] for found in (installed / "hotpath").glob("*.so")}
    assert built == kernels


def test_wheel_leaves_out_what_only_builds_and_tests_need(installed: Path) -> None:
    assert not (installed / "tests").exists()
    left = [*installed.rglob("*.pyx"), *installed.rglob("*.c"), *installed.rglob("node_modules")]
    assert left == []


def test_installed_command_helps(installed: Path) -> None:
    done = sentientiq(installed, "--help")
    assert done.returncode == 0, done.stderr
    assert "\n  serve " in done.stdout


def test_installed_kernels_find_rage(installed: Path) -> None:
    done = sentientiq(installed, "detect", "--json", CASE)
    assert done.returncode == 0, done.stderr
    assert '"emotion":"rage"' in done.stdout.replace(" ", "")
    program = "import hotpath.detector as d; print(d.__file__)"
    where = run(
        sys.executable, "-P", "-c", program, cwd=installed.parent, PYTHONPATH=str(installed)
    )
    assert where.stdout.startswith(str(installed))


def test_installed_doctor_finds_nothing_to_build(installed: Path) -> None:
    checks = ("--only", "kernels", "--only", "sdk", "--only", "node")
    done = sentientiq(installed, "doctor", "--json", *checks)
    assert done.returncode == 0, done.stdout + done.stderr
    assert '"they load"' in done.stdout
    assert '"node"' not in done.stdout


@pytest.mark.parametrize("process", ["edge", "identity", "pipeline"])
def test_installed_process_names_the_variables_it_lacks(installed: Path, process: str) -> None:
    done = sentientiq(installed, "serve", process)
    assert done.returncode == 78, done.stderr
    assert "SIQ_MESH_SECRET is missing" in done.stderr
    assert "SIQ_LOG_URL is missing" in done.stderr
    assert "Traceback" not in done.stderr
