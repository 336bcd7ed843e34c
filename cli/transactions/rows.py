"""Rows of a CSV file as transactions, or as a line and what is wrong with it."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from sentientiq.identity.v1 import identity_service_pb2 as pb

from cli.errors import CliError
from services.identity.value.words import NEEDED, OPTIONAL, BadWords, read_words


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the file."""

    line: int
    transaction: pb.Transaction | None
    fault: str = ""
    """Why it is no transaction."""


@contextmanager
def opened(path: Path) -> Generator[tuple[IO[bytes], IO[str]]]:
    """Open a CSV file, `.gz` too: the file itself, for how far it was read, and its text."""
    with path.open("rb") as raw:
        packed = path.suffix == ".gz"
        binary: IO[bytes] = gzip.GzipFile(fileobj=raw) if packed else raw  # type: ignore[assignment]
        # What is not UTF-8 becomes a mark that no check lets through, so its line is named.
        with io.TextIOWrapper(binary, "utf-8-sig", errors="surrogateescape", newline="") as text:
            yield raw, text


def read_rows(text: IO[str]) -> Iterator[Row]:
    """Read transactions line by line.

    Raises:
        CliError: the header lacks a column, or has one of another name.
    """
    reader = csv.reader(text, strict=True)
    header = [name.strip().lower() for name in _next(reader) or ()]
    _check_header(header)
    while (cells := _next(reader)) is not None:
        if not cells:
            continue
        if len(cells) != len(header):
            fault = f"expected {len(header)} columns, was {len(cells)}"
            yield Row(reader.line_num, None, fault)
            continue
        try:
            found = read_words(dict(zip(header, (cell.strip() for cell in cells), strict=True)))
        except BadWords as error:
            yield Row(reader.line_num, None, str(error))
        else:
            yield Row(reader.line_num, found)


def _next(reader: Any) -> list[str] | None:
    """The next row; None at the end."""
    try:
        cells: list[str] = next(reader)
    except StopIteration:
        return None
    except (csv.Error, EOFError, OSError, zlib.error) as error:
        raise CliError(f"line {reader.line_num + 1}: not CSV, or not gzip: {error}") from error
    return cells


def _check_header(header: list[str]) -> None:
    known = (*NEEDED, *OPTIONAL)
    lacking = [name for name in NEEDED if name not in header]
    strange = [name for name in header if name not in known]
    if lacking or strange or len(set(header)) < len(header):
        said = f"lacks {', '.join(lacking)}" if lacking else "has columns of other names, or twice"
        raise CliError(
            f"line 1: the header {said}: expected {', '.join(NEEDED)}, and where needed"
            f" {', '.join(OPTIONAL)}; was {', '.join(header)[:300] or 'nothing'}"
        )
