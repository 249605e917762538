"""Kills: an installation ended at its write points, started again, and looked at from outside.

`python -m tests.kills --kills N --seed S`, or `make kills N= SEED=`. Three parts: scenes (what
people do, so that doing it again is harmless), a zygote (forks a victim for each kill), and an
observer (who may only use the API and read the ledger).
"""
