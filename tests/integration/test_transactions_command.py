"""`sentientiq transactions import` against the real service."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from click.testing import CliRunner, Result

from cli.transactions.command import command
from tests.integration.identity_service import MESH, Service, identity_token


async def run(service: Service, file: Path, tenant: str, *options: str) -> Result:
    environ = {"SIQ_IDENTITY_ADDR": service.settings.listen, "SIQ_MESH_SECRET": MESH}
    words = ["import", str(file), "--tenant", tenant, *options]
    # The command runs a loop of its own.
    return await asyncio.to_thread(CliRunner(env=environ).invoke, command, words)


async def test_a_file_is_imported_once_however_often(service: Service, tmp_path: Path) -> None:
    tenant = await service.make_tenant()
    token = identity_token()
    await service.identify(service.sealed(tenant, {"token": token}))
    file = tmp_path / "paid.csv"
    lines = [f"t{n},u1,1.00,USD,2026-01-01" for n in range(1_200)]
    file.write_text("transaction_id,user_id,amount,currency,occurred_at\n" + "\n".join(lines))
    done = await run(service, file, tenant)
    assert (done.exit_code, done.stdout) == (0, "1200 recorded, 0 known already\n")
    assert (await service.resolve(tenant)).ltv.minor == 120_000

    lines[3], lines[700] = "t3,u1,2.00,USD,2026-01-01", "t700,u1,,USD,2026-01-01"
    lines.append("t1200,u1,5.00,USD,2099-01-01")
    file.write_text("transaction_id,user_id,amount,currency,occurred_at\n" + "\n".join(lines))
    again = await run(service, file, tenant, "--json")
    assert again.exit_code == 1
    assert json.loads(again.stdout.splitlines()[-1]) == {
        "rows": 1_201,
        "recorded": 0,
        "repeated": 1_198,
        "refused": {"unreadable": 1, "conflict": 1, "invalid": 1},
    }
    faults = [line for line in again.stderr.splitlines() if line.startswith("line ")]
    assert faults == [
        "line 5: recorded before with other content, which stands (t3)",
        "line 702: amount: expected a value, was empty",
        "line 1202: occurred_at: expected a time from 1990 on that is not in the future (t1200)",
    ]
    assert (await service.resolve(tenant)).ltv.minor == 120_000


async def test_a_file_that_breaks_off_says_so_and_keeps_what_stood_before(
    service: Service, tmp_path: Path
) -> None:
    tenant = await service.make_tenant()
    await service.identify(service.sealed(tenant, {"token": identity_token()}))
    file = tmp_path / "paid.csv"
    file.write_text(
        "transaction_id,user_id,amount,currency,occurred_at\nt1,u1,1,USD,2026-01-01\n"
        't2,u1,1,USD,"2026-01-01'
    )
    done = await run(service, file, tenant)
    assert done.exit_code == 1
    assert "not CSV" in done.stderr
    assert "broke off after 1 lines: run the same command again" in done.stderr
    assert (await service.resolve(tenant)).ltv.minor == 100


async def test_an_unknown_tenant_is_said(service: Service, tmp_path: Path) -> None:
    file = tmp_path / "paid.csv"
    file.write_text("transaction_id,user_id,amount,currency,occurred_at\nt1,u1,1,USD,2026-01-01\n")
    done = await run(service, file, "nobody-here")
    assert done.exit_code == 1
    assert "identity refused: tenant_id: no such tenant" in done.stderr
