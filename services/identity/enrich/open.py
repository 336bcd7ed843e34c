"""From a tenant's spec to the enricher that it describes."""

from __future__ import annotations

from pathlib import Path
from typing import assert_never

from services.common.guard import Guard
from services.identity.enrich.csv_file import CsvFile
from services.identity.enrich.http_json import HttpJson
from services.identity.enrich.port import Enricher
from services.identity.enrich.postgres import Postgres
from services.identity.enrich.spec import CsvSpec, HttpSpec, PostgresSpec, Spec


class Opener:
    """Makes enrichers; each tenant has a folder of its own below one that the operator names."""

    def __init__(self, folder: str, guard: Guard) -> None:
        # Without a folder nothing named can be found, which each look-up then says.
        self._folder = Path(folder) if folder else Path("/nonexistent")
        self._guard = guard

    def __call__(self, tenant_id: str, spec: Spec) -> Enricher:
        """Make one; nothing is read or connected yet."""
        folder = self._folder / tenant_id
        match spec:
            case CsvSpec():
                return CsvFile(spec, folder)
            case HttpSpec():
                return HttpJson(spec, folder, self._guard)
            case PostgresSpec():
                return Postgres(spec, folder)
            case _:
                assert_never(spec)
