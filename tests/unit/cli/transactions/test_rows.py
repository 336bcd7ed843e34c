"""CSV rows become transactions exactly, or say what is wrong."""

from __future__ import annotations

import gzip
import io
from pathlib import Path

import pytest
from click.testing import CliRunner
from sentientiq.identity.v1 import identity_service_pb2 as pb

from cli.errors import CliError
from cli.transactions.command import command
from cli.transactions.rows import Row, read_rows

HEADER = "transaction_id,user_id,amount,currency,occurred_at,kind,refers_to\n"


def read(*lines: str, header: str = HEADER) -> list[Row]:
    return list(read_rows(io.StringIO(header + "".join(line + "\n" for line in lines))))


def only(line: str) -> pb.Transaction:
    (row,) = read(line)
    assert row.transaction is not None, row.fault
    return row.transaction


@pytest.mark.parametrize(
    ("amount", "currency", "minor"),
    [
        ("1234.5", "USD", 123_450),
        ("0.01", "eur", 1),
        ("1e3", "JPY", 1_000),
        ("1.234", "KWD", 1_234),
        ("0.0001", "CLF", 1),
        ("90071992547409.93", "USD", 9_007_199_254_740_993),
    ],
)
def test_amounts_are_exact(amount: str, currency: str, minor: int) -> None:
    if minor > 10**15:
        assert "amount: " in read(f"t1,u1,{amount},{currency},2026-01-01,,")[0].fault
        return
    found = only(f"t1,u1,{amount},{currency},2026-01-01,,").amount
    assert (found.currency, found.minor) == (currency.upper(), minor)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2026-03-01", 1_772_323_200),
        ("2026-03-01T12:30:00Z", 1_772_368_200),
        ("2026-03-01 12:30:00+02:00", 1_772_361_000),
    ],
)
def test_times_are_utc_where_they_name_no_zone(text: str, seconds: int) -> None:
    assert only(f"t1,u1,1,USD,{text},,").occurred_at.seconds == seconds


def test_columns_come_in_any_order_and_kinds_in_words() -> None:
    header = "kind,refers_to,currency,amount,user_id,occurred_at,transaction_id\n"
    row = read("Refund,t0,EUR,5,u1,2026-01-01,t1", header=header)[0].transaction
    assert row is not None
    assert (row.kind, row.refers_to, row.transaction_id) == (
        pb.TRANSACTION_KIND_REFUND,
        "t0",
        "t1",
    )
    short = "transaction_id,user_id,amount,currency,occurred_at\n"
    bought = read("t1,u1,1,USD,2026-01-01", header=short)[0].transaction
    assert bought is not None
    assert bought.kind == pb.TRANSACTION_KIND_PURCHASE


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (",u1,1,USD,2026-01-01,,", "transaction_id: expected a value"),
        ("t1,,1,USD,2026-01-01,,", "user_id: expected a value"),
        ("t1,u1,1,USD,,,", "occurred_at: expected a value"),
        ("t1,u1,-1,USD,2026-01-01,,", "amount: expected more than 0"),
        ("t1,u1,0,USD,2026-01-01,,", "amount: expected more than 0"),
        ("t1,u1,NaN,USD,2026-01-01,,", "amount: expected more than 0"),
        ('t1,u1,"1,000",USD,2026-01-01,,', "amount: expected a decimal number"),
        ("t1,u1,1.005,USD,2026-01-01,,", "amount: USD has 2 decimals"),
        ("t1,u1,1.5,JPY,2026-01-01,,", "amount: JPY has 0 decimals"),
        ("t1,u1,1,EURO,2026-01-01,,", "currency: expected an ISO 4217 code"),
        ("t1,u1,1,USD,01/02/2026,,", "occurred_at: expected a date or time"),
        ("t1,u1,1,USD,2026-01-01,gift,", "kind: expected one of purchase, subscription"),
        ("t1,u\udcff,1,USD,2026-01-01,,", "user_id: expected printable UTF-8 text"),
        ("t1,u1,1,USD,2026-01-01", "expected 7 columns, was 5"),
    ],
)
def test_a_bad_row_names_its_column_and_stops_nothing(line: str, fault: str) -> None:
    bad, good = read(line, "t9,u1,1,USD,2026-01-01,,")
    assert (bad.line, bad.transaction, bad.fault[: len(fault)]) == (2, None, fault)
    assert good.line == 3
    assert good.transaction is not None


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("", "lacks transaction_id"),
        ("id,user_id\n", "lacks transaction_id, amount"),
        (HEADER.replace("kind", "type"), "other names"),
        (HEADER.replace("kind", "amount"), "twice"),
    ],
)
def test_a_header_must_be_understood(header: str, words: str) -> None:
    with pytest.raises(CliError, match=words):
        read(header=header)


def test_a_line_after_a_long_field_is_counted_as_in_an_editor() -> None:
    rows = read('"t\n1",u1,1,USD,2026-01-01,,', "t2,u1,1,USD,2026-01-01,x,")
    assert [(row.line, row.fault.partition(":")[0]) for row in rows] == [
        (3, "transaction_id"),
        (4, "kind"),
    ]


def test_check_names_lines_and_sends_nothing(tmp_path: Path) -> None:
    file = tmp_path / "paid.csv.gz"
    lines = "t1,u1,1,USD,2026-01-01,,\nt2,u1,x,USD,2026-01-01,,\n\xff\n"
    file.write_bytes(gzip.compress((HEADER + lines).encode("latin-1")))
    done = CliRunner().invoke(command, ["import", str(file), "--tenant", "acme", "--check"])
    assert done.exit_code == 1
    assert "line 3: amount: expected a decimal number such as 1234.50, was 'x'" in done.stderr
    assert "line 4: expected 7 columns, was 1" in done.stderr
    assert done.stdout == "3 rows, 2 unreadable; nothing was sent\n"


def test_a_file_that_is_not_gzip_is_no_traceback(tmp_path: Path) -> None:
    file = tmp_path / "paid.csv.gz"
    file.write_bytes(b"no gzip")
    done = CliRunner().invoke(command, ["import", str(file), "--tenant", "acme", "--check"])
    assert done.exit_code == 1
    assert "line 1: not CSV, or not gzip: Not a gzipped file" in done.stderr
    assert isinstance(done.exception, SystemExit)
