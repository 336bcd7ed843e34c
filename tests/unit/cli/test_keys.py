"""`sentientiq keys token`: a token that the services believe, for one tenant, and no longer."""

from __future__ import annotations

import time
from pathlib import Path

import jwt
import pytest
from click.testing import CliRunner, Result

from cli.keys import command
from services.common.auth import read_token
from services.common.errors import PermissionDenied

SECRET = "a-secret-of-tests-at-least-32-bytes-long"


def sign(*words: str, secret: str = SECRET) -> Result:
    return CliRunner(env={"SIQ_MESH_SECRET": secret}).invoke(command, ["token", *words])


def test_token_is_for_the_tenant_and_role() -> None:
    caller = read_token(SECRET, sign("acme").output.strip())
    assert (caller.tenant_id, caller.role) == ("acme", "team")
    with pytest.raises(PermissionDenied):
        caller.require_tenant("other")
    assert read_token(SECRET, sign("acme", "--role", "operator").output.strip()).role == "operator"


def test_token_expires() -> None:
    claims = jwt.decode(sign("acme", "--hours", "3").output.strip(), SECRET, algorithms=["HS256"])
    assert claims["exp"] - claims["iat"] == 3 * 3600
    assert abs(claims["iat"] - time.time()) < 60


@pytest.mark.parametrize("words", [["*"], ["Not A Tenant"], ["acme", "--role", "mesh"]])
def test_token_of_the_mesh_or_of_all_tenants_is_not_signed(words: list[str]) -> None:
    result = sign(*words)
    assert result.exit_code == 2
    assert "." not in result.stdout


def test_without_a_secret_it_says_what_to_set(tmp_path: Path) -> None:
    result = sign("acme", "--data", str(tmp_path), secret="")
    assert result.exit_code == 1
    assert "SIQ_MESH_SECRET" in result.output
