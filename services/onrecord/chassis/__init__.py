"""The machinery under every service: no business words, and nothing but the kernel imported."""
