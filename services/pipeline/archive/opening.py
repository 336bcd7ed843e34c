"""Which store a URL means."""

from __future__ import annotations

from pathlib import Path

from services.common.settings import UrlError
from services.pipeline.archive.folder import FolderObjects
from services.pipeline.archive.store import Archive


def open_archive(url: str, *, timeout_s: float = 30.0) -> Archive:
    """Open the archive of a URL: file:///folder or s3://bucket/prefix.

    Raises:
        UrlError: the URL names no archive known here.
    """
    scheme, _, path = url.partition("://")
    if scheme == "file" and path.startswith("/"):
        return Archive(FolderObjects(Path(path)))
    bucket, _, prefix = path.partition("/")
    if scheme == "s3" and bucket:
        from services.pipeline.archive.s3 import S3Objects

        return Archive(S3Objects(bucket, prefix.strip("/"), timeout_s=timeout_s))
    raise UrlError(
        f"SIQ_ARCHIVE_URL={url!r}: expected file:///absolute/folder or s3://bucket/prefix"
    )
