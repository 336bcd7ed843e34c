"""What it cost to leave people alone: figures with intervals, or a plain "cannot tell".

`judge.py` asks in this order: has chance decided who was left alone (`randomised.py`)? If not, can
those who were helped stand for those who were not (`overlap.py`, `doubly_robust.py`, `placebo.py`)?
If not, it says what is missing. Everything here is arithmetic: no clock, no I/O.
docs/cost.md explains each figure; `python -m benchmarks cost` shows that they hold.
"""
