"""`python -m services.intervention`: decide, tell people, take their answer."""

from __future__ import annotations

from services.common.process import run
from services.intervention.service import serve
from services.intervention.settings import Settings

if __name__ == "__main__":
    run("intervention", Settings, serve)
