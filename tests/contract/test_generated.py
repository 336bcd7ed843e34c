"""Committed generated code is what the sources generate today."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cli import settings_docs
from edge.schema import client_schema
from hotpath import recording_schema

ROOT = Path(__file__).parents[2]


def test_protobuf_code_is_current(tmp_path: Path):
    protos = sorted(str(path.relative_to(ROOT / "proto")) for path in ROOT.glob("proto/**/*.proto"))
    services = [name for name in protos if name.endswith("_service.proto")]
    for names, outputs in (
        (protos, [f"--python_out={tmp_path}", f"--mypy_out=quiet:{tmp_path}"]),
        (services, [f"--grpc_python_out={tmp_path}", f"--mypy_grpc_out=quiet:{tmp_path}"]),
    ):
        subprocess.run(
            [sys.executable, "-m", "grpc_tools.protoc", "-Iproto", *outputs, *names],
            cwd=ROOT,
            check=True,
            env={"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"},
        )
    fresh = {path.relative_to(tmp_path): path.read_text() for path in tmp_path.glob("**/*.py*")}
    committed = {
        path.relative_to(ROOT / "proto"): path.read_text()
        for path in ROOT.glob("proto/**/*_pb2*.py*")
        if path.suffix in (".py", ".pyi")
    }
    assert committed == fresh, "run `make proto` and commit the result"


@pytest.mark.parametrize(
    ("name", "made"),
    [
        ("edge/schemas/client.schema.json", client_schema),
        ("hotpath/recording.schema.json", recording_schema.text),
        ("docs/settings.md", settings_docs.document),
        ("README.md", lambda: settings_docs.with_summary((ROOT / "README.md").read_text())),
    ],
)
def test_what_is_written_from_the_code_is_current(name: str, made: Callable[[], str]):
    assert (ROOT / name).read_text() == made(), "run `make docs` and commit the result"


def test_every_variable_that_a_process_reads_is_documented():
    named = {
        variable
        for folder in ("edge", "services")
        for path in (ROOT / folder).rglob("*.py")
        for variable in re.findall(r'"(SIQ_[A-Z_]+)"', path.read_text())
    }
    text = (ROOT / "docs/settings.md").read_text()
    example = "SIQ_BATCH_SIZE"  # of the docstring of services.common.settings
    assert {name for name in named if f"`{name}`" not in text} <= {example}
