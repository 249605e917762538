"""Synthetic licence portraits: rendered heads of people who do not exist.

Good for ranking and for load, never for stating error rates: every face shares one renderer's
look, so strangers score more alike than real ones do.
"""
