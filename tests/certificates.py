"""Self-signed certificates for tests, made by openssl."""

from __future__ import annotations

import ssl
import subprocess
from pathlib import Path


def self_signed(folder: Path, name: str = "edge", *, password: str = "") -> tuple[Path, Path]:
    """Make a certificate of 127.0.0.1 and its key; returns their files."""
    cert, key = folder / f"{name}.pem", folder / f"{name}.key"
    secret = ["-passout", f"pass:{password}"] if password else ["-nodes"]
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", *secret,
         "-keyout", str(key), "-out", str(cert), "-days", "2", "-subj", "/CN=edge",
         "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True,
        capture_output=True,
    )  # fmt: skip
    return cert, key


def trusting(cert: Path) -> ssl.SSLContext:
    """A client's context that believes this certificate and no other."""
    return ssl.create_default_context(cafile=str(cert))
