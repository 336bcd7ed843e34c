"""What all tests share."""

from hypothesis import Phase, settings

pytest_plugins = ["tests.engines.fixtures", "tests.integration.detection_line"]

# For `make mutants`: a mutant is caught by the first example that fails, the smallest is not
# looked for; and it is caught in every run or in none.
settings.register_profile(
    "mutants",
    phases=[Phase.explicit, Phase.generate],
    derandomize=True,
    database=None,
    deadline=None,
)
