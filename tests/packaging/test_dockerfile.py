"""The Dockerfile, read as the builder reads it: stages, pinned bases, who runs, what goes in."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def instructions() -> list[tuple[str, str]]:
    """(INSTRUCTION, arguments) in order, continued lines joined, comments left out."""
    lines = (ROOT / "Dockerfile").read_text().splitlines()
    text = "\n".join(line for line in lines if not line.lstrip().startswith("#"))
    joined = re.sub(r"\\\n\s*", " ", text)
    parts = [line.partition(" ") for line in joined.splitlines() if line.strip()]
    return [(word.upper(), rest.strip()) for word, _, rest in parts]


def stages() -> list[list[tuple[str, str]]]:
    found: list[list[tuple[str, str]]] = []
    for word, rest in instructions():
        if word == "FROM":
            found.append([])
        found[-1].append((word, rest))
    return found


def test_every_base_is_pinned_to_a_version() -> None:
    bases = [stage[0][1].split()[0] for stage in stages()]
    assert len(bases) == 3
    for base in bases:
        assert re.search(r":\d+(\.\d+)*-", base), base
    # What was built in one Python runs in the same.
    assert bases[1] == bases[2]


def test_runtime_is_the_process_by_argument_and_not_root() -> None:
    runtime = stages()[-1]
    values = dict(runtime)
    assert values["ENTRYPOINT"] == '["sentientiq"]'
    uid, _, gid = values["USER"].partition(":")
    assert int(uid) >= 10_000
    assert int(gid) >= 10_000
    after_user = [word for word, _ in runtime[runtime.index(("USER", values["USER"])) :]]
    assert "RUN" not in after_user


def test_runtime_has_no_compiler_and_no_engine() -> None:
    text = " ".join(rest for _, rest in stages()[-1])
    assert not re.search(r"apt-get|gcc|embedded|npm", text)


@pytest.mark.parametrize("stage", range(3))
def test_everything_copied_exists_and_reaches_the_builder(stage: int) -> None:
    allowed = {
        line[1:]
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    for word, rest in stages()[stage]:
        if word != "COPY" or rest.startswith("--from"):
            continue
        for source in rest.split()[:-1]:
            assert (ROOT / source).exists(), source
            assert Path(source).parts[0] in allowed, source


def test_every_package_of_the_wheel_is_copied() -> None:
    copied = " ".join(rest for word, rest in stages()[1] if word == "COPY").split()
    packages = {path.parent.name for path in ROOT.glob("*/py.typed")}
    assert packages | {"proto", "MANIFEST.in"} <= set(copied)
