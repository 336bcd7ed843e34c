"""`sentientiq privacy`, `keys rotate-…` and `audit certificate`, as an operator calls them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from cli import audit, keys, privacy
from tests.integration.identity_service import MESH, Service, identity_token, running_service


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all tests here: a database has one file of keys."""
    return tmp_path_factory.mktemp("keys")


@pytest.fixture
async def service(postgres_url: str, log_url: str, folder: Path) -> AsyncGenerator[Service, None]:
    async with running_service(postgres_url, log_url, folder) as made:
        yield made


async def run(service: Service, command: click.Group, *words: str) -> Result:
    """Call a command beside the running service."""
    environment = {
        "SIQ_IDENTITY_ADDR": service.settings.listen,
        "SIQ_MESH_SECRET": MESH,
        "SIQ_POSTGRES_URL": service.settings.postgres_url,
        "SIQ_SEALING_KEY_FILE": service.settings.sealing_key_file,
        "SIQ_KEK_FILE": service.settings.kek_file,
    }
    runner = CliRunner(env=environment)
    return await asyncio.to_thread(runner.invoke, command, list(words))


async def test_export_erase_and_verify_the_certificate(service: Service, tmp_path: Path) -> None:
    tenant = await service.make_tenant()
    token = identity_token(email="jane@mail.example")
    await service.identify(service.sealed(tenant, {"token": token}))
    exported = await run(service, privacy.command, "export", tenant, "--email", "jane@mail.example")
    lines: list[dict[str, Any]] = [json.loads(line) for line in exported.stdout.splitlines()]
    assert [line["kind"] for line in lines][:2] == ["statement", "identity"]
    assert lines[-1]["kind"] == "end"
    erased = await run(service, privacy.command, "erase", tenant, "--user", "u1")
    assert erased.exit_code == 0, erased.output
    assert json.loads(erased.stdout)["says"]["destroyed"]["statements"] == 1
    file = tmp_path / "certificate.json"
    file.write_text(erased.stdout)
    verified = await run(service, audit.command, "certificate", str(file))
    assert verified.exit_code == 0, verified.output
    told = json.loads(erased.stdout)
    told["certificate"] = told["certificate"].replace(b"destroyed".hex(), b"Destroyed".hex())
    file.write_text(json.dumps(told))
    forged = await run(service, audit.command, "certificate", str(file))
    assert (forged.exit_code, "signature" in forged.output) == (1, True)


async def test_consent_is_recorded_and_shown(service: Service) -> None:
    tenant = await service.make_tenant()
    words = ("consent", tenant, "--user", "u1")
    done = await run(service, privacy.command, *words, "--grant", "marketing", "--refuse", "sale")
    assert done.exit_code == 0, done.output
    shown = await run(service, privacy.command, *words)
    assert [line.split(" (")[0] for line in shown.stdout.splitlines()] == [
        "marketing granted",
        "sale refused",
    ]
    bad = await run(service, privacy.command, *words, "--grant", "telepathy")
    assert (bad.exit_code, "no topic" in bad.output) == (2, True)


async def test_keys_rotate_while_the_service_runs(service: Service) -> None:
    tenant = await service.make_tenant()
    await service.identify(service.sealed(tenant, {"email": "jane@mail.example"}))
    rotated = await run(service, keys.command, "rotate-tenant", tenant)
    assert (rotated.exit_code, rotated.stdout) == (0, "2 keys of subjects wrapped anew\n")
    again = await run(service, keys.command, "rotate-kek", "--retire")
    assert again.exit_code == 0, again.output
    assert again.stdout.endswith("1 old ones retired\n")
    service.parts.privacy.vault.began()
    assert (await service.resolve(tenant)).email == "jane@mail.example"
    await service.identify(service.sealed(tenant, {"email": "joe@mail.example"}, session="s2"))
    assert (await service.resolve(tenant, "s2")).email == "joe@mail.example"
    nobody = await run(service, keys.command, "rotate-tenant", "nobody")
    assert (nobody.exit_code, "no tenant" in nobody.output) == (1, True)
