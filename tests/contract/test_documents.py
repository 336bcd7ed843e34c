"""What the documents say can be done, and where they point."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner

import cli.main
from tests.documents import README, ROOT, fenced, section, spans

_IGNORED = {"node_modules", ".venv", "build", "dist", ".pytest_cache"}
DOCUMENTS = sorted(
    path
    for path in ROOT.rglob("*.md")
    if not _IGNORED & {*path.relative_to(ROOT).parts} and not path.is_symlink()
)
# The contract also names what is still to come.
_PROMISES = ROOT / "docs" / "contracts.md"
_FOLDERS = tuple(f"{path.name}/" for path in ROOT.iterdir() if path.is_dir())


def anchors(text: str) -> set[str]:
    """The anchors that a Markdown viewer makes of the headings."""
    headings: list[str] = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in headings}


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_and_images_lead_somewhere(path: Path):
    lost: list[str] = []
    for target in re.findall(r"\]\(([^)\s]+)\)", path.read_text()):
        name, _, anchor = target.partition("#")
        if re.match(r"[a-z]+:", name):
            continue
        there = path if not name else path.parent / name
        if not there.exists() or (anchor and anchor not in anchors(there.read_text())):
            lost.append(target)
    assert lost == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_that_are_named_are_there(path: Path):
    """`tests/integration/test_kill.py` and the like; patterns and placeholders are none."""
    named = [
        span.partition("::")[0]
        for span in spans(path.read_text())
        if span.startswith(_FOLDERS) and re.fullmatch(r"[\w./:-]+", span)
    ]
    assert [name for name in named if not (ROOT / name).exists()] == []


def made(target: str) -> bool:
    """Tell whether the Makefile knows how to make it."""
    done = subprocess.run(
        ["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return done.returncode == 0


def test_make_targets_that_are_named_are_there():
    named: set[str] = set()
    for path in DOCUMENTS:
        if path != _PROMISES:
            said = [*spans(path.read_text()), *"\n".join(fenced(path, "sh")).splitlines()]
            for text in said:
                words = text.partition("#")[0].split()
                if words[:1] == ["make"]:
                    named |= {word for word in words[1:] if re.fullmatch(r"[a-z-]+", word)}
    assert {"run", "test"} <= named
    assert {target for target in named if not made(target)} == set()


def subcommand(words: list[str]) -> tuple[list[str], list[str]]:
    """The path of subcommands, then the options; WORDS in capitals stand for the reader's own."""
    path = [word for word in words if re.fullmatch(r"[a-z]+", word)]
    return path, [word for word in words if word.startswith("--")]


def commands_of_the_readme() -> list[list[str]]:
    """Each command that the README shows, without `sentientiq`."""
    shown = [
        span.split()[1:]
        for span in spans(README.read_text())
        if span.startswith("sentientiq ") and len(span.split()) > 1
    ]
    for line in section(README, "The command line").splitlines():
        # "`sentientiq keys create` · `migrate`": the second has the same beginning.
        if line.startswith("| `sentientiq "):
            shown += [span.split() for span in spans(line.split("|")[1])[1:]]
    return shown


@pytest.mark.parametrize("words", commands_of_the_readme(), ids=" ".join)
def test_commands_of_the_readme_exist(words: list[str]):
    path, options = subcommand(words)
    done = CliRunner().invoke(cli.main.main, [*path, "--help"])
    assert done.exit_code == 0, done.output
    assert "Usage: " + " ".join(["main", *path]) in done.output
    assert [option for option in options if option not in done.output] == []


def test_the_readme_names_every_command():
    named = {words[0] for words in commands_of_the_readme()}
    listed = CliRunner().invoke(cli.main.main, ["--help"]).output.partition("Commands:")[2]
    assert named == set(re.findall(r"^  ([a-z]+)  ", listed, re.MULTILINE))


def test_shell_blocks_hold_only_what_is_checked():
    """A block with another kind of command needs another kind of check here."""
    for path in (README, ROOT / "sdk" / "js" / "README.md"):
        for line in "\n".join(fenced(path, "sh")).splitlines():
            words = shlex.split(line, comments=True)
            assert not words or words[0] in {"make", "sentientiq"}, line


def test_npm_scripts_that_are_named_are_there():
    scripts = json.loads((ROOT / "sdk/js/package.json").read_text())["scripts"]
    named: set[str] = set()
    for path in DOCUMENTS:
        for span in spans(path.read_text()):
            if found := re.match(r"npm (?:run )?([a-z]+)", span):
                named.add(found[1])
    assert named - {"ci", "install"} <= set(scripts)
