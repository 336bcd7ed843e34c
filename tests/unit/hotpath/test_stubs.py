"""The stubs repeat the numbers of the .pxd files, because type checkers read nothing else."""

from __future__ import annotations

import ast
import importlib
from enum import IntEnum
from pathlib import Path

import pytest

import hotpath.fields as fields

PACKAGE = Path(fields.__file__).parent


@pytest.mark.parametrize("module", ["events", "rage_rules"])
def test_stub_enums_are_the_compiled_ones(module: str) -> None:
    compiled = importlib.import_module(f"hotpath.{module}")
    classes = [
        node
        for node in ast.parse((PACKAGE / f"{module}.pyi").read_text()).body
        if isinstance(node, ast.ClassDef)
    ]
    assert classes
    for node in classes:
        stub = {
            target.id: eval(ast.unparse(item.value))
            for item in node.body
            if isinstance(item, ast.Assign)
            for target in item.targets
            if isinstance(target, ast.Name)
        }
        enum: type[IntEnum] = getattr(compiled, node.name)
        assert {name: int(member) for name, member in enum.__members__.items()} == stub
