"""Mutation testing with mutmut 3: a copy to mutate, what survived, and why it may.

`make mutants OF=proof|plane|audit` runs a subject; `python -m tools.mutants --help` tells the rest.
"""
