"""The settings of every process, written down from the code: `python -m cli.settings_docs`.

docs/settings.md has them all; the README has what each process must be given and where it listens.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from cli.up.plan import MODULES
from services.common.settings import describe

_ROOT = Path(__file__).resolve().parents[1]
SETTINGS = _ROOT / "docs" / "settings.md"
README = _ROOT / "README.md"
_BEGIN = "<!-- settings: `make docs` writes this table from the code -->\n"
_END = "<!-- end of settings -->\n"

_HEAD = """\
# Settings

Each process reads its environment once, when it starts (`sentientiq serve NAME`). If something is
missing or does not parse it exits with 78 and names every such variable. `sentientiq up` sets all
of this itself. `make docs` writes this file from the settings classes; do not edit it.

Every process also reads `SIQ_LOG_LEVEL` (`DEBUG`, `INFO`, `WARNING`, `ERROR`; default `INFO`),
`SIQ_METRICS_LISTEN` (host:port of `GET /metrics` for Prometheus; default: off) and `SIQ_TRACE_FILE`
(a file to append spans to; default: none).
"""


def _rows(name: str) -> list[tuple[str, str, str]]:
    module = MODULES[name]
    # A process that is a package keeps its settings beside its `__main__`.
    found = importlib.import_module(module)
    if hasattr(found, "__path__"):
        found = importlib.import_module(f"{module}.settings")
    settings: type[Any] = found.Settings
    return describe(settings)


def _code(text: str) -> str:
    return "empty" if text in ("", "()") else f"`{text}`"


def document() -> str:
    """docs/settings.md as it should be."""
    parts = [_HEAD]
    for name in MODULES:
        lines = [f"## {name}", "", "| variable | default | meaning |", "|---|---|---|"]
        for variable, default, help in _rows(name):
            shown = "**required**" if default == "required" else _code(default)
            sentence = help if help.startswith("gRPC") else help[:1].upper() + help[1:]
            meaning = sentence.replace("|", "\\|")
            lines.append(f"| `{variable}` | {shown} | {meaning} |")
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def summary() -> str:
    """The README's table: a line a process."""
    lines = ["| process | must be given | listens on |", "|---|---|---|"]
    for name in MODULES:
        rows = _rows(name)
        required = [_code(variable) for variable, default, _ in rows if default == "required"]
        listens = [_code(default) for variable, default, _ in rows if variable.endswith("_LISTEN")]
        lines.append(f"| {name} | {' '.join(required) or 'nothing'} | {' '.join(listens)} |")
    return "\n".join(lines) + "\n"


def with_summary(readme: str) -> str:
    """The README with its table of settings made anew."""
    before, begin, rest = readme.partition(_BEGIN)
    _, end, after = rest.partition(_END)
    if not begin or not end:
        raise ValueError(f"README.md lacks the lines\n{_BEGIN}{_END}between which the table stands")
    return before + begin + summary() + end + after


if __name__ == "__main__":
    SETTINGS.write_text(document())
    README.write_text(with_summary(README.read_text()))
