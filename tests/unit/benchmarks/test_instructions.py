"""An event costs as many instructions as the figure that is kept says."""

from __future__ import annotations

import platform
import shutil

import pytest

from benchmarks.kernel import instructions


@pytest.mark.timeout(600)
@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is missing")
def test_an_event_costs_no_more_instructions() -> None:
    kept = instructions.kept()
    here = (instructions.compiler(), platform.machine())
    if here != (kept["compiler"], kept["machine"]):
        pytest.skip(f"counted for {kept['compiler']} on {kept['machine']}, here is {here}")
    figure, bound = instructions.count(), kept["instructions_per_event"]
    mend = f"{figure:.1f} instructions per event, {bound} are kept; `{instructions.RENEW}`"
    assert figure <= bound * (1 + instructions.WITHIN), f"{mend} if that is worth it"
    assert figure >= bound * (1 - instructions.WITHIN), f"{mend} holds on to what was won"


def test_the_compiler_is_known() -> None:
    name, major = instructions.compiler().split()
    assert name in {"gcc", "clang"}
    assert int(major) > 3
