"""The shipped formulas of reputation, one file a version: what rules weigh, count and ask for.

A file `NAME-VERSION.toml` names `effective_from`, the first local day it is in force, and what else the rule
of that name reads. Fractions of numbers are decimals and exact. What the published articles leave open is a
parameter here, never a constant in code.
"""
