"""What tests of identity begin with; a module may have fixtures of its own by these names."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from tests.integration.identity_service import Service, running_service


@pytest.fixture
async def service(postgres_url: str, log_url: str, tmp_path: Path) -> AsyncGenerator[Service, None]:
    """A running identity service."""
    async with running_service(postgres_url, log_url, tmp_path) as made:
        yield made


@pytest.fixture
async def tenant(service: Service) -> str:
    """A fresh tenant of it."""
    return await service.make_tenant()
