"""What `benchmarks mesh` prints of what nobody could look at."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np

from benchmarks.acceptance.check import none
from benchmarks.acceptance.meshes import Ran
from benchmarks.acceptance.sides import Side, lost
from benchmarks.mesh.plan import Told
from benchmarks.mesh.report import Found, report

SAMPLES = np.array([1.0, 2.0])
ELSEWHERE = Found(
    told=[Told(sessions=10, frames_measured=100)],
    seconds=10.0,
    ack_ms=SAMPLES,
    verdict_ms=SAMPLES,
    late_ms=SAMPLES,
    verdict=None,
    lost=None,
    repeated=None,
    cores={"generator-0": 0.5, "foreign": 0.0},
    rss_before=0,
    rss_connected=0,
    rss_after=0,
)
HERE = replace(
    ELSEWHERE,
    lost=0,
    repeated=3,
    cores={"edge-0": 0.5},
    rss_before=1_000,
    rss_connected=2_000,
    rss_after=11_000,
)


def test_of_an_edge_elsewhere_only_what_a_page_sees_is_known() -> None:
    figures = report(ELSEWHERE)
    assert (figures.lost, figures.duplicated, figures.log_repeated) == (None, None, None)
    assert figures.edge_bytes_per_session is figures.edge_bytes_per_idle_session is None
    assert figures.cpu_us_per_frame is None
    assert figures.ack_ms["p50"] > 0


def test_of_a_mesh_here_all_is_known_but_what_only_witnesses_see() -> None:
    figures = report(HERE)
    assert (figures.lost, figures.duplicated, figures.log_repeated) == (0, None, 3)
    assert (figures.edge_bytes_per_session, figures.edge_bytes_per_idle_session) == (1_000, 100)
    assert figures.cpu_us_per_frame == 50_000.0


def test_what_nobody_looked_for_is_not_judged() -> None:
    assert (none("lost", 0).kept, none("lost", 1).kept, none("lost", None).kept) == (
        True,
        False,
        None,
    )
    here, elsewhere = (Side([Ran(found, cast("Any", None))]) for found in (HERE, ELSEWHERE))
    assert lost(here, here) == 0
    assert lost(here, elsewhere) is None
