"""The audit service: evaluates policy and writes the ledger, in one step (law 1)."""
