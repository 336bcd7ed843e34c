"""Visits as the edge sends them to detection: serialized batches."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from sentientiq.behavior.v1.types_pb2 import BehaviorBatch, Target

from benchmarks.visitors.mix import generate
from hotpath.recording import Reader

if TYPE_CHECKING:
    from collections.abc import Iterable

CASES = Path(__file__).parent / "cases"


def labelled() -> list[list[bytes]]:
    """The batches of each recording of tests/cases, under three tenants."""
    return [
        _encoded(path.read_bytes().splitlines(True), path.name, place)
        for place, path in enumerate(sorted(CASES.glob("*.ndjson")))
    ]


def simulated(seed: int, count: int) -> list[list[bytes]]:
    """The batches of each of so many simulated visits."""
    return [
        _encoded(map(msgspec.json.encode, visit.lines), visit.session, place)
        for place, visit in enumerate(generate(seed, count))
    ]


def mixed(visits: list[list[bytes]]) -> list[bytes]:
    """All batches in one list: the first of each visit, the second of each, …"""
    turns = max(map(len, visits))
    return [visit[turn] for turn in range(turns) for visit in visits if turn < len(visit)]


def _encoded(lines: Iterable[bytes], name: str, place: int) -> list[bytes]:
    return [
        BehaviorBatch(
            tenant_id=f"t{place % 3}", session_id=f"{place}-{b.session}", stream_id=b.stream,
            seq=b.seq, t0_ms=b.t0_ms, page=b.page, pointer=b.pointer, columns=b.columns.blob,
            targets=[Target(descriptor=d, flags=f) for d, f in b.columns.targets],
            strings=b.columns.strings, count=b.columns.count,
            received_at_ns=1_700_000_000_000_000_000,
        ).SerializeToString()
        for b in Reader(lines, name)
    ]  # fmt: skip
