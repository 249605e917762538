"""Chaos: an installation at work, and one thing after another that happens to it.

`python -m tests.chaos --seed S --minutes M --form processes|cluster`, or `make chaos`. Four parts:
a form (what is started, and what can be done to it), wires (every connection within it goes over
a TCP proxy that can be cut), the load (people who search, enrol, delete and examine, and who ask
again until they are answered), and a watch (which may only use the API and read the ledger, and
holds what people were told against it).
"""
