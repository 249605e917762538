"""Where audit keeps the ledger: a database, and an object store for what is public."""
