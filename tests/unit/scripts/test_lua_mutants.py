"""Mutants of Lua scripts: one change each, in the scripts that are run, never in their strings."""

from __future__ import annotations

import importlib
from types import ModuleType

from scripts.lua_mutants import MODULE, Mutant, apply, mutants

_PART = "local now = redis.call('TIME')[1] + 1\n"
_WHOLE = _PART + "if now >= 2 and ARGV[1] ~= 'and 1' then\nredis.call('DEL', 'k')\nend\n"


def module() -> ModuleType:
    made = ModuleType("made")
    made.__dict__.update(PART=_PART, WHOLE=_WHOLE, OTHER="not Lua", NUMBER=1)
    return made


def test_every_change_is_one_line_of_one_whole_script():
    found = mutants(module())
    assert {mutant.script for mutant in found} == {"WHOLE"}
    assert [mutant.new for mutant in found if mutant.line == 1] == [
        "if now > 2 and ARGV[1] ~= 'and 1' then",
        "if now >= 3 and ARGV[1] ~= 'and 1' then",
        "if now >= 2 or ARGV[1] ~= 'and 1' then",
        "if now >= 2 and ARGV[2] ~= 'and 1' then",
        "if now >= 2 and ARGV[1] == 'and 1' then",
    ]
    assert Mutant("WHOLE", 2, "redis.call('DEL', 'k')", "") in found


def test_a_mutant_takes_the_place_of_its_script():
    made = module()
    apply(made, Mutant("WHOLE", 2, "redis.call('DEL', 'k')", ""))
    assert _WHOLE.replace("redis.call('DEL', 'k')", "").rstrip("\n") == made.WHOLE


def test_the_lease_scripts_are_found():
    found = mutants(importlib.import_module(MODULE))
    assert len(found) > 50
    assert len({mutant.script for mutant in found}) == 4
