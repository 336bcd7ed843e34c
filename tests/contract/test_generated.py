"""Committed generated code is what the sources generate today."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

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


def test_protocol_schema_is_current():
    from edge.schema import client_schema

    committed = (ROOT / "edge/schemas/client.schema.json").read_text()
    assert committed == client_schema(), "run `python -m edge.schema` and commit the result"
