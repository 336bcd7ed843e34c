"""Settings come from the environment, whole or not at all."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from services.common.settings import SettingsError, describe, load, setting


@dataclass(frozen=True, slots=True)
class Sample:
    url: str = setting("X_URL", "where it is")
    size: int = setting("X_SIZE", "how many", default=3)
    on: bool = setting("X_ON", "whether", default=False)
    names: tuple[str, ...] = setting("X_NAMES", "which", default=())


def test_values_are_parsed_by_type():
    loaded = load(Sample, {"X_URL": "u", "X_SIZE": "7", "X_ON": "yes", "X_NAMES": "a, b"})
    assert loaded == Sample("u", 7, True, ("a", "b"))


def test_defaults_apply_to_what_is_absent_or_empty():
    assert load(Sample, {"X_URL": "u", "X_SIZE": ""}) == Sample("u", 3, False, ())


def test_everything_that_is_wrong_is_named_at_once():
    with pytest.raises(SettingsError) as raised:
        load(Sample, {"X_SIZE": "many", "X_ON": "perhaps"})
    for word in ("X_URL is missing: where it is", "X_SIZE='many'", "X_ON='perhaps'"):
        assert word in str(raised.value)


def test_a_class_describes_itself():
    assert ("X_SIZE", "3", "how many") in describe(Sample)
