"""What anyone needs to verify the ledger: the standard library and `cryptography`, no I/O."""
