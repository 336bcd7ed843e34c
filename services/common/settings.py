"""Settings: frozen dataclasses, read once from the environment.

    @dataclass(frozen=True, slots=True)
    class Settings:
        log_url: str = setting("SIQ_LOG_URL", "The event log, redis://…")
        batch_size: int = setting("SIQ_BATCH_SIZE", "Records a write", default=500)

    settings = load(Settings, os.environ)

A field without a default is required; `load` reports everything that is missing at once.
"""

from __future__ import annotations

import dataclasses
import typing
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

T = TypeVar("T")


class SettingsError(Exception):
    """The environment lacks something, or a value does not parse."""


class UrlError(SettingsError, ValueError):
    """A URL names nothing that is known here; the message names its variable and the mend, and has
    nothing of what may be its password. A ValueError to who was given it otherwise."""


def setting(variable: str, help: str, *, default: Any = dataclasses.MISSING) -> Any:
    """Declare one field: its environment variable, a line of help, and perhaps a default."""
    return dataclasses.field(default=default, metadata={"variable": variable, "help": help})


def _boolean(text: str) -> bool:
    lowered = text.strip().lower()
    if lowered in {"1", "true", "yes", "on"}:
        return True
    if lowered in {"0", "false", "no", "off", ""}:
        return False
    raise ValueError("expected true or false")


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


_PARSERS: dict[Any, Callable[[str], Any]] = {
    str: str,
    int: int,
    float: float,
    bool: _boolean,
    tuple[str, ...]: _words,
}


def load(cls: type[T], environ: Mapping[str, str]) -> T:
    """Build `cls` from the environment.

    Raises:
        SettingsError: naming each variable that is missing or malformed, and the mend.
    """
    hints = typing.get_type_hints(cls)
    values: dict[str, Any] = {}
    problems: list[str] = []
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        variable, text = field.metadata["variable"], None
        text = environ.get(variable)
        if text is None or text == "":
            if field.default is dataclasses.MISSING:
                problems.append(f"{variable} is missing: {field.metadata['help']}")
            continue
        try:
            values[field.name] = _PARSERS[hints[field.name]](text)
        except ValueError as error:
            problems.append(f"{variable}={text!r} is not usable: {error}")
    if problems:
        lines = "\n  ".join(problems)
        raise SettingsError(
            f"cannot start, the environment is incomplete:\n  {lines}\n"
            "Set the variables, or start everything on embedded engines with `sentientiq up`."
        )
    return cls(**values)


def describe(cls: type[Any]) -> list[tuple[str, str, str]]:
    """Rows (variable, default, help) of a settings class, for documentation and `doctor`."""
    return [
        (
            field.metadata["variable"],
            "required" if field.default is dataclasses.MISSING else str(field.default),
            field.metadata["help"],
        )
        for field in dataclasses.fields(cls)
    ]
