"""The plane: it searches only what the ledger shows to be granted, where the data is."""
