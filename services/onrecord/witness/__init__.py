"""A witness (C2SP tlog-witness): cosigns what extends all that it ever saw of a ledger."""
