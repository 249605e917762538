"""How events travel: generated stubs in `v1`, and conversion between values and bus messages."""
