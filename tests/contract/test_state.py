"""docs/state.md says of every key and script what the code does, and of nothing else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from hashlib import sha1
from importlib import import_module
from pathlib import Path

import redis.asyncio as redis

from edge import presence
from services.common import state
from services.common.ownership import LeaseStore
from services.detection.snapshots import Snapshot, SnapshotStore

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "state.md").read_text()
_KEY_ROW = re.compile(r"^\| `(siq:[^`]+)` \| ([^|]+) \| ([^|]+) \| ([^|]+) \|", re.MULTILINE)
_SCRIPT_ROW = re.compile(r"^\| `([\w.]+)\.(_[A-Z]+)` \| (\d+) \| `(\w{40})` \|", re.MULTILINE)
NEVER = "\u2013"
TTLS = {key: ttl.strip() for key, _, ttl, _ in _KEY_ROW.findall(PAGE)}


def trees() -> Iterator[tuple[Path, ast.Module]]:
    for folder in ("services", "edge", "cli", "hotpath"):
        for path in (ROOT / folder).rglob("*.py"):
            yield path, ast.parse(path.read_text())


def pattern_of(node: ast.AST) -> str | None:
    """A text of the code, with {} for what is put into it."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(
            str(part.value) if isinstance(part, ast.Constant) else "{}" for part in node.values
        )
    return None


def keys_in_code() -> set[str]:
    found: set[str] = set()
    for _, tree in trees():
        docstrings = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        inside = {
            id(part)
            for node in ast.walk(tree)
            if isinstance(node, ast.JoinedStr)
            for part in node.values
        }
        for node in ast.walk(tree):
            text = pattern_of(node)
            if text is None or id(node) in docstrings or id(node) in inside:
                continue
            if text.startswith("siq:"):
                found.add(text)
            else:  # Lua
                found |= set(re.findall(r"'(siq:[^']*)'", text))
    return found


def scripts_in_code() -> set[tuple[str, str]]:
    return {
        (".".join(path.relative_to(ROOT).with_suffix("").parts), node.args[0].id)
        for path, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "register_script"
        and isinstance(node.args[0], ast.Name)
    }


def test_every_key_of_the_code_is_on_the_page_and_no_other() -> None:
    assert {re.sub(r"\{\w+\}", "{}", key) for key in TTLS} == keys_in_code()


def test_every_key_has_type_life_owner_and_meaning() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| `siq:")]
    for row in rows:
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert len(cells) == 5, row
        assert all(cells), row


def test_every_script_is_on_the_page_as_it_is() -> None:
    """A script that has changed gets a new version, and the page its hash."""
    rows = {(module, name): digest for module, name, _, digest in _SCRIPT_ROW.findall(PAGE)}
    assert set(rows) == scripts_in_code()
    for (module, name), digest in rows.items():
        text: str = getattr(import_module(module), name)
        assert sha1(text.encode()).hexdigest() == digest, f"{module}.{name} has changed"


async def test_what_lapses_does_so_when_the_page_says(state_url: str) -> None:
    client: redis.Redis = state.connect(state_url)
    try:
        leases = LeaseStore(client)
        await leases.announce("here:1")
        await leases.acquire("here:1", {7: 0})
        await SnapshotStore(client).save(7, Snapshot(1, b"state"))
        for key, told in {
            "siq:part:7": TTLS["siq:part:{n}"],
            "siq:snap:7": TTLS["siq:snap:{n}"],
            "siq:part:history": TTLS["siq:part:history"],
            "siq:members": TTLS["siq:members"],
        }.items():
            left_ms = int(await client.pttl(key))
            if told == NEVER:
                assert left_ms == -1, key
            else:
                number, unit = told.split()
                most_ms = int(number) * {"s": 1_000, "h": 3_600_000}[unit]
                assert most_ms / 2 < left_ms <= most_ms, key
    finally:
        await client.aclose()
    assert TTLS["siq:where:{tenant}:{session}"] == f"{presence._TTL_S} s"  # pyright: ignore[reportPrivateUsage]
