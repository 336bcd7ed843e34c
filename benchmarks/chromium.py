"""The browser that benchmarks drive."""

from __future__ import annotations

import shutil

import click


def find_chromium() -> str:
    """Where Chromium is.

    Raises:
        click.ClickException: nowhere.
    """
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        raise click.ClickException("no Chromium: run `make browser`")
    return path
