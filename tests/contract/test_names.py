"""Our top-level names are ours alone, and the compiled kernels keep the layers too.

`lint-imports` holds the layers of `.py` files; it cannot read Cython.
"""

from __future__ import annotations

import importlib.metadata
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHIPPED = {"cli", "edge", "hotpath", "services", "sentientiq"}
# Only as data beside the code: the built SDK and the demo shop.
DATA = {"sdk"}
UNSHIPPED = {"benchmarks", "tests", "scripts", "sdk", "k8s"}
# What a kernel may use besides its neighbours: C, Cython, the standard library, and these.
_KERNELS_MAY_USE = {"hotpath", "libc", "cpython", "cython", "msgspec"} | sys.stdlib_module_names
_IMPORT = re.compile(r"^\s*(?:from|c?import)\s+([\w.]+)", re.MULTILINE)


def test_no_installed_distribution_shadows_our_names():
    """A regular package in site-packages would win over a folder of ours without `__init__`."""
    installed = importlib.metadata.packages_distributions()
    strangers = {
        name: found
        for name in SHIPPED | UNSHIPPED
        if (found := set(installed.get(name, [])) - {"sentientiq"})
    }
    assert strangers == {}, "uninstall these distributions, or do without what needs them"
    assert not (SHIPPED | UNSHIPPED) & sys.stdlib_module_names


def test_only_what_ships_is_installed():
    files = importlib.metadata.packages_distributions()
    ours = {name for name, owners in files.items() if "sentientiq" in owners}
    # setuptools adds a name of its own for an editable install.
    assert {name for name in ours if not name.startswith("__editable__")} == SHIPPED | DATA


@pytest.mark.parametrize(
    "path", sorted(ROOT.glob("hotpath/*.p[yx][xd]")), ids=lambda path: path.name
)
def test_kernels_import_nobody(path: Path):
    text = re.sub(r'""".*?"""', "", path.read_text(), flags=re.DOTALL)
    used = {module.partition(".")[0] for module in _IMPORT.findall(text)}
    assert used <= _KERNELS_MAY_USE
