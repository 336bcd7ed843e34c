"""What is wrong with a policy document."""

from __future__ import annotations


class PolicyError(Exception):
    """The document cannot be used; the message names the place in it and the mend."""
