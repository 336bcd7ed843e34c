"""What is done about an emotion: the document, compiled, and judged by pure functions.

document ──reading──▶ compiled ──judge──▶ verdict
   facts, readings of guards ──┘
"""

from services.intervention.policy.compiled import Policy
from services.intervention.policy.errors import PolicyError
from services.intervention.policy.facts import Facts, Recipient
from services.intervention.policy.judge import (
    UNFIT_ARM,
    UNGUARDED,
    TeamUnknown,
    Verdict,
    judge,
    take,
)
from services.intervention.policy.reading import (
    BUILTIN_VERSION,
    builtin_body,
    builtin_policy,
    digest_of,
    parse_policy,
)

__all__ = [
    "BUILTIN_VERSION",
    "UNFIT_ARM",
    "UNGUARDED",
    "Facts",
    "Policy",
    "PolicyError",
    "Recipient",
    "TeamUnknown",
    "Verdict",
    "builtin_body",
    "builtin_policy",
    "digest_of",
    "judge",
    "parse_policy",
    "take",
]
