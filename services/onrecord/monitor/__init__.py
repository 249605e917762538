"""A monitor: follows somebody's ledger for ever, and says when something is wrong with it."""
