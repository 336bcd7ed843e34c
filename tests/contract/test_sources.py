"""House rules of the sources: small files, and nothing in them that only one machine knows."""

from __future__ import annotations

import re
import statistics
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
THIS = "tests/contract/test_sources.py"

_LIMIT = 400
_LIMITS = {".pyx": 600, ".pxd": 100}
_UNLIMITED = {".md", ".json", ".ndjson", ".csv", ".binpb"}
_GENERATED = re.compile(r"_pb2(_grpc)?\.pyi?$|^LICENSE$")
# The one way to go over a limit: say so, and why, at the top of the file.
_HEADER_LINES = 15
_REASON = re.compile(r"\bOver \d+ lines because \w")

_FORBIDDEN = {
    "the host of a package registry": re.compile(
        r"\bpypi\.org|\bpythonhosted\.org|\bnpmjs\.(org|com)|\byarnpkg\.com|\bproxy\.golang\.org"
        r'|\bindex-url\b|\bregistry\s*=\W?http|"resolved":\s*"http',
        re.IGNORECASE,
    ),
    "an absolute path of one machine": re.compile(
        r"(?<![\w.$}-])/(root|home|Users|work|mnt)/[\w.]"
    ),
    "an unfinished end": re.compile(r"\b(TODO|FIXME|XXX|HACK)\b"),
}


@pytest.fixture(scope="module")
def texts() -> dict[str, str]:
    """The text files of the next commit: what git ignores is nobody's business."""
    done = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    found: dict[str, str] = {}
    for name in sorted(filter(None, done.stdout.decode().split("\0"))):
        path = ROOT / name
        if path.is_file() and b"\0" not in (blob := path.read_bytes())[:8192]:
            found[name] = blob.decode(errors="replace")
    assert THIS in found
    return found


def too_long(name: str, text: str) -> bool:
    """Tell whether a file is over its limit and does not say why."""
    suffix = Path(name).suffix
    if suffix in _UNLIMITED or _GENERATED.search(name):
        return False
    lines = text.splitlines()
    if len(lines) <= _LIMITS.get(suffix, _LIMIT):
        return False
    return not _REASON.search(" ".join(lines[:_HEADER_LINES]))


def test_files_are_small_or_say_why_not(texts: dict[str, str]):
    for suffix in (".py", ".pyx", ".pxd", ".ts"):
        sizes = [
            len(text.splitlines())
            for name, text in texts.items()
            if name.endswith(suffix) and not _GENERATED.search(name)
        ]
        print(f"median of {suffix}: {statistics.median(sizes):.0f} lines")
    found = [
        f"{name}: {len(text.splitlines())} lines"
        for name, text in texts.items()
        if too_long(name, text)
    ]
    assert found == [], "split them, or say at the top `Over 400 lines because …`"


@pytest.mark.parametrize("what", _FORBIDDEN)
def test_no_source_holds(what: str, texts: dict[str, str]):
    found = [
        f"{name}:{number}: {line.strip()[:100]}"
        for name, text in texts.items()
        for number, line in enumerate(text.splitlines(), 1)
        if name != THIS and _FORBIDDEN[what].search(line)
    ]
    assert found == [], f"no source holds {what}"


def test_the_rules_bite():
    assert too_long("a.py", "x\n" * 401)
    assert not too_long("a.py", "x\n" * 400)
    assert too_long("a.pxd", "x\n" * 101)
    assert not too_long("a.pxd", "# Over 100 lines because a union has many arms.\n" + "x\n" * 101)
    host, path, end = _FORBIDDEN.values()
    assert host.search('"resolved": "https://registry.example/a.tgz"')
    assert host.search("pip install --index-url x")
    assert path.search("see /home/dana/x")
    assert not path.search("https://shop.example/home/garden")
    assert end.search("# TODO: later")
