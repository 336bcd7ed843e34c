"""The data folder: one supervisor, stable secrets, no leftovers."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from cli import mesh, processes
from cli.errors import CliError
from cli.up.data import DataFolder


def test_second_supervisor_is_refused_and_told_who_has_it(tmp_path: Path) -> None:
    told = rf"already running .*process {os.getpid()}.*--data"
    with DataFolder(tmp_path / "d"), pytest.raises(CliError, match=told):
        DataFolder(tmp_path / "d").__enter__()
    with DataFolder(tmp_path / "d"):
        pass  # free again


def test_secrets_are_made_once_and_private(tmp_path: Path) -> None:
    with DataFolder(tmp_path / "d") as folder:
        first = folder.secrets()
        assert folder.secrets() == first
    path = tmp_path / "d" / "secrets.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len({first.mesh, first.demo_identity, first.sandbox_token}) == 3
    assert len(first.demo_identity) >= 32
    assert mesh.mesh_secret(tmp_path / "d", {}) == first.mesh
    assert mesh.mesh_secret(tmp_path / "d", {"SIQ_MESH_SECRET": "other"}) == "other"


def test_torn_secrets_are_refused_not_replaced(tmp_path: Path) -> None:
    with DataFolder(tmp_path / "d") as folder:
        (folder.path / "secrets.json").write_text('{"mesh": ')
        with pytest.raises(CliError, match="restore it"):
            folder.secrets()


def test_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CliError, match="choose another with --data"):
        DataFolder(tmp_path / "file" / "d").__enter__()


def record(child: subprocess.Popen[bytes], started: str) -> mesh.Mesh:
    running = mesh.RunningProcess(child.pid, started, "127.0.0.1:1")
    return mesh.Mesh(1, "never", True, {}, {}, {"edge": running})


def test_leftover_of_a_killed_supervisor_is_ended(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    with DataFolder(tmp_path / "d") as folder:
        mesh.write(folder.path, record(child, processes.started_at(child.pid)))
        assert folder.end_leftovers() == 1
        assert child.wait(10) != 0
        assert mesh.read(folder.path) is None


def test_a_pid_that_went_to_somebody_else_is_left_alone(tmp_path: Path) -> None:
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    try:
        with DataFolder(tmp_path / "d") as folder:
            mesh.write(folder.path, record(child, "another time"))
            assert folder.end_leftovers() == 0
            assert child.poll() is None
    finally:
        child.kill()
        child.wait()


def test_no_mesh_is_said_with_the_mend(tmp_path: Path) -> None:
    with pytest.raises(CliError, match="sentientiq up"):
        mesh.require(tmp_path)
    with pytest.raises(CliError, match="SIQ_MESH_SECRET"):
        mesh.mesh_secret(tmp_path, {})
    (tmp_path / "mesh.json").write_text("{torn")
    assert mesh.read(tmp_path) is None
