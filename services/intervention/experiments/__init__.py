"""Experiments: who is left alone, who gets which arm, and what it did to them.

`document` says what runs, `assignment` who is in which arm; `exposure_log` and `observations` keep
who was exposed and what they did; `statistics` and `analysis` say what came of it, `verdict` in
words. docs/experiments.md says which method answers which question.
"""
