"""Start the identity service: `python -m services.identity`."""

from services.common.process import run
from services.identity.server import serve
from services.identity.settings import Settings

if __name__ == "__main__":
    run("identity", Settings, serve)
