"""What is asked of S3 besides storing: to compare, and to encrypt where that is wished.

versitygw does not encrypt, so that what is sent is looked at here.
"""

from __future__ import annotations

import base64
import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from services.pipeline.archive import ArchiveUnavailable
from services.pipeline.archive.s3 import S3Objects

Asked = list[tuple[str, str, dict[str, str]]]
COPIED = b"<CopyObjectResult><ETag>&quot;x&quot;</ETag></CopyObjectResult>"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Iterator[Asked]:
    """Requests that a listener got, which says yes to all."""
    found: Asked = []

    class Listener(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_PUT(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            found.append(("PUT", self.path, headers))
            self.send_response(200)
            self.send_header("etag", '"x"')
            self.send_header("content-length", str(len(COPIED)))
            self.end_headers()
            self.wfile.write(COPIED)

        def log_message(self, format: str, *args: object) -> None:
            """Nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Listener)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    for name, value in {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.server_port}",
        "AWS_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }.items():
        monkeypatch.setenv(name, value)
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_uploads_carry_their_hash_and_the_region(asked: Asked) -> None:
    S3Objects("bucket", "pre", timeout_s=5).put("a/b", b"blob")
    ((_, path, headers),) = asked
    assert path == "/bucket/pre/a/b"
    digest = base64.b64encode(hashlib.sha256(b"blob").digest()).decode()
    assert headers["x-amz-checksum-sha256"] == digest
    assert "/eu-central-1/s3/" in headers["authorization"]
    assert "x-amz-server-side-encryption" not in headers


def test_encryption_is_asked_for_with_uploads_and_copies(
    asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SERVER_SIDE_ENCRYPTION", "aws:kms")
    monkeypatch.setenv("AWS_SSE_KMS_KEY_ID", "key-7")
    store = S3Objects("bucket", "", timeout_s=5)
    store.put("a", b"blob")
    with pytest.raises(ArchiveUnavailable):  # the listener does not know DELETE
        store.move([("a", "b")])
    assert [path for _, path, _ in asked] == ["/bucket/a", "/bucket/b"]
    for _, _, headers in asked:
        assert headers["x-amz-server-side-encryption"] == "aws:kms"
        assert headers["x-amz-server-side-encryption-aws-kms-key-id"] == "key-7"
    assert asked[1][2]["x-amz-copy-source"].endswith("bucket/a")
