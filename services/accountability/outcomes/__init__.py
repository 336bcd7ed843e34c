"""What then happened: which events and payments are an outcome, and whose credit it is.

`document.py` is the tenant's mapping, `facts.py` makes outcomes of what was told, each once, and
`credit.py` gives each to one act. docs/cost.md has the rules.
"""
