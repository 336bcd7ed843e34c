"""AT-45: the Autobahn test suite finds in the edge's transport what is known, and nothing else."""

from __future__ import annotations

import pytest
import uvloop

from tests.acceptance.autobahn import suite


@pytest.mark.long
@pytest.mark.timeout(900)
def test_at_45_autobahn_finds_nothing_new() -> None:
    if not suite.WSTEST.exists():
        pytest.skip("no Autobahn suite: scripts/install-autobahn puts it there, with Python 2.7")
    outcomes = uvloop.run(suite.run(suite.CASES, within_s=800))
    print("\n".join(suite.table(outcomes)))
    assert len(outcomes) > 290, "the suite did not run all its cases"
    assert [it for it in outcomes if it.failed and it.case not in suite.ALLOWED] == []
