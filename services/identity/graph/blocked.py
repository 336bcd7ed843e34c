"""Values that programs write where nobody is known: they would join everybody with everybody."""

from __future__ import annotations

import re
from typing import Final

# fmt: off
# Without blanks, dots, dashes and underscores.
_WORDS: Final = frozenset(
    {
        "null", "nil", "none", "undefined", "nan", "na", "n/a", "void", "false", "true",
        "unknown", "anonymous", "anon", "guest", "visitor", "user", "userid", "id", "email",
        "test", "demo", "default", "example", "string", "object", "admin", "root", "system",
        "nobody", "noname", "notset", "(null)", "(none)", "[objectobject]", "#n/a", "{{userid}}",
        "{{user}}", "{{id}}", "${userid}", "${id}", "%userid%",
    }
)
_ADDRESSES: Final = frozenset(
    {
        "test@test.com", "test@example.com", "user@example.com", "email@example.com",
        "name@example.com", "a@a.a", "a@b.c", "a@a.com", "a@b.com", "none@none.com", "no@no.com",
        "null@null.com", "asdf@asdf.com", "noreply@noreply.com",
    }
)
# fmt: on
# "0000", "-1", "xxxx", "00000000-0000-0000-0000-000000000000"
_REPEATED: Final = re.compile(r"(.)\1*")


def is_blocked(value: str, more: frozenset[str] = frozenset()) -> bool:
    """Tell whether a value names nobody; `more` are the tenant's own, in lower case."""
    word = " ".join(value.split()).lower()
    if not word or word in more or word in _ADDRESSES:
        return True
    bare = re.sub(r"[\s._-]", "", word)
    if word == "-1" or bare in _WORDS:
        return True
    # A single letter or digit but zero may well be somebody's id.
    return not bare or (_REPEATED.fullmatch(bare) is not None and (len(bare) > 2 or bare[0] in "0"))
