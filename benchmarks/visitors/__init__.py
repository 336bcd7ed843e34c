"""A simulator of visitors: recordings with known truth. What that proves stands in README.md."""

from benchmarks.visitors.mix import DEFAULT_MIX, HARD, OCCASIONS, Visit, generate
from benchmarks.visitors.person import EMOTIONS, Feeling

__all__ = ["DEFAULT_MIX", "EMOTIONS", "HARD", "OCCASIONS", "Feeling", "Visit", "generate"]
